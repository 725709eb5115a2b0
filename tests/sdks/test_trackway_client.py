"""Trackway's own browser client, as the collector serves it, in Chromium against the running product.

Each page stands on another origin than the collector, unless a test says otherwise.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.running import Trackway, poll_until
from tests.sdks.arrival import calls_in, check_arrived
from tests.sdks.recording_proxy import Exchange, RecordingProxy
from tests.sdks.visitor import Shop, Visitor, start_visitor
from tests.services import miss
from trackway.collector.browser_client import STATIC

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(60)]


@pytest.fixture(scope="session")
def chrome(node: str, chromium: str) -> Iterator[Visitor]:
    if not (STATIC / "trackway.js").is_file():
        miss("the browser client", "run `make build`")
    with start_visitor(node, chromium) as visitor:
        yield visitor


@pytest.fixture
def visitor(chrome: Visitor) -> Visitor:
    chrome.new()
    return chrome


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as shop:
        yield shop


def tag(trackway: Trackway, proxy: RecordingProxy, *, host: str = "127.0.0.1", **options: Any) -> str:
    """The script's tag, with nothing in the page itself: options stand in an attribute."""
    said = json.dumps(options).replace("&", "&amp;").replace('"', "&quot;")
    source = f"http://{host}:{proxy.port}/trackway.js"
    return f'<script src="{source}" data-write-key="{trackway.write_key}" data-options="{said}"></script>'


def requests_in(proxy: RecordingProxy) -> list[Exchange]:
    return sorted((post for post in proxy.posts() if post.path == "/v1/b"), key=lambda post: post.forwarded_at)


def sent_in(proxy: RecordingProxy) -> list[dict[str, Any]]:
    """The events of all requests that the collector answered, each as often as it was sent."""
    return [sent.call for post in requests_in(proxy) for sent in calls_in(post)]


def wait_for(proxy: RecordingProxy, count: int) -> list[dict[str, Any]]:
    return poll_until(lambda: sent if len(sent := sent_in(proxy)) >= count else None, what=f"{count} events") or []


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event.get("event") or event["type"] for event in events]


def test_every_call_and_field_arrives(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    user = f"own-{uuid4()}"
    canonical = '<link rel="canonical" href="https://shop.example/lamps">'
    url = shop.page("/lamps", canonical + tag(trackway, proxy, initialPageview=True), title="Lamps & lights")
    visitor.goto(f"{url}?utm_source=news&utm_campaign=spring&gclid=TeSter-123#top")
    visitor.run(f"""Promise.all([
        analytics.alias({json.dumps(user)}),
        analytics.identify({json.dumps(user)}, {{email: "kim@example.com", plan: "pro"}}),
        analytics.identify({{age: 41}}),
        analytics.track("Product Viewed", {{price: 19.95, tags: ["a"], nested: {{deepKey: "✓"}}}}, {{
          timestamp: new Date("2026-03-02T09:30:15.123Z"), integrations: {{All: true, Mixpanel: false}},
          context: {{groupId: "acme"}}, location: {{city: "Bern"}} }}),
        analytics.group("acme", {{employees: 329}}),
        analytics.page("Docs", "Reading", {{title: "My own title"}}),
        analytics.screen("Shop", "Cart", {{items: 3}}),
    ]).then(() => analytics.flush())""")
    wait_for(proxy, 8)
    events = check_arrived(trackway, requests_in(proxy))
    assert [event["type"] for event in events] == [
        "page", "alias", "identify", "identify", "track", "group", "page", "screen",
    ]  # fmt: skip
    landed, alias, _, identify, track, group, page, screen = events
    assert landed["properties"] == {
        "path": "/lamps", "url": "https://shop.example/lamps?utm_source=news&utm_campaign=spring&gclid=TeSter-123",
        "search": "?utm_source=news&utm_campaign=spring&gclid=TeSter-123", "title": "Lamps & lights", "referrer": "",
    }  # fmt: skip
    assert "userId" not in landed
    assert (alias["userId"], alias["previousId"]) == (user, landed["anonymousId"])
    assert identify["traits"] == {"email": "kim@example.com", "plan": "pro", "age": 41}
    assert track["originalTimestamp"] == "2026-03-02T09:30:15.123Z"
    assert (track["context"]["location"], track["context"]["groupId"]) == ({"city": "Bern"}, "acme")
    assert track["integrations"] == {"All": True, "Mixpanel": False}
    assert (group["groupId"], group["traits"]) == ("acme", {"employees": 329})
    assert (page["category"], page["name"], page["properties"]["title"]) == ("Docs", "Reading", "My own title")
    assert page["context"]["page"]["title"] == "My own title"
    assert (screen["name"], screen["properties"]) == ("Cart", {"items": 3})
    for event in events:
        context = event["context"]
        assert context["campaign"] == {"source": "news", "name": "spring"}
        assert context["clickIds"] == {"gclid": "TeSter-123"}
        assert context["page"]["path"] == "/lamps"
        assert (context["locale"], context["timezone"]) == ("de-CH", "Europe/Zurich")
        assert context["viewport"] == {"width": 1000, "height": 700}
        assert context["screen"].keys() == {"width", "height", "density"}
        assert context["library"]["name"] == "@trackway/browser"
        assert {brand["brand"] for brand in context["userAgentData"]["brands"]} >= {"Chromium"}
        assert context["sessionId"] == landed["context"]["sessionId"]
    assert {event["userId"] for event in events[1:]} == {user}
    assert [one.method for one in proxy.exchanges if one.method == "OPTIONS"] == [], (
        "no request asks for permission first"
    )
    assert visitor.problems() == []


def test_what_was_called_offline_is_sent_once_afterwards(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(trackway, proxy))
    visitor.goto(url)
    visitor.offline(True)
    visitor.run("analytics.track('Offline').then(() => analytics.flush())")
    assert "Offline" in visitor.run("JSON.stringify(localStorage)")
    visitor.offline(False)
    wait_for(proxy, 1)
    visitor.run("analytics.track('Online').then(() => analytics.flush())")
    assert names(wait_for(proxy, 2)) == ["Offline", "Online"]
    check_arrived(trackway, requests_in(proxy))


def test_events_of_a_crashed_tab_are_sent_by_another(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(trackway, proxy, flushInterval=3_600_000))
    visitor.goto(url, tab="other", clock=True)
    visitor.goto(url)
    visitor.run("analytics.track('Last Words')")
    visitor.until("Object.keys(localStorage).some((key) => key.startsWith('tw.wk_web_for_tests.q'))", tab="other")
    visitor.crash()
    assert sent_in(proxy) == []
    visitor.later(25_000, tab="other")  # its lease has ended
    assert names(wait_for(proxy, 1)) == ["Last Words"]
    visitor.until("!JSON.stringify(localStorage).includes('Last Words')", tab="other")


def test_a_page_that_is_left_sends_what_it_has_and_the_next_does_not_again(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    first = shop.page("/", tag(trackway, proxy, flushInterval=3_600_000))
    visitor.goto(first)
    visitor.run("void analytics.track('Left')")
    visitor.goto("about:blank")
    assert names(wait_for(proxy, 1)) == ["Left"]
    visitor.goto(first, clock=True)
    assert "Left" in visitor.run("JSON.stringify(localStorage)"), "until something shows that the collector was there"
    visitor.run("analytics.track('Back').then(() => analytics.flush())")
    visitor.later(30_000)
    assert visitor.run("Object.keys(localStorage).filter((key) => /^tw[.].*[.][qh]/.test(key))") == []
    assert names(sent_in(proxy)) == ["Left", "Back"]
    check_arrived(trackway, requests_in(proxy))


def test_what_was_handed_over_in_vain_comes_back(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(trackway, proxy, flushInterval=3_600_000))
    visitor.goto(url)
    visitor.run("void analytics.track('Left')")
    proxy.refuse(503)
    visitor.goto("about:blank")
    poll_until(lambda: proxy.refused, what="the beacon")
    proxy.refuse(503)
    visitor.goto(url, clock=True)
    visitor.run("void analytics.track('Back').then(() => analytics.flush())")
    wait_for(proxy, 1)
    visitor.later(25_000)
    assert sorted(names(wait_for(proxy, 2))) == ["Back", "Left"]
    check_arrived(trackway, requests_in(proxy))


def test_two_tabs_send_nothing_twice(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    url = shop.page("/", tag(trackway, proxy, flushInterval=5))
    visitor.goto(url)
    visitor.goto(url, tab="b")
    # For each, all that the other has is old enough to be its own.
    visitor.run("void (Date.now = ((real) => () => real() + 20000)(Date.now))")
    visitor.run("void (Date.now = ((real) => () => real() - 20000)(Date.now))", tab="b")
    for status in (503, 502, 500):
        proxy.refuse(status)
    for number in range(15):
        visitor.run(f"void analytics.track('A {number}')")
        visitor.run(f"void analytics.track('B {number}')", tab="b")
    poll_until(lambda: len(set(names(sent_in(proxy)))) == 30, what="all events", timeout_s=20)
    assert sorted(names(sent_in(proxy))) == sorted(f"{tab} {number}" for tab in "AB" for number in range(15))
    check_arrived(trackway, requests_in(proxy))
