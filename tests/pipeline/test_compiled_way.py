"""The compiled short way takes the most usual calls, and makes of them what the interpreted one does, byte for byte."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipeline.test_short_way import BROWSER, RECEIVED, chain, raw_of
from tests.services import find_compiled
from trackway.cli.shop import Plan as Play
from trackway.cli.shop import simulate
from trackway.events.clock_skew import format_ms
from trackway.events.records import encode
from trackway.pipeline import short_way
from trackway.pipeline.chain import Stage
from trackway.pipeline.short_way import ShortWay, Take

__all__ = ["chain"]

_PLACE = (1, 2**40)
_TIMES = st.integers(0, 253_402_300_799_999) | st.integers(RECEIVED - 90_000_000, RECEIVED + 90_000_000)
_TEXT = msgspec.json.encode(BROWSER)
_BITS = [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\n", b"\x00", b"\x1f", b"\x7f", b"\xff", b"\xc3\xa9"]
_BITS += [
    b"null",
    b"true",
    b"1e5",
    b"-0",
    b"01",
    b"1.",
    b'"\\ud800"',
    b'"\\u00e9"',
    b'"\\/"',
    b"{}",
    b"[]",
    b'"x":1',
    b"9" * 19,
]


@pytest.fixture(scope="module")
def compiled(chain: list[Stage]) -> Callable[[str], Take]:
    """Return what the compiled module takes of a source's calls, without what the interpreted way takes besides."""
    find_compiled("trackway.pipeline.compiled_way")
    ways = ShortWay(chain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(short_way, "_way_of", lambda *_: lambda record, place: None)
        for source in ("shop", "planned", "private", "bare", "web", "app", "server"):
            assert ways.of_source[source]
    return ways.of_source.known.__getitem__


@pytest.fixture(scope="module")
def interpreted(chain: list[Stage]) -> ShortWay:
    return ShortWay(chain, compiled=False)


@pytest.mark.parametrize(
    ("type", "changes"),
    [
        ("track", {}),
        ("track", {"event": "Überweisung", "properties": {"total": 5}}),
        ("track", {"event": "Mine", "properties": {"a": [1.5, {"b": "c\n"}, None, True]}, "userId": "ü" * 300}),
        ("track", {"context": {"library": {"name": "analytics-python"}}, "timestamp": None, "sentAt": None}),
        ("track", {"context": {}, "_metadata": None, "integrations": None, "writeKey": None}),
        ("page", {"event": None, "name": "Home", "category": "x"}),
        ("screen", {"event": None, "name": None}),
        ("identify", {"event": None, "properties": None, "traits": {"email": "a@b.c"}}),
        ("group", {"event": None, "properties": None, "groupId": "g", "traits": {"plan": "x"}}),
    ],
)  # fmt: skip
def test_the_most_usual_calls_are_taken(
    compiled: Callable[[str], Take], interpreted: ShortWay, type: str, changes: dict[str, Any]
):
    absent = [name for name in ("event", "properties") if changes.get(name, "") is None]
    body = {name: value for name, value in (BROWSER | changes | {"type": type}).items() if name not in absent}
    call = encode(raw_of(body, type, "private"))
    record = compiled("private")(call, _PLACE)
    assert record is not None
    assert record == interpreted.of_source["private"](call, _PLACE)


def test_most_calls_of_a_shop_are_taken(compiled: Callable[[str], Take], interpreted: ShortWay):
    play = Play(seed=4, start_ms=RECEIVED, write_key="k", rate=1000, duration_s=2)
    taken = list[bool]()
    for event in islice(simulate(play), 1000):
        raw = raw_of(event.json, event.json["type"], event.channel, client_side=event.channel != "server")
        call = encode(msgspec.structs.replace(raw, message_id=event.json["messageId"]))
        record = compiled(event.channel)(call, _PLACE)
        usual = interpreted.of_source[event.channel](call, _PLACE)
        assert record in (None, usual)
        if usual is not None:
            taken.append(record is not None)
    assert taken.count(True) > 0.95 * len(taken)


@settings(max_examples=400)
@given(_TIMES, _TIMES, _TIMES)
def test_times_are_read_and_written_alike(
    compiled: Callable[[str], Take], interpreted: ShortWay, called: int, sent: int, received: int
):
    for original_ms, sent_ms, usual in ((called, sent, False), (sent, sent, False), (received, received, True)):
        body = BROWSER | {"timestamp": format_ms(original_ms), "sentAt": format_ms(sent_ms)}
        call = encode(msgspec.structs.replace(raw_of(body), received_at_ms=received))
        record = compiled("shop")(call, _PLACE)
        assert record in (None, interpreted.of_source["shop"](call, _PLACE))
        assert record or not usual


@pytest.mark.parametrize("time", ["2026-11-20T10:00:00Z", "2026-11-20T10:00:00.1Z", "2026-11-20T10:00:00.129999+00:00",
    "2026-11-20T10:00:00.123456789Z", "2026-11-20T10:00:00.120+00:00"])  # fmt: skip
def test_a_time_is_read_in_each_usual_form(compiled: Callable[[str], Take], interpreted: ShortWay, time: str):
    call = encode(raw_of(BROWSER | {"timestamp": time, "sentAt": time}))
    record = compiled("shop")(call, _PLACE)
    assert record is not None
    assert record == interpreted.of_source["shop"](call, _PLACE)


@pytest.mark.parametrize("time", ["2026-02-29T10:00:00.000Z", "2100-02-29T10:00:00.000Z", "2026-13-01T10:00:00.000Z",
    "2026-04-31T10:00:00.000Z", "2026-11-20T24:00:00.000Z", "2026-11-20T10:60:00.000Z", "2026-11-20T10:00:60.000Z",
    "2026-11-20T10:00:00.0000", "2026-11-20T10:00:00.Z", "2026-11-20T10:00:00.1234567890Z",
    "2026-11-20 10:00:00.000Z", "2026-11-2/T10:00:00.000Z",
    "1969-12-31T23:59:59.999Z"])  # fmt: skip
def test_what_is_no_time_is_not_taken(compiled: Callable[[str], Take], time: str):
    assert compiled("shop")(encode(raw_of(BROWSER | {"timestamp": time})), _PLACE) is None


@settings(max_examples=1500, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, len(_TEXT)), st.integers(0, 3), st.sampled_from([b"", *_BITS])), max_size=2),
    st.sampled_from(["shop", "planned", "private", "bare"]),
)
def test_damaged_calls_are_the_same_both_ways(
    compiled: Callable[[str], Take], interpreted: ShortWay, changes: list[tuple[int, int, bytes]], source: str
):
    text = _TEXT
    for at, gone, bit in changes:
        text = text[:at] + bit + text[at + gone :]
    call = encode(raw_of(text, source=source))
    assert compiled(source)(call, _PLACE) in (None, interpreted.of_source[source](call, _PLACE))


def test_a_call_ends_where_its_body_does(compiled: Callable[[str], Take], interpreted: ShortWay):
    text = b'{"messageId":"m1","properties":{},"timestamp":"%b","sentAt":"%b","event":"Mine","userId":"u"}'
    text %= (format_ms(RECEIVED).encode(),) * 2
    assert compiled("shop")(encode(raw_of(text)), _PLACE)
    for cut in range(len(text)):
        # The client's, too, stands behind it in the record. The head of a text of 150 bytes is a character of UTF-8.
        record = encode(raw_of(text[:cut], sent_at=text[cut:].ljust(150).decode()))
        assert compiled("shop")(record, _PLACE) is None
        assert interpreted.of_source["shop"](record, _PLACE) is None


def test_only_records_that_are_there_are_taken(compiled: Callable[[str], Take]):
    take_each = find_compiled("trackway.pipeline.compiled_way").take_each
    record, takes = encode(raw_of(BROWSER)), {"shop": compiled("shop")}
    made: list[bytes | None] = [None]
    take_each(made, [record], ["shop"], takes, 0, 7, [0])
    assert made == [compiled("shop")(record, (0, 7))]
    for number in (1, 2**40):
        with pytest.raises(IndexError):
            take_each([None], [record], ["shop"], takes, 0, 7, [number])
    with pytest.raises(IndexError):
        take_each([None] * 2, [record], ["shop"] * 2, takes, 0, 7, [1])
    for other in (None, record.decode("latin-1")):
        with pytest.raises(TypeError):
            take_each([None], [other], ["shop"], takes, 0, 7, [0])
