"""What Trackway's own browser client keeps until it has an answer: offline, in crashes, on leaving, in two tabs."""

import json

import pytest

from tests.running import Trackway, poll_until
from tests.sdks.arrival import check_arrived
from tests.sdks.recording_proxy import RecordingProxy
from tests.sdks.trackway.traffic import names, requests_in, sent_in, tag, wait_for
from tests.sdks.trackway.visitor import Shop, Visitor

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(90)]
PAUSED = "Object.keys(localStorage).some((key) => key.endsWith('.pause'))"
"""What one tab has stored, the others see a little later."""
READ = "!Object.keys(localStorage).some((key) => /^tw[.].*[.]q/.test(key))"
"""All answers were read. Who lets time pass sooner lets a request under way time out, and it is rightly sent again."""
BEGUN = "new Promise((go) => setTimeout(go, 1)).then(() => analytics.flush())"
"""A page looks once for what waits, and would send at once what is called before."""


def test_what_was_called_offline_is_sent_once_afterwards(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(proxy))
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
    url = shop.page("/", tag(proxy, flushInterval=3_600_000))
    visitor.goto(url, tab="other", clock=True)
    visitor.goto(url)
    visitor.run(f"{BEGUN}.then(() => analytics.track('Last Words')).then(() => null)")
    visitor.until("Object.keys(localStorage).some((key) => key.startsWith('tw.wk_web_for_tests.q'))", tab="other")
    visitor.crash()
    assert sent_in(proxy) == []
    visitor.later(45_000, tab="other")  # its lease has ended
    assert names(wait_for(proxy, 1)) == ["Last Words"]
    visitor.until("!JSON.stringify(localStorage).includes('Last Words')", tab="other")


def test_a_page_that_is_left_sends_what_it_has_and_the_next_does_not_again(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    first = shop.page("/", tag(proxy, flushInterval=3_600_000))
    visitor.goto(first)
    visitor.run(f"{BEGUN}.then(() => void analytics.track('Left'))")
    visitor.goto("about:blank")
    assert names(wait_for(proxy, 1)) == ["Left"]
    visitor.goto(first, clock=True)
    assert "Left" in visitor.run("JSON.stringify(localStorage)"), "until something shows that the collector was there"
    visitor.run("analytics.track('Back').then(() => analytics.flush())")
    visitor.later(45_000)
    assert visitor.run("Object.keys(localStorage).filter((key) => /^tw[.].*[.][qh]/.test(key))") == []
    assert names(sent_in(proxy)) == ["Left", "Back"]
    check_arrived(trackway, requests_in(proxy))


def test_what_was_handed_over_in_vain_comes_back(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(proxy, flushInterval=3_600_000))
    visitor.goto(url)
    visitor.run(f"{BEGUN}.then(() => void analytics.track('Left'))")
    proxy.refuse(503)
    visitor.goto("about:blank")
    poll_until(lambda: proxy.refused, what="the beacon")
    proxy.refuse(503)
    visitor.goto(url, clock=True)
    visitor.run("void analytics.track('Back').then(() => analytics.flush())")
    wait_for(proxy, 1)
    visitor.until("!JSON.stringify(localStorage).includes('Back')")
    visitor.later(45_000)
    assert sorted(names(wait_for(proxy, 2))) == ["Back", "Left"]
    check_arrived(trackway, requests_in(proxy))


def test_two_tabs_send_nothing_twice(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    url = shop.page("/", tag(proxy, flushInterval=5))
    visitor.goto(url)
    visitor.goto(url, tab="b")
    for status in (503, 502):
        proxy.refuse(status)
    for number in range(15):
        visitor.run(f"void analytics.track('A {number}')")
        visitor.run(f"void analytics.track('B {number}')", tab="b")
    _check_that_all_arrive_once(proxy)
    check_arrived(trackway, requests_in(proxy))


def test_two_tabs_that_come_back_online_send_nothing_twice(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(proxy, flushInterval=5))
    visitor.goto(url, clock=True)
    visitor.goto(url, tab="b")
    visitor.offline(True)
    for tab in "ab":
        visitor.run(f"void [...Array(15).keys()].forEach((n) => analytics.track(`{tab.upper()} ${{n}}`))", tab=tab)
    visitor.later(45_000)  # for each, all that the other has would be old enough to be its own
    assert sent_in(proxy) == []
    visitor.offline(False)
    _check_that_all_arrive_once(proxy)
    for tab in "ab":
        visitor.until(READ, tab=tab)
    visitor.later(45_000)
    _check_that_all_arrive_once(proxy)
    check_arrived(trackway, requests_in(proxy))


def _check_that_all_arrive_once(proxy: RecordingProxy) -> None:
    poll_until(lambda: len(set(names(sent_in(proxy)))) == 30, what="all events", timeout_s=60)
    assert sorted(names(sent_in(proxy))) == sorted(f"{tab} {number}" for tab in "AB" for number in range(15))


def test_what_a_crashed_tab_has_left_is_sent_by_one_of_two_others_without_locks(
    proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    shop.page("/empty", "")
    shop.page("/", tag(proxy, host="events.shop.example", flushInterval=5))
    site = f"http://www.shop.example:{shop.port}"
    visitor.goto(f"{site}/empty", tab="b")
    assert visitor.run("navigator.locks === undefined", tab="b"), "an insecure page has none"
    left = {"type": "track", "event": "Last Words", "anonymousId": "a-1", "messageId": "m-1"}
    visitor.run(
        f"localStorage['tw.wk_web_for_tests.q' + (Date.now() - 60_000) * 1000 + '.5'] = {json.dumps(json.dumps(left))}",
        tab="b",
    )
    visitor.goto(f"{site}/empty", tab="c")
    visitor.until("JSON.stringify(localStorage).includes('Last Words')", tab="c")
    proxy.hold_answers(1)
    visitor.goto(site, tab="b")
    assert names(wait_for(proxy, 1)) == ["Last Words"]
    visitor.until(PAUSED, tab="c")
    visitor.goto(site, tab="c")
    visitor.run("analytics.track('Alive').then(() => analytics.flush())", tab="c")
    assert names(wait_for(proxy, 2)) == ["Last Words", "Alive"], "no answer has come, and nothing goes twice"
    proxy.release()
    visitor.until("!JSON.stringify(localStorage).includes('Last Words')", tab="c")
    assert names(sent_in(proxy)) == ["Last Words", "Alive"]


def test_it_waits_as_long_as_the_collector_says_and_all_pages_with_it(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(proxy, flushInterval=5))
    visitor.goto(url, clock=True)
    visitor.goto(url, tab="b")
    proxy.refuse(429, Retry_After="120")
    visitor.run("analytics.track('Too Much').then(() => analytics.flush())")
    visitor.until(PAUSED, tab="b")
    visitor.run("analytics.track('Waits, Too').then(() => analytics.flush())", tab="b")
    visitor.later(60_000)
    assert (sent_in(proxy), len(proxy.refused)) == ([], 1)
    visitor.later(61_000)
    assert sorted(names(wait_for(proxy, 2))) == ["Too Much", "Waits, Too"]
    check_arrived(trackway, requests_in(proxy))


def test_events_of_a_tab_that_crashed_in_a_pause_are_sent_by_another(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(proxy, flushInterval=5))
    visitor.goto(url, tab="other", clock=True)
    visitor.goto(url)
    proxy.refuse(429, Retry_After="120")
    visitor.run("analytics.track('Too Much').then(() => analytics.flush())", tab="other")
    visitor.until(PAUSED)
    visitor.run("analytics.track('Last Words').then(() => null)")
    visitor.until("JSON.stringify(localStorage).includes('Last Words')", tab="other")
    visitor.crash()
    visitor.later(121_000, tab="other")
    assert names(wait_for(proxy, 1)) == ["Too Much"]
    visitor.until("!JSON.stringify(localStorage).includes('Too Much')", tab="other")
    visitor.later(45_000, tab="other")  # all had the time of a lease to send what is theirs
    assert names(wait_for(proxy, 2)) == ["Too Much", "Last Words"]
    check_arrived(trackway, requests_in(proxy))


def test_a_pause_by_a_clock_that_was_wrong_holds_up_nothing(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(proxy, flushInterval=5))
    visitor.goto(url)
    visitor.offline(True)
    visitor.run("analytics.track('Kept').then(() => analytics.flush())")
    visitor.run("""(() => {
      for (const key of Object.keys(localStorage)) {
        const [name, stamp] = key.split(/(?<=[.]q)/);
        if (stamp) localStorage.setItem(name + (stamp - 6e8), localStorage.getItem(key));  // a minute older
        if (stamp) localStorage.removeItem(key);
      }
      localStorage.setItem("tw.wk_web_for_tests.pause", Date.now() + 1e10);
    })()""")
    visitor.goto("about:blank")
    visitor.offline(False)
    visitor.goto(url, clock=True)
    visitor.run("analytics.track('New').then(() => analytics.flush())")
    visitor.later(45_000)  # the page may take it for the moment in which it came back online
    assert sorted(names(wait_for(proxy, 2))) == ["Kept", "New"]


def test_a_lost_answer_costs_a_repetition_that_counts_once(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    visitor.goto(shop.page("/", tag(proxy)))
    proxy.lose_answers(1)
    visitor.run("analytics.track('Once').then(() => analytics.flush())")
    first, second = wait_for(proxy, 2)
    assert first["messageId"] == second["messageId"]
    assert [post.headers.get("X-Retry-Count") for post in requests_in(proxy)] == [None, "1"]
    check_arrived(trackway, requests_in(proxy))


@pytest.mark.parametrize("status", [400, 401, 403, 413, 501])
def test_what_is_refused_for_good_is_told_and_not_sent_again(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor, status: int
):
    visitor.goto(shop.page("/", tag(proxy)))
    proxy.refuse(status)
    visitor.run("""(async () => {
      analytics.on("error", ({code, reason, events}) => (window.told = [code, reason.message, events[0].event]));
      await analytics.track("Hopeless");
      await analytics.flush();
      await analytics.track("Next");
      await analytics.flush();
    })()""")
    assert names(wait_for(proxy, 1)) == ["Next"]
    assert visitor.run("told") == ["delivery_failure", str(status), "Hopeless"]


def test_much_at_once_goes_in_requests_that_outlive_the_page(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(proxy, flushInterval=3_600_000, flushAt=1000))
    visitor.goto(url)
    many = """Promise.all([...Array(40).keys()].map((n) => analytics.track(`Big ${n}`, {text: "ü".repeat(2500)})))"""
    visitor.run(f"{many}.then(() => analytics.flush())")
    assert names(wait_for(proxy, 40)) == [f"Big {number}" for number in range(40)], "in order"
    assert all(len(post.body) < 65_536 for post in requests_in(proxy))
    # On leaving there is room for some; the next page sends the others.
    visitor.run(f"{many}.then(() => undefined)")
    visitor.goto("about:blank")
    left = poll_until(lambda: len(sent_in(proxy)) - 40, what="the beacon")
    assert 0 < left < 40
    visitor.goto(url, clock=True)
    visitor.later(45_000)
    wait_for(proxy, 80)
    assert len({event["messageId"] for event in sent_in(proxy)}) == len(sent_in(proxy)) == 80


def test_a_tab_that_is_hidden_sends_at_once(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    visitor.goto(shop.page("/", tag(proxy, flushInterval=3_600_000)))
    hiding = "new Event('visibilitychange', {bubbles: true})"
    visitor.run(f"analytics.track('Seen').then(() => void document.dispatchEvent({hiding}))")
    assert names(wait_for(proxy, 1)) == ["Seen"]


def test_events_are_sent_in_few_requests(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    visitor.goto(shop.page("/", tag(proxy, initialPageview=True)))
    visitor.run("void [...Array(30).keys()].forEach((n) => analytics.track(`Event ${n}`))")
    wait_for(proxy, 31)
    assert len(requests_in(proxy)) <= 3
