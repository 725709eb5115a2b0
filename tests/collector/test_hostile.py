"""Bodies made to hurt, and any mixture of good and bad calls: one verdict for each, the good ones kept as they came."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collector.test_app import BASIC, Client, Kept
from tests.collector.test_encodings import PACK
from trackway.collector.app import CollectorApp
from trackway.collector.intake import Limits, Origin, read_batch, size_in_work, take_in
from trackway.collector.refused import Refused
from trackway.events.nesting import DEEPEST
from trackway.events.reasons import REFUSALS
from trackway.events.records import RawRecord, decode_raw
from trackway.workspace.model import Collector, Source, Workspace

WORKSPACE = Workspace(sources={"web": Source(write_keys=["WK"])}, collector=Collector(max_body=2_000_000))
GOOD = b'{"type":"track","userId":"u1","event":"A"}'
ORIGIN = Origin(received_at_ms=1, ip="", user_agent="", client_side=False)


def client() -> tuple[Client, Kept]:
    kept = Kept()
    return Client(CollectorApp(WORKSPACE, kept), None), kept


def records(kept: Kept) -> list[RawRecord]:
    return [decode_raw(record) for record in kept.records]


async def verdicts_on(path: str, body: bytes, **headers: str) -> tuple[int, list[dict[str, Any]], list[RawRecord]]:
    asking, kept = client()
    answer = await asking.send(path, body, headers=BASIC | {"prefer": "verdicts"} | headers)
    assert answer is not None
    return answer.status, answer.body.get("verdicts", []), records(kept)


def nest(levels: int, *, of: str = "array") -> str:
    """A value of that many levels, of at least 1,000 bytes."""
    text = "[" * levels + "]" * levels if of == "array" else '{"k":' * levels + "1" + "}" * levels
    return text + " " * 1000


def track(properties: str) -> bytes:
    return b'{"type":"track","userId":"u1","event":"A","properties":%s}' % properties.encode()


@pytest.mark.parametrize("of", ["array", "object"])
async def test_a_call_nested_too_deeply_is_refused_with_its_place(of: str):
    # The call itself is one level, `properties` another.
    fits = track('{"a/b~":' + nest(DEEPEST - 2, of=of) + "}")
    too_deep = track('{"a/b~":' + nest(DEEPEST - 1, of=of) + "}")
    body = b'{"batch":[%s,%s,%s]}' % (too_deep, fits, GOOD)
    status, verdicts, stored = await verdicts_on("/v1/batch", body)
    assert (status, [one["verdict"] for one in verdicts]) == (200, ["invalid", "accepted", "accepted"])
    assert (verdicts[0]["reason"], verdicts[0]["pointer"]) == ("nested_too_deeply", "/properties")
    assert verdicts[0]["message"]
    assert [record.body for record in stored] == [too_deep, fits, GOOD]


def test_the_sentence_names_the_depth_in_force():
    assert f" {DEEPEST} levels" in REFUSALS["nested_too_deeply"]


async def test_the_pointer_to_a_deep_place_is_escaped():
    call = b'{"userId":"u1","event":"A","x/~y":%s}' % nest(DEEPEST).encode()
    _, verdicts, _ = await verdicts_on("/v1/track", call)
    assert verdicts[0]["pointer"] == "/x~1~0y"


@pytest.mark.parametrize("inside", ["[" * 5000, '\\"[{' * 2000, "\\\\"])
async def test_brackets_in_texts_and_many_flat_ones_are_no_nesting(inside: str):
    call = track('{"a":"' + inside + '","b":[' + ",".join(["{}"] * 900) + "]}")
    status, verdicts, _ = await verdicts_on("/v1/track", call)
    assert (status, verdicts[0]["verdict"]) == (200, "accepted")


@pytest.mark.parametrize("levels", [1_000, 16_000])
@pytest.mark.parametrize("of", ["array", "object"])
async def test_nesting_that_no_reader_survives_costs_only_its_call(levels: int, of: str):
    deep = b'{"type":"track","userId":"u1","event":"A","properties":%s}' % nest(levels, of=of).encode()
    status, verdicts, _ = await verdicts_on("/v1/batch", b'{"batch":[%s,%s]}' % (deep[:32_000] + b"", GOOD))
    if status == 400:  # cut off or too deep for any parser: then the body is no JSON
        assert verdicts == []
    else:
        assert [one["verdict"] for one in verdicts] == ["invalid", "accepted"]


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
async def test_a_hundred_thousand_levels_are_an_error_and_not_a_crash(path: str, opening: bytes):
    asking, kept = client()
    for body in (opening * 100_000, b'{"batch":[%s]}' % (opening * 100_000)):
        answer = await asking.send(path, body, headers=BASIC)
        assert answer is not None and answer.status == 400
    assert all(record.refusal for record in records(kept))


async def test_what_calls_share_is_bounded_like_a_call():
    shared = b'{"a":"%s"}' % (b"x" * 40_000)
    body = b'{"batch":[%s],"context":%s}' % (b",".join([GOOD] * 100), shared)
    _, verdicts, stored = await verdicts_on("/v1/batch", body)
    assert {one["reason"] for one in verdicts} == {"event_too_large"} and len(verdicts) == 100
    assert sum(len(record.shared) for record in stored) == 0, "it is not stored with each of them"


async def test_what_calls_share_may_not_nest_too_deeply():
    body = b'{"batch":[%s],"context":%s}' % (GOOD, b'{"k":' * 300 + b"1" + b"}" * 300)
    _, verdicts, stored = await verdicts_on("/v1/batch", body)
    assert verdicts[0]["reason"] == "nested_too_deeply" and verdicts[0]["pointer"] == "/context"
    assert stored[0].shared == b""


async def test_a_small_body_cannot_become_gigabytes_of_records():
    asking, kept = client()
    for body, agent in (
        (b'{"batch":[%s]}' % b",".join([b"{}"] * 600_000), ""),
        (b'{"batch":[%s]}' % b",".join([b"0"] * 50_000), "x" * 20_000),
        (b'{"batch":[%s],"context":{"a":"%s"}}' % (b",".join([b"0"] * 50_000), b"x" * 30_000), ""),
    ):
        answer = await asking.send("/v1/batch", body, headers=BASIC | {"user-agent": agent})
        assert answer is not None
        assert (answer.status, answer.body["code"]) == (400, "body_too_large"), answer.body
    assert kept.records == []


async def test_records_in_work_count_as_in_flight_until_they_are_durable():
    asking, _ = client()
    seen: list[int] = []

    class Watching(Kept):
        async def submit(self, records: list[bytes]) -> int:
            seen.append(asking.app.in_flight.bytes)
            return await super().submit(records)

    asking.app.appender = Watching()
    body = b'{"batch":[%s]}' % b",".join([b"{}"] * 20_000)
    answer = await asking.send("/v1/batch", body, headers=BASIC)
    assert answer is not None and answer.status == 200
    assert seen[0] > 6_000_000 and asking.app.in_flight.bytes == 0


def test_usual_requests_are_not_worth_counting():
    body = b'{"batch":[%s]}' % b",".join([GOOD] * 100)
    assert size_in_work(read_batch(body), body, b"agent") == 0


NOISE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TEXT_ID = st.text(min_size=1, max_size=20)


@st.composite
def good_calls(draw: st.DrawFn) -> bytes:
    """A call without fault, in any spelling."""
    call: dict[str, Any] = {
        "type": "track",
        "event": draw(TEXT_ID),
        draw(st.sampled_from(["userId", "anonymousId"])): "u",
    }
    if draw(st.booleans()):
        call["messageId"] = draw(TEXT_ID)
    for name in draw(st.sets(st.sampled_from(["properties", "context", "integrations"]))):
        call[name] = draw(st.none() | st.dictionaries(st.text(max_size=5), NOISE, max_size=3))
    call |= draw(st.dictionaries(st.sampled_from(["extra", "_metadata", "channel"]), NOISE))
    names = draw(st.permutations(list(call)))
    text = json.dumps(
        {name: call[name] for name in names},
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 0, 3])),
    )
    return text.encode("utf-8", "replace")


BAD_CALLS = st.one_of(
    NOISE.filter(lambda value: not isinstance(value, dict)),
    st.fixed_dictionaries({"type": NOISE}, optional={"userId": NOISE, "event": st.none() | st.lists(NOISE)}),
    st.fixed_dictionaries(
        {"type": st.just("track"), "userId": st.just("u"), "event": st.sampled_from(["", None, 5, []])}
    ),
    st.fixed_dictionaries({"type": st.just("page"), "userId": st.lists(NOISE)}),
).map(lambda value: json.dumps(value).encode())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.just(True), good_calls()) | st.tuples(st.just(False), BAD_CALLS), min_size=1, max_size=8),
    st.sampled_from(["", *PACK]),
    st.integers(1, 50),
    st.sampled_from([b",", b" ,\n\t "]),
)
async def test_each_call_has_one_verdict_and_the_good_ones_are_kept_to_the_byte(
    calls: list[tuple[bool, bytes]], encoding: str, chunk: int, comma: bytes
):
    body = b'{"sentAt":null,"batch": [%s] }' % comma.join(call for _, call in calls)
    packed = PACK[encoding](body) if encoding else body
    asking, kept = client()
    headers = BASIC | {"prefer": "verdicts"} | ({"content-encoding": encoding} if encoding else {})
    chunks = [packed[at : at + chunk] for at in range(0, len(packed), chunk)]
    answer = await asking.send("/v1/batch", chunks=chunks, headers=headers)
    assert answer is not None and answer.status == 200
    good = [verdict["verdict"] != "invalid" for verdict in answer.body["verdicts"]]
    assert good == [is_good for is_good, _ in calls]
    stored = records(kept)
    assert [record.body for record in stored] == [call for _, call in calls], "the good and the bad"
    assert [record.refusal is None for record in stored] == good
    assert [record.message_id for record in stored] == [one["messageId"] for one in answer.body["verdicts"]]


LOOSE = st.sampled_from(
    [
        b'{"type":"track","userId":"u","event":"A","properties":{"n":[NaN,-Infinity]}}',
        b'{"type":"track","userId":"u","event":"A","properties":{"n":"\\ud800"}}',
        b'{"type":"track","userId":"u","event":"A","properties":{"n":"\xff"}}',
        b'{"type":"track","userId":"u","event":"A","properties":{"n":1e9999}}',
    ]
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.just(True), good_calls()) | st.tuples(st.just(False), LOOSE), min_size=1, max_size=6),
    LOOSE,
    st.sampled_from([b",", b" ,\n\t "]),
    st.sampled_from([b"", b'"batch":[1],', b'"batch":"}]",', b'"a":{"batch":[NaN]},']),
)
async def test_what_is_no_json_in_one_call_changes_no_other(
    calls: list[tuple[bool, bytes]], loose: bytes, comma: bytes, before: bytes
):
    calls = [*calls, (False, loose)]
    body = b'{%s "batch" : [%s ] , "sentAt":null}' % (before, comma.join(call for _, call in calls))
    status, verdicts, stored = await verdicts_on("/v1/batch", body)
    assert status == 200 and {one["verdict"] for one in verdicts} <= {"accepted", "duplicate"}
    for (is_good, call), record in zip(calls, stored, strict=True):
        assert not is_good or (record.body, record.repaired) == (call, False)
        assert not record.repaired or json.loads(record.body)["properties"].keys() == {"n"}


async def test_a_call_too_deep_to_be_mended_costs_only_itself():
    deep = b'{"type":"track","userId":"u","event":"A","properties":{"n":NaN,"d":%s}}' % nest(300).encode()
    status, verdicts, stored = await verdicts_on("/v1/batch", b'{"batch":[%s,%s]}' % (GOOD, deep))
    assert (status, [one["verdict"] for one in verdicts]) == (200, ["accepted", "invalid"])
    assert stored[0].body == GOOD


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["/v1/track", "/v1/batch", "/v1/b", "/x/v1/pixel/track", "/openapi.json", "/v1/m", "/metrics"]),
    st.binary(max_size=200),
    st.dictionaries(
        st.sampled_from(
            [
                "authorization",
                "content-encoding",
                "origin",
                "host",
                "prefer",
                "user-agent",
                "x-forwarded-for",
                "x-forwarded-proto",
                "x-forwarded-host",
                "accept-encoding",
                "if-none-match",
            ]
        ),
        st.text(st.characters(max_codepoint=255), max_size=30),
    ),
    st.text(st.characters(max_codepoint=127), max_size=40),
    st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH", "X"]),
)
async def test_any_head_and_any_body_are_answered(
    path: str, body: bytes, headers: dict[str, str], query: str, method: str
):
    asking = Client(CollectorApp(Workspace(sources=WORKSPACE.sources, collector=TRUSTING), Kept()), None)
    answer = await asking.send(path, body, method=method, headers=headers, query=query, raw_body=True)
    assert answer is not None and answer.status in (200, 204, 400, 401, 404, 405)
    if answer.status >= 400 and method != "HEAD":
        assert {"code", "message", "error", "success"} <= json.loads(answer.body).keys()


TRUSTING = Collector(trusted_proxies=["0.0.0.0/0"])


@given(st.integers(0, 6), st.integers(1, 6))
def test_what_is_beyond_the_batch_limit_is_refused_and_nothing_else(count: int, limit: int):
    body = read_batch(b'{"batch":[%s]}' % b",".join([GOOD] * count))
    if count:
        taken = take_in(body, source="web", path_type=None, origin=ORIGIN, limits=Limits(32768, limit))
        assert list(taken.refusals) == list(range(limit, count))
    else:
        with pytest.raises(Refused):
            take_in(body, source="web", path_type=None, origin=ORIGIN, limits=Limits(32768, limit))


@pytest.mark.parametrize("over", [0, 1])
async def test_the_limit_of_a_call_holds_at_the_byte(over: int):
    call = track('{"a":"%s"}' % ("x" * (32768 + over - len(track('{"a":""}')))))
    assert len(call) == 32768 + over
    status, verdicts, _ = await verdicts_on("/v1/batch", b'{"batch":[%s]}' % call)
    assert (status, verdicts[0]["verdict"]) == (200, "invalid" if over else "accepted")
    asking, _ = client()
    answer = await asking.send("/v1/track", call, headers=BASIC)
    assert answer is not None and answer.status == (400 if over else 200)
