"""The short way and the stages make the same events of the same calls, to the last field."""

import json
from collections.abc import Sequence
from itertools import islice
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.events.test_origins import CHROME
from tests.pipeline.mmdb import write_mmdb
from tests.pipeline.test_chain import bodies, json_values
from tests.pipeline.test_geo import LYON
from trackway.cli.shop import Plan as Play
from trackway.cli.shop import simulate
from trackway.events.records import EventRecord, Place, RawRecord, Refusal, decode_event, encode
from trackway.pipeline import usual_members
from trackway.pipeline.built_in import BuiltIn
from trackway.pipeline.chain import Stage, build_chain, build_default_chain, run_chain
from trackway.pipeline.draft import Draft
from trackway.pipeline.ends import event_record
from trackway.pipeline.short_way import ShortWay
from trackway.pipeline.stages.enrich import Enrich
from trackway.pipeline.stages.privacy import Suppress
from trackway.pipeline.usual_members import UsualMembers
from trackway.workspace import load_workspace

RECEIVED = 1_795_168_801_000
PLACE = Place(3, 7)
PLAN = """
plan: Shop
sources: [planned, both]
track:
  Order Completed:
    properties:
      order_id: string!
      total: {type: number!, minimum: 0}
      currency: string
      coupon: string|null
      size: {type: string, enum: [S, M, L]}
      code: {type: string, pattern: "^[A-Z]+$"}
      paid_at: date-time
      products.$.sku: string!
      products.$.price: number
  Mine:
    properties:
      x: any
identify:
  traits:
    email: string!
    plan: {type: string, enum: [free, pro]}
"""
SETTINGS = """
pipeline: {geo_file: places.mmdb}
privacy:
  rules:
  - {path: traits.email, do: mask, sources: [private, both]}
  - {path: traits.email, do: mask, if: "userId = 'u'", sources: [choosy]}
  - {path: properties.secret, do: drop, sources: [private]}
  - {path: context.traits, do: drop, sources: [private]}
sources:
  planned: {write_keys: [a]}
  private: {write_keys: [b]}
  both: {write_keys: [d]}
  choosy: {write_keys: [e]}
  bare: {write_keys: [c], skip: [semantic_events, reserved_properties, user_agent, geo]}
"""


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> list[Stage]:
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "plans").mkdir()
    (folder / "plans" / "shop.yaml").write_text(PLAN)
    (folder / "trackway.yaml").write_text(SETTINGS)
    write_mmdb(folder / "places.mmdb", {"203.0.113.0/24": LYON})
    return build_chain(load_workspace(folder))


class Ways:
    """The short way, and the same without its compiled parts, which know less and make the same of what they know."""

    def __init__(self, chain: Sequence[Any]) -> None:
        self._way = ShortWay(chain)
        self._interpreted = ShortWay(chain, compiled=False)

    def take(self, raw: RawRecord) -> EventRecord | None:
        """Return what the short way makes of a call."""
        record = self._way.of_source[raw.source](encode(raw), PLACE)
        assert record in (None, self._interpreted.of_source[raw.source](encode(raw), PLACE))
        return None if record is None else decode_event(record)


@pytest.fixture(scope="module")
def ways(chain: list[Stage]) -> Ways:
    """Return some that remember what they were asked before."""
    return Ways(chain)


def raw_of(body: dict[str, Any] | bytes, type: str = "track", source: str = "shop", **known: Any) -> RawRecord:
    if isinstance(body, dict):
        body = {"messageId": "m1"} | body
    text = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    known = {"client_side": True, "ip": "203.0.113.9", "user_agent": CHROME} | known
    return RawRecord(source, type, "m1", RECEIVED, text, **known)


def take(chain: Sequence[Any], raw: RawRecord) -> EventRecord | None:
    return Ways(chain).take(raw)


def check(chain: list[Stage], raw: RawRecord, ways: Ways | None = None) -> EventRecord | None:
    """Return what the short way makes of a call, after a comparison with what the stages do."""
    taken = (ways or Ways(chain)).take(raw)
    if taken is not None:
        (draft,) = run_chain(chain, [(raw, PLACE)])
        assert draft.end is None
        made = event_record(draft)
        assert json.loads(taken.body) == json.loads(made.body)
        assert typed(json.loads(taken.body)) == typed(json.loads(made.body))
        assert msgspec.structs.replace(taken, body=b"") == msgspec.structs.replace(made, body=b"")
    return taken


def typed(value: Any) -> Any:
    """Return a value in which 1, 1.0 and true are not the same."""
    if isinstance(value, dict):
        return {key: typed(one) for key, one in value.items()}
    return [typed(one) for one in value] if isinstance(value, list) else (type(value), value)


BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BROWSER: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "properties": {"order_id": "o-1", "total": 20.5, "products": [{"sku": "s", "price": 1}], "currency": "EUR"},
    "context": {
        "page": {
            "path": "/",
            "url": "https://a.example/?utm_source=x&gclid=1",
            "referrer": "https://t.co/",
            "search": "",
        },
        "userAgent": CHROME,
        "library": {"name": "analytics.js", "version": "1"},
    },
    "messageId": "m1",
    "userId": None,
    "anonymousId": "a-1",
    "timestamp": "2026-11-20T10:00:00.250Z",
    "sentAt": "2026-11-20T10:00:00.750Z",
    "writeKey": "k",
    "integrations": {"All": True},
    "_metadata": {"bundled": []},
}
UNUSUAL: dict[str, dict[str, Any]] = {
    "an unknown field": {"mine": 1},
    "an id that is a number": {"userId": 7},
    "a wrong clock": {"sentAt": "2026-11-21T10:00:00.750Z"},
    "an unreadable time": {"timestamp": "yesterday"},
    "an old name": {"event": "Completed Order"},
    "an amount that is a text": {"properties": {**BROWSER["properties"], "total": "$5"}},
    "a currency that is none": {"properties": {**BROWSER["properties"], "currency": "euro"}},
    "a product that is none": {"properties": {**BROWSER["properties"], "products": [7]}},
    "a product without an id": {"properties": {**BROWSER["properties"], "products": [{"price": 1}]}},
    "an order without products": {"properties": {"order_id": "o-1", "total": 1}},
    "a property under its old name": {"properties": {**BROWSER["properties"], "orderId": "o-2"}},
    "no currency but null": {"properties": {**BROWSER["properties"], "currency": None}},
    "a context that is none": {"context": []},
}


def test_a_usual_call_goes_the_short_way(chain: list[Stage]):
    server = {key: value for key, value in BROWSER.items() if key not in ("timestamp", "sentAt", "properties")}
    for source in ("planned", "private", "bare", "new"):
        assert check(chain, raw_of(BROWSER, source=source)), source
        assert check(chain, raw_of({**BROWSER, "event": "Mine", "properties": {"x": [1e5]}}, source=source)), source
        assert check(chain, raw_of({**server, "name": None}, "page", source, client_side=False)) is None, source
        page = {key: value for key, value in server.items() if key != "event"}
        assert check(chain, raw_of({**page, "name": "Home", "category": ""}, "page", source)), source
        assert check(chain, raw_of({**page, "traits": {"age": 7, "createdAt": "2026-01-01"}}, "identify", "bare"))
        assert check(chain, raw_of({**page, "groupId": "g"}, "group", source, sent_at="2026-11-20T10:00:00Z")) is None
        dated = {**page, "groupId": "g", "timestamp": "2026-11-20T10:00:00+00:00"}
        assert check(chain, raw_of(dated, "group", source, sent_at="2026-11-20T10:00:00.1+00:00")), source


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_call_does_not(chain: list[Stage], name: str):
    assert check(chain, raw_of(BROWSER | UNUSUAL[name])) is None


def test_what_a_plan_or_a_rule_is_about_goes_the_long_way(chain: list[Stage]):
    def goes(body: dict[str, Any], source: str, kind: str = "track") -> bool:
        return check(chain, raw_of(BROWSER | body, kind, source)) is not None

    order = BROWSER["properties"]
    assert not goes({"event": "Unplanned"}, "planned")
    assert goes({"event": "Unplanned"}, "new")
    for name, value in (("size", "XL"), ("code", "a"), ("paid_at", "2026-11-20"), ("total", -1), ("more", 1)):
        assert not goes({"properties": order | {name: value}}, "planned"), name
    fitting = {"size": "M", "code": "ABC", "paid_at": "2026-11-20T10:00:00Z", "coupon": None}
    assert goes({"properties": order | fitting}, "planned")
    assert not goes({"properties": order | {"secret": 1}}, "private")
    assert not goes({"context": {"traits": {"email": "a@b.c"}}}, "private")
    person = {"traits": {"email": "a@b.c"}}
    assert check(chain, raw_of(person, "identify", "choosy")) is None
    assert check(chain, raw_of(person, "identify", "planned"))
    assert not goes({"context": {"protocols": {"event_version": 2}}}, "planned")


def test_traits_that_a_rule_changes_whatever_the_event_are_changed_on_the_short_way(chain: list[Stage]):
    for source, known in (("private", {"plan": "gold", "x": 1.50}), ("both", {"plan": "free"})):
        taken = check(chain, raw_of({"traits": {"email": "ada@b.c", **known}}, "identify", source))
        assert taken
        assert json.loads(taken.body)["traits"] == {"email": "a***@b.c", **known}
    # Judged before the rule is seen to, and by the plan after it.
    assert check(chain, raw_of({"traits": {"email": 7}}, "identify", "private")) is None
    assert check(chain, raw_of({"traits": {"email": "ada@b.c", "plan": "gold"}}, "identify", "both")) is None


def test_what_the_client_wrote_stays_as_it_wrote_it(chain: list[Stage]):
    properties = '{"x":1.50,"y":{"é":"\\u00e9"},"revenue":1e1, "z":[ ]}'
    body = f'{{"event":"Mine","properties":{properties},"context":{{"a": 1.0}}}}'.encode()
    taken = check(chain, raw_of(body, client_side=False))
    assert taken
    assert properties[:-1].encode() + b',"currency":"USD"}' in taken.body


TEXTS = {
    "no UTF-8": b'"\xff"',
    "no UTF-8 in a key": b'{"\xff":1}',
    "a number beyond all": b"1e999",
    "a lone surrogate": b'"\\ud800"',
    "no number": b"NaN",
    "deep": b"[" * 50_000 + b"]" * 50_000,
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("where", ["properties", "products", "context", "integrations", "_metadata"])
def test_what_is_no_json_goes_the_long_way(chain: list[Stage], name: str, where: str):
    for source in ("planned", "new"):
        for event in (b"Mine", b"Order Completed"):
            text = {where: b'{"x":%s}' % TEXTS[name]}
            if where == "products":
                text = {"properties": b'{"order_id":"o","total":1,"products":[{"sku":"s","x":%s}]}' % TEXTS[name]}
            members = b",".join(b'"%s":%s' % (key.encode(), value) for key, value in text.items())
            body = b'{"event":"%s",%s}' % (event, members)
            assert check(chain, raw_of(body, source=source)) is None


@pytest.mark.parametrize(
    "body", [b'{"event":"Mine","event":"Yours","properties":{"price":1,"price":2}}', b"[]", b"{", b""]
)
def test_odd_texts_are_the_same_both_ways(chain: list[Stage], body: bytes):
    check(chain, raw_of(body))


@pytest.mark.parametrize(
    ("properties", "added"),
    [
        (b'{"price":1,"price":null}', b""),
        (b'{"price":null,"price":1}', b',"currency":"USD"'),
        (b'{"price":1,"total":null}', b',"currency":"USD"'),
        (b'{"price":1,"currency":null,"currency":"EUR"}', b""),
    ],
)
def test_of_a_member_that_comes_twice_the_last_counts(chain: list[Stage], properties: bytes, added: bytes):
    taken = check(chain, raw_of(b'{"messageId":"m1","event":"Mine","properties":%s}' % properties))
    assert taken
    assert b'"properties":%s%s},"type"' % (properties[:-1], added) in taken.body


@pytest.mark.parametrize("compiled", [True, False])
def test_what_would_take_much_memory_goes_the_long_way(chain: list[Stage], compiled: bool):
    take = ShortWay(chain, compiled=compiled).of_source["shop"]
    assert take(encode(raw_of(BROWSER | {"event": "x" * 512})), PLACE)
    for changes in ({"event": "x" * 513}, {"event": "é" * 5000}, {"context": {"x": "y" * 2100}}):
        assert take(encode(raw_of(BROWSER | changes)), PLACE) is None


def test_long_names_of_events_are_not_remembered(chain: list[Stage]):
    stages = BuiltIn.of(chain)
    assert stages
    settlers = UsualMembers("shop", "track", stages, []).settlers
    for name in ("x" * 512, "y" * 513):
        assert settlers[name]
    assert [*settlers.known] == ["x" * 512]


def test_what_no_rule_is_about_stays_as_the_client_wrote_it(chain: list[Stage]):
    properties = b'{"x":"\\ud83d\\ude00","y":1.50}'  # the compiled table leaves surrogates to others
    taken = check(chain, raw_of(b'{"messageId":"m1","properties":%s}' % properties, "page", "private"))
    assert taken
    assert properties in taken.body


@pytest.mark.parametrize(
    "context",
    [
        b'{"app":{"page":{"url":"https://a.example/"}},"page":null}',
        b'{"page":{"url":"https://a.example/"},"page":null}',
        b'{"page":{"url":"https://a.example/"},"p\\u0061ge":null}',
        b'{"page":null,"page":{"url":"https://a.example/"}}',
        b'{"page":{"url":"https://a.example/","more":{"x":1}}}',
        b'{"page":{"title":"a } brace"}}',
        b'{"page":{}}',
    ],
)
def test_what_looks_like_a_page_is_the_same_both_ways(chain: list[Stage], context: bytes):
    check(chain, raw_of(b'{"event":"Mine","context":%s}' % context))


@pytest.mark.parametrize("compiled", [True, False])
def test_a_fault_of_ours_costs_its_event_and_not_the_worker(chain: list[Stage], compiled: bool):
    class Faulty:
        def locate(self, ip: str) -> None:
            raise RuntimeError("a fault of ours")

    stages = [Enrich(geo=cast("Any", Faulty())) if isinstance(stage, Enrich) else stage for stage in chain]
    faulty = raw_of(BROWSER | {"context": {"ip": "203.0.113.9"}})
    assert ShortWay(stages, compiled=compiled).of_source["shop"](encode(faulty), PLACE) is None
    (draft,) = run_chain(stages, [(faulty, PLACE)])
    assert draft.end == Refusal("pipeline_error", "", "enrich failed: RuntimeError: a fault of ours")


@pytest.mark.parametrize("compiled", [True, False])
def test_a_fault_of_the_short_way_is_counted_and_each_kind_logged_once(
    chain: list[Stage], compiled: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def look_into(event: str) -> None:
        if event == "Mine":
            raise RuntimeError("a fault of ours")
        raise LookupError("another one")

    monkeypatch.setattr(usual_members, "recognise", look_into)
    ways = ShortWay(chain, compiled=compiled)
    bodies = [BROWSER, BROWSER | {"event": "Mine", "properties": {}}]
    for source, body in (("shop", bodies[0]), ("shop", bodies[1]), ("new", bodies[0]), ("bare", bodies[0])):
        calls = [encode(raw_of(body, source=source))] * 2
        made = ways.take(calls, [source] * 2, PLACE, range(2))
        assert made == [None, None] if source != "bare" else all(made)
    assert ways.faults.take_counts() == {"shop": 4, "new": 2}
    assert ways.faults.take_counts() == {}
    told = [record for record in caplog.records if "the short way failed" in record.message]
    assert [record.exc_info[0] for record in told if record.exc_info] == [LookupError, RuntimeError]
    assert "source shop at 3:7 of the raw log" in told[0].message
    assert "in look_into" in caplog.text


def test_an_ip_with_a_nul_is_an_event_all_the_same(chain: list[Stage]):
    taken = check(chain, raw_of(BROWSER | {"context": {"ip": "203.0.113.9\0"}}))
    assert taken
    assert json.loads(taken.body)["context"]["ip"] == "203.0.113.9\0"


def test_suppressed_people_go_the_long_way():
    stages = build_default_chain()
    ways = Ways([stages[0], Suppress(["gone"]), *stages[1:]])
    assert ways.take(raw_of(BROWSER | {"userId": "gone"})) is None
    assert ways.take(raw_of(BROWSER | {"userId": "here"}))


def test_beside_other_stages_no_call_is_usual():
    class Function:
        name = "a stage of somebody else's"

        def run(self, drafts: list[Draft]) -> list[Draft]:
            return drafts

    stages = build_default_chain()
    assert take(stages, raw_of(BROWSER))
    assert take([*stages, Function()], raw_of(BROWSER)) is None
    assert take(stages[::-1], raw_of(BROWSER)) is None
    assert take(stages[1:], raw_of(BROWSER)) is None


_products = st.fixed_dictionaries({"sku": st.text(max_size=2)}, optional={"price": json_values, "y": json_values})
_pages = st.sampled_from(
    [
        BROWSER["context"]["page"],
        {"url": "https://a.example/", "referrer": ""},
        {"search": "?gclid=2"},
        {},
        None,
        7,
        "x",
    ]
)
_usual = st.fixed_dictionaries(
    {"event": st.sampled_from(["Order Completed", "Product Viewed", "Product List Viewed", "Mine", "Signed Up"])},
    optional={
        "properties": st.dictionaries(
            st.sampled_from(
                ["total", "revenue", "currency", "products", "order_id", "sku", "price", "x", "quantity", "value",
                 "size", "code", "paid_at", "coupon", "list_id", "category", "sorts", "filters", "secret", "orderId"]
            ),
            json_values
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.integers(-(2**70), 2**70)
            | st.sampled_from(["EUR", "S", "ABC", "abc", "2026-11-20T10:00:00Z", "2026-11-20", "2026-02-30T10:00:00Z"])
            | st.lists(_products, max_size=2),
            max_size=5,
        ),
        "traits": st.dictionaries(
            st.sampled_from(["email", "plan", "age", "created_at", "createdAt", "address", "x"]),
            json_values | st.sampled_from(["free", "2026-11-20", "2026-11-20T10:00:00.123Z", "20261120"]),
        ),
        "userId": st.sampled_from(["u", "", None]),
        "anonymousId": st.sampled_from(["a", "", None]),
        "groupId": st.just("g"),
        "name": st.sampled_from(["Home", "", None]),
        "timestamp": st.sampled_from(["2026-11-20T10:00:00.000Z", "2026-11-20T09:59:59+00:00", "2026-11-20", None]),
        "sentAt": st.sampled_from(["2026-11-20T10:00:01.500Z", "2026-11-20T01:00:01Z", None, ""]),
        "integrations": st.sampled_from([None, {}, {"All": False}]),
        "context": st.fixed_dictionaries({}, optional={
            "before": _pages,
            "page": _pages,
            "campaign": st.just({"name": "x"}),
            "referrer": st.just({"type": "search"}),
            "userAgent": st.sampled_from([CHROME, BOT, "curl/8", "", None]),
            "ip": st.sampled_from(["203.0.113.1", "", None, 7]),
            "library": st.sampled_from([{"name": "analytics.js"}, {"name": "analytics-ios"}, None]),
            "device": st.sampled_from([{"id": "d"}, None]),
            "location": st.just({"city": "Lyon"}),
            "trackway": st.sampled_from([{}, "x"]),
            "direct": st.booleans(),
            "protocols": st.just({"event_version": 1}),
            "traits": st.just({"a": 1}),
        }),
    },
)  # fmt: skip


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(
    _usual | bodies,
    st.sampled_from(["track", "track", "page", "screen", "identify", "group", "alias", ""]),
    st.sampled_from(["planned", "private", "both", "choosy", "bare", "new"]),
    st.booleans(),
    st.sampled_from(["203.0.113.9", "2001:db8::1", "", 'a"b']),
    st.sampled_from([None, "2026-11-20T10:00:01Z", "nonsense"]),
)
def test_both_ways_make_the_same_events(
    chain: list[Stage],
    ways: Ways,
    body: dict[str, Any],
    kind: str,
    source: str,
    client_side: bool,
    ip: str,
    sent_at: str | None,
):
    known = {"client_side": client_side, "ip": ip, "sent_at": sent_at, "user_agent": "analytics-go/3.0.0"}
    check(chain, raw_of(body, kind, source, **known), ways)
    # A client that sends no field of another kind of call.
    fields = {"page": ("event", "traits"), "identify": ("event", "properties", "name", "groupId")}.get(kind, ("name",))
    body = {key: value for key, value in body.items() if key not in fields}
    check(chain, raw_of(body, kind, source, **known), ways)


def test_both_ways_make_the_same_of_a_shops_calls(chain: list[Stage]):
    play = Play(seed=4, start_ms=RECEIVED, write_key="k", rate=1000, duration_s=2)
    ways, taken = Ways(chain), list[bool]()
    for event in islice(simulate(play), 1000):
        raw = raw_of(event.json, event.json["type"], event.channel, client_side=event.channel != "server")
        taken.append(check(chain, raw, ways) is not None)
    assert taken.count(True) > len(taken) / 2
