"""What Trackway's own browser client does not do: before consent, against a visitor's wish, against a page's policy."""

import json

import pytest

from tests.running import Trackway, poll_until
from tests.sdks.arrival import check_arrived
from tests.sdks.recording_proxy import RecordingProxy
from tests.sdks.trackway.traffic import names, requests_in, sent_in, tag, wait_for
from tests.sdks.trackway.visitor import Shop, Visitor

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(90)]

LEFT_BEHIND = "[document.cookie, Object.keys(localStorage)]"


def test_nothing_is_kept_or_sent_before_consent_and_all_afterwards(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    url = shop.page("/", tag(proxy, consent=False, initialPageview=True))
    visitor.goto(f"{url}?utm_source=news")
    visitor.run(
        "analytics.identify('own-u1', {plan: 'pro'}).then(() => analytics.track('Held')).then(() => analytics.flush())"
    )
    held_at = visitor.run("(history.replaceState(null, '', '/elsewhere'), analytics.user().anonymousId(), Date.now())")
    assert visitor.run(LEFT_BEHIND) == ["", []]
    assert [one for one in proxy.exchanges if one.path != "/trackway.js"] == []
    visitor.until(f"Date.now() > {held_at} + 50")
    visitor.run("(analytics.consent(true, {Analytics: true, Advertising: false}), analytics.flush())")
    wait_for(proxy, 3)
    events = check_arrived(trackway, requests_in(proxy))
    assert names(events) == ["page", "identify", "Held"]
    assert all(event["context"]["consent"]["categoryPreferences"] == {"Analytics": True, "Advertising": False}
               for event in events)  # fmt: skip
    assert {event["context"]["page"]["path"] for event in events} == {"/"}, "the page on which it was called"
    assert events[0]["context"]["campaign"] == {"source": "news"}
    assert visitor.run(f"new Date({json.dumps(events[2]['originalTimestamp'])}) <= {held_at}"), "the time of the call"
    assert "ajs_anonymous_id" in visitor.cookies()


def test_a_known_visitor_who_agrees_is_still_the_same(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    visitor.goto(shop.page("/", tag(proxy)))
    known = visitor.run(
        "analytics.identify('own-u1').then(() => [analytics.user().id(), analytics.user().anonymousId()])"
    )
    visitor.goto(shop.page("/", tag(proxy, consent=False)))
    visitor.run("void analytics.track('Held')")
    assert visitor.run("analytics.user().anonymousId()") != known[1], "what is on the device is not looked at"
    visitor.run("(analytics.consent(true), analytics.flush())")
    held = wait_for(proxy, 2)[-1]
    assert [held["userId"], held["anonymousId"]] == known


def test_what_is_refused_is_forgotten(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    visitor.goto(shop.page("/", tag(proxy, flushInterval=3_600_000)))
    visitor.offline(True)
    visitor.run("analytics.identify('own-u1', {plan: 'pro'}).then(() => analytics.group('acme-refused'))")
    visitor.offline(False)
    sent = len(sent_in(proxy))
    visitor.goto(shop.page("/asks", tag(proxy, consent=False)))
    visitor.run("void analytics.track('Held')")
    visitor.run("(analytics.consent(false), analytics.track('After'), analytics.flush())")
    assert visitor.run(LEFT_BEHIND) == ["", []]
    visitor.run("(analytics.consent(true), analytics.track('Agreed after all'), analytics.flush())")
    events = poll_until(lambda: [one for one in sent_in(proxy)[sent:] if one["type"] == "track"], what="an event")
    assert names(events) == ["Agreed after all"]
    assert events[0].get("userId") is None


@pytest.mark.parametrize(
    "wish",
    ["Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})",
     "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"],
)  # fmt: skip
def test_a_wish_not_to_be_tracked_is_respected_if_asked_to(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, chrome: Visitor, wish: str
):
    chrome.new(init=wish)
    chrome.goto(shop.page("/", tag(proxy, doNotTrack=True, initialPageview=True)))
    chrome.run("analytics.track('Unwanted').then(() => analytics.flush())")
    assert chrome.run(LEFT_BEHIND) == ["", []]
    chrome.goto(shop.page("/any", tag(proxy)))
    chrome.run("analytics.track('Not asked to').then(() => analytics.flush())")
    assert names(wait_for(proxy, 1)) == ["Not asked to"]


@pytest.mark.parametrize("options", [{"disable": True}, {"disableClientPersistence": True}])
def test_nothing_stays_on_the_device_if_it_must_not(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor, options: dict[str, bool]
):
    visitor.goto(shop.page("/", tag(proxy, **options)))
    visitor.run(
        "analytics.identify('own-u1', {a: 1}).then(() => analytics.track('Seen')).then(() => analytics.flush())"
    )
    assert visitor.run(LEFT_BEHIND) == ["", []]
    expected = [] if "disable" in options else ["identify", "Seen"]
    assert names(sent_in(proxy)) == expected
    assert len({event["anonymousId"] for event in sent_in(proxy)}) == (1 if expected else 0)


def test_the_strictest_policy_lets_it_work(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    policy = f"default-src 'none'; img-src data:; script-src {proxy.url}; connect-src {proxy.url}; "
    url = shop.page(
        "/",
        tag(proxy, spa=True, dataTrack=True, initialPageview=True),
        '<button data-track="Pressed">Press</button>',
        Content_Security_Policy=policy + "require-trusted-types-for 'script'; trusted-types 'none'",
    )
    visitor.goto(url)
    visitor.click("button")
    visitor.run("analytics.flush()")
    assert names(wait_for(proxy, 2)) == ["page", "Pressed"]
    assert (visitor.run("violations"), visitor.problems()) == ([], [])
