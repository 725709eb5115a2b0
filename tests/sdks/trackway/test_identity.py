"""Trackway's own browser client and analytics-next know the same visitors; ids live as long as they can."""

import json
import time
from typing import Any

import pytest

from tests.running import Trackway, poll_until
from tests.sdks.recording_proxy import RecordingProxy
from tests.sdks.trackway.traffic import KEY, SNIPPET_KEY, snippet, tag, wait_for
from tests.sdks.trackway.visitor import Shop, Visitor

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(90)]

WHO = """(() => { const user = analytics.user(), group = analytics.group();
  return [user.id(), user.anonymousId(), user.traits(), group.id(), group.traits()]; })()"""
YEAR_S = 365 * 24 * 3600


def test_visitors_stay_the_same_from_one_client_to_the_other_and_back(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor, node: str
):
    theirs = shop.page("/theirs", snippet(node, proxy, KEY))
    ours = shop.page("/ours", snippet(node, proxy, SNIPPET_KEY))

    def visit(url: str, *calls: str) -> Any:
        visitor.goto(url)
        visitor.until("analytics.initialized")
        for call in calls:
            visitor.run(f"Promise.resolve({call}).then(() => undefined)")
        return visitor.run(WHO)

    old = visit(
        theirs, "analytics.identify('ada@example.com', {plan: 'pro'})", "analytics.group('acme-kept', {seats: 3})"
    )
    assert old[0] == "ada@example.com" and old[4] == {"seats": 3}
    assert visit(ours) == old
    cookies = {name: cookie["value"] for name, cookie in visitor.cookies().items()}
    changed = visit(ours, "analytics.identify({age: 41})", "analytics.group('acme-kept', {city: 'Bern'})")
    assert changed == [*old[:2], {"plan": "pro", "age": 41}, "acme-kept", {"seats": 3, "city": "Bern"}]
    assert {name: cookie["value"] for name, cookie in visitor.cookies().items()} == cookies
    assert visit(theirs) == changed
    other = visit(ours, "analytics.identify('bob', {plan: 'free'})")
    assert other[0] == "bob" and other[1] != old[1] and other[2] == {"plan": "free"}
    assert visit(theirs) == other
    assert visit(theirs, "analytics.reset()")[0] is None
    nobody = visit(ours)
    assert nobody[0] is None and nobody[1] not in (old[1], other[1]) and nobody[2:] == [{}, None, {}]
    assert visit(theirs)[1] == nobody[1]
    assert visitor.problems() == []


@pytest.mark.parametrize("ours_first", [True, False])
def test_each_client_reads_what_the_other_wrote_alone(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor, node: str, ours_first: bool
):
    pages = [shop.page("/ours", snippet(node, proxy, SNIPPET_KEY)), shop.page("/theirs", snippet(node, proxy, KEY))]
    first, second = pages if ours_first else pages[::-1]
    strange = 'ü;ß=1,"2" 50% a+b@example.com'
    visitor.goto(first)
    visitor.until("analytics.initialized")
    set_id = f"analytics.user().id({json.dumps(strange)})"
    before = visitor.run(f"({set_id}, [analytics.user().anonymousId(), analytics.user().id()])")
    assert before[1] == strange
    # Then only the cookies are left, which the other completes; then only what it wrote into localStorage.
    forget_cookies = (
        "document.cookie.split('; ').forEach((c) => (document.cookie = c.split('=')[0] + '=;path=/;max-age=0'))"
    )
    for forget, page in (("localStorage.clear()", second), (forget_cookies, first)):
        visitor.run(f"void {forget}")
        visitor.goto(page)
        visitor.until("analytics.initialized")
        assert visitor.run("[analytics.user().anonymousId(), analytics.user().id()]") == before


def test_the_collector_renews_the_cookies_of_its_own_site(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    shop.page(
        "/", tag(proxy, host="events.shop.example", serverCookie=True, cookie={"maxage": 7}).replace(KEY, SNIPPET_KEY)
    )
    visitor.goto(f"http://www.shop.example:{shop.port}/")
    visitor.run("analytics.identify('ada@example.com').then(() => analytics.flush())")
    poll_until(lambda: any(one.path == "/v1/cookie" for one in proxy.exchanges), what="the page to ask")
    first = poll_until(
        lambda: (
            found if (found := visitor.cookies())["ajs_anonymous_id"]["expires"] > time.time() + YEAR_S / 2 else None
        ),
        what="a cookie for a year",
    )
    assert first
    assert first["ajs_anonymous_id"]["domain"] == ".shop.example"
    assert first["ajs_anonymous_id"]["value"] == visitor.run("analytics.user().anonymousId()")
    asked = sum(one.path == "/v1/cookie" for one in proxy.exchanges)
    # The next page of the visit leaves it alone, and another host of the site knows the visitor.
    visitor.goto(f"http://blog.shop.example:{shop.port}/")
    assert visitor.run("analytics.user().anonymousId()") == first["ajs_anonymous_id"]["value"]
    assert visitor.run("analytics.user().id()") == "ada@example.com"
    assert visitor.cookies()["ajs_anonymous_id"]["expires"] == first["ajs_anonymous_id"]["expires"]
    assert asked == 1


def test_a_page_without_tls_has_no_locks_and_sends_all_the_same(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    shop.page("/", tag(proxy, host="events.shop.example", flushInterval=20))
    url = f"http://www.shop.example:{shop.port}/"
    visitor.goto(url)
    visitor.goto(url, tab="b")
    assert visitor.run("[navigator.locks === undefined, isSecureContext]") == [True, False]
    for number in range(5):
        visitor.run(f"void analytics.track('A {number}')")
        visitor.run(f"void analytics.track('B {number}')", tab="b")
    events = wait_for(proxy, 10)
    assert sorted(event["event"] for event in events) == sorted(f"{tab} {n}" for tab in "AB" for n in range(5))
    assert len({event["anonymousId"] for event in events}) == 1
    visitor.until("!Object.keys(localStorage).some((key) => /^tw[.].*[.]q/.test(key))")


def test_a_frame_without_storage_keeps_events_in_memory(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(proxy), Content_Security_Policy="sandbox allow-scripts")
    visitor.goto(url)
    visitor.run("analytics.track('Sandboxed').then(() => analytics.track('Again')).then(() => analytics.flush())")
    events = wait_for(proxy, 2)
    assert len({event["anonymousId"] for event in events}) == 1
    assert [event["event"] for event in events] == ["Sandboxed", "Again"]
    assert visitor.problems() == []
