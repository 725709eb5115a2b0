"""What is remembered of contexts is what the stages say of each."""

import json
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.events.test_origins import CHROME, GOOGLEBOT, IPHONE
from tests.pipeline.drafts import draft
from tests.pipeline.mmdb import write_mmdb
from tests.pipeline.test_geo import LYON
from trackway.pipeline.geo import GeoFile
from trackway.pipeline.stages.common_fields import CommonFields
from trackway.pipeline.stages.enrich import Enrich
from trackway.pipeline.usual_contexts import UsualContexts

_addresses = st.sampled_from([
    "", "https://a.example/?utm_source=x&gclid=1", "https://WWW.google.com:443", "https://u:p@b.example?q=utm_#x",
    "?fbclid=1", "?utm_campaign=", "/x", "https://bücher.example/é", None, 7, ["a"],
])  # fmt: skip
_pages = st.dictionaries(
    st.sampled_from(["url", "search", "referrer", "title", "path", "more", "é"]), _addresses, max_size=5
)
_members = {
    "page": _pages | st.sampled_from([None, "x", {"more": {"x": 1}}]),
    "campaign": st.sampled_from([{"name": "x"}, {}, None]),
    "referrer": st.sampled_from([{"type": "search"}, "x"]),
    "trackway": st.sampled_from([{"a": 1.50}, "x"]),
    "userAgent": st.sampled_from([CHROME, GOOGLEBOT, IPHONE, ""]),
    "library": st.sampled_from([{"name": "analytics.js"}, {"name": "analytics-ios"}, None]),
    "device": st.sampled_from([{"id": "d"}, None]),
    "location": st.just({"city": "Lyon"}),
    "ip": st.sampled_from(["203.0.113.1", "198.51.100.1", "", None]),
    "direct": st.booleans(),
    "app": st.just({"page": {"url": "https://a.example/?gclid=1"}}),
}
_contexts = st.fixed_dictionaries({}, optional=_members).flatmap(lambda sent: st.permutations(list(sent.items())))


class Ways(NamedTuple):
    """Ways to ask."""

    apart: UsualContexts
    """Asks about pages apart from the rest."""
    whole: UsualContexts
    """Asks about all contexts as a whole."""
    stage: Enrich


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Ways:
    geo = GeoFile(write_mmdb(tmp_path_factory.mktemp("geo") / "places.mmdb", {"203.0.113.0/24": LYON}))
    stage = Enrich(geo=geo)
    apart, whole = (UsualContexts("web", CommonFields(), stage, ruled=["secret"], plan=True) for _ in range(2))
    whole.parted = False
    return Ways(apart, whole, stage)


def staged(context: dict[str, Any], user_agent: str, client_side: bool, ip: str, stage: Enrich) -> dict[str, Any]:
    """Return what the stages make of a call with `context`."""
    one = draft({"context": context})
    one.raw = msgspec.structs.replace(one.raw, user_agent=user_agent, client_side=client_side, ip=ip)
    stage.run(CommonFields().run([one]))
    return {"channel": one.event["channel"], **one.context()}


def check(ways: Ways, members: dict[str, Any], text: bytes, user_agent: str, client_side: bool) -> bool:
    """Compare what both ways and the stages make of a context; tell whether it is usual."""
    apart, whole = (way.whole.ask((text, user_agent, client_side)) for way in (ways.apart, ways.whole))
    assert (apart is None) == (whole is None)
    if apart is None or whole is None:
        return False
    assert (apart.text, apart.channel, apart.by_ip is None) == (whole.text, whole.channel, whole.by_ip is None)
    added, same = (b"}" if made.by_ip is None else made.by_ip["203.0.113.9"] for made in (apart, whole))
    assert added == same
    made = {"channel": whole.channel, **json.loads(whole.text + added)}
    assert made == staged(members, user_agent, client_side, "203.0.113.9", ways.stage)
    return True


@settings(max_examples=300)
@given(_contexts, st.booleans(), st.booleans(), st.sampled_from(["analytics-ios/4.1", "analytics-go/3", "", CHROME]))
def test_a_context_is_the_same_byte_for_byte_whether_its_page_is_asked_about_apart(
    ways: Ways, members: list[tuple[str, Any]], escaped: bool, client_side: bool, user_agent: str
):
    text = json.dumps(dict(members), ensure_ascii=escaped, separators=(",", ":")).encode()
    check(ways, dict(members), text, user_agent, client_side)


LANDING = {"url": "https://a.example/?utm_source=x&gclid=1", "referrer": "https://t.co/"}


@pytest.mark.parametrize("members", [
    {"page": LANDING, "campaign": {"name": "x"}},
    {"page": LANDING, "campaign": {"name": "x"}, "library": {"name": "analytics.js"}, "userAgent": GOOGLEBOT},
    {"page": LANDING, "campaign": {"name": "x"}, "ip": "203.0.113.1", "library": None},
    {"page": LANDING, "referrer": {}, "userAgent": GOOGLEBOT, "library": None},
    {"page": LANDING, "referrer": {}, "userAgent": CHROME, "trackway": {"a": 1}, "library": None},
    {"page": LANDING, "referrer": {}, "library": None},
    {"page": LANDING, "ip": "203.0.113.1"},
    {"device": {"id": "d"}},
])  # fmt: skip
@pytest.mark.parametrize("client_side", [True, False])
def test_what_follows_from_a_page_stands_where_it_stood(ways: Ways, members: dict[str, Any], client_side: bool):
    for sent in (members, dict(reversed(members.items()))):
        assert check(ways, sent, json.dumps(sent, separators=(",", ":")).encode(), "analytics-ios/4.1", client_side)


@given(_pages)
def test_what_follows_from_a_page_is_what_the_stage_adds(ways: Ways, page: dict[str, Any]):
    text = json.dumps(page, separators=(",", ":")).encode()
    made = ways.whole.whole.ask((b'{"page":%b}' % text, "", False))
    assert made
    expected = json.loads(made.text + b"}")
    assert json.loads(b'{"page":' + text[:-1] + (ways.apart.page.ask(text[1:-1]) or b"") + b"}") == expected


@pytest.mark.parametrize(
    "page",
    [b'"url":"\xff"', b'"title":"\xff"', b'"\xff":1', b'"url":1e999', b'"path":"\\ud800"', b'"more":1e999', b"7"],
)
def test_what_is_no_page_is_none(ways: Ways, page: bytes):
    apart, whole, _ = ways
    assert apart.page.ask(page) is None
    for members in (b'"page":{%b}', b'"campaign":{},"page":{%b}'):
        assert apart.whole.ask((b"{%b}" % (members % page), "", True)) is None
        assert whole.whole.ask((b"{%b}" % (members % page), "", True)) is None
