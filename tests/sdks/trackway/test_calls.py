"""The calls of Trackway's own browser client, and what becomes of them in the running product."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.running import Trackway, poll_until
from tests.sdks.arrival import calls_in, check_arrived
from tests.sdks.recording_proxy import RecordingProxy
from tests.sdks.trackway.traffic import KEY, SNIPPET_KEY, names, requests_in, sent_in, snippet, tag, wait_for
from tests.sdks.trackway.visitor import Shop, Visitor
from tests.services import ROOT, miss

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(90)]


def test_every_call_and_field_arrives(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    user = f"own-{uuid4()}"
    canonical = '<link rel="canonical" href="https://shop.example/lamps">'
    url = shop.page("/lamps", canonical + tag(proxy, initialPageview=True), title="Lamps & lights")
    visitor.goto(f"{url}?utm_source=news&utm_campaign=spring&gclid=TeSter-123#top")
    visitor.run(f"""Promise.all([
        analytics.alias({json.dumps(user)}),
        analytics.identify({json.dumps(user)}, {{email: "kim@example.com", plan: "pro"}}),
        analytics.identify({{age: 41}}),
        analytics.track("Product Viewed", {{price: 19.95, tags: ["a"], nested: {{deepKey: "✓"}}}}, {{
          timestamp: new Date("2026-03-02T09:30:15.123Z"), integrations: {{All: true, Mixpanel: false}},
          context: {{groupId: "acme"}}, location: {{city: "Bern"}} }}),
        analytics.group("acme-own", {{employees: 329}}),
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
    assert (group["groupId"], group["traits"]) == ("acme-own", {"employees": 329})
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


def test_segments_snippet_loads_it_and_early_calls_are_kept(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor, node: str
):
    early = """<script>
      analytics.track("Before Load", {early: true}, (context) => (window.called = context.event.event));
      analytics.on("track", (event) => (window.heard ??= []).push(event));
      analytics.addSourceMiddleware(({payload, next}) => { payload.obj.context.seen = payload.type(); next(payload); });
      analytics.ready(() => (window.ready = true));
      window.stale = analytics;
      analytics.register({name: "A plugin"}); analytics.addDestinationMiddleware("Mixpanel", () => {});
      history.replaceState(null, "", "/changed" + location.search);
    </script>"""
    url = shop.page("/", snippet(node, proxy, SNIPPET_KEY, page={"name": "Lamps"}) + early)
    visitor.goto(f"{url}?ajs_uid=u9&ajs_trait_plan=pro&ajs_event=Mail%20Opened&ajs_prop_mail=7+days&ajs_aid=a-1")
    visitor.until("window.ready && analytics.initialized")
    visitor.run("stale.track('After Load')")
    # No method of the snippet throws, before or after, though some have no effect here.
    missing = visitor.run("stale.methods.filter((name) => typeof analytics[name] != 'function')")
    assert missing == []
    visitor.run("Promise.all([stale.register({}), analytics.addDestinationMiddleware('M', () => {})]).then(() => null)")
    events = check_arrived(trackway, requests_in(proxy), rows=False) if wait_for(proxy, 5) else []
    assert names(events) == ["identify", "Mail Opened", "page", "Before Load", "After Load"]
    identify, opened, page, before, _ = events
    assert (identify["userId"], identify["traits"]) == ("u9", {"plan": "pro"})
    assert opened["properties"] == {"mail": "7 days"}
    assert (page["name"], page["properties"]["path"], page["context"]["page"]["path"]) == ("Lamps", "/", "/")
    assert "ajs_uid=u9" in page["properties"]["search"], "the page as it was when it was called"
    assert before["properties"] == {"early": True}
    assert {event["anonymousId"] for event in events} == {"a-1"}
    assert [event["context"]["seen"] for event in events] == [event["type"] for event in events]
    assert visitor.run("[window.called, window.heard]") == ["Before Load", ["Mail Opened", "Before Load", "After Load"]]
    assert visitor.problems() == []


EARLY = """<script>window.analytics = [["page"], ["identify", "u-early"], ["track", "First"]];</script>"""


def test_calls_made_while_earlier_ones_are_played_come_after_them(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    now = """<script>window.stub = analytics; analytics.push(["track", "Second"]);</script>"""
    later = """<script>setTimeout(() => analytics.push(["track", "Third"]))</script>"""
    visitor.goto(shop.page("/", EARLY + tag(proxy) + now + later))
    visitor.until("analytics.initialized")
    visitor.run("analytics.track('Last').then(() => analytics.flush())")
    assert names(wait_for(proxy, 6)) == ["page", "identify", "First", "Second", "Third", "Last"]
    assert visitor.run("[stub.length, stub === analytics]") == [0, False]
    check_arrived(trackway, requests_in(proxy))


def test_a_page_that_is_left_before_all_early_calls_were_played_sends_them(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    # In the script's own task: no other has begun.
    leave = """<script>
      document.querySelector("script[data-write-key]").onload = () => {
        dispatchEvent(new Event("pagehide"));
        window.kept = Object.keys(localStorage).filter((key) => /^tw[.].*[.][qh]/.test(key)).length;
      };
    </script>"""
    url = shop.page("/", EARLY + tag(proxy, flushInterval=3_600_000).replace("<script", "<script defer") + leave)
    visitor.goto(url)
    assert visitor.run("kept") == 3
    assert names(wait_for(proxy, 3)) == ["page", "identify", "First"]
    assert visitor.problems() == []


SCRIPT = """(async () => {
  await new Promise((go) => analytics.ready(go));
  await analytics.alias("own-u1");
  await analytics.identify("own-u1", {email: "kim@example.com", address: {city: "Bern"}});
  await analytics.track("Product Viewed", {price: 19.95, tags: ["a"]}, {
    integrations: {All: true, Mixpanel: false}, context: {groupId: "acme"}, location: {city: "Bern"} });
  await analytics.group("acme-own", {employees: 329});
  await analytics.page("Docs", "Reading", {title: "My own title", keywords: ["lamp"]});
  await analytics.screen("Shop", "Cart", {items: 3});
  await analytics.track("Last", null, {anonymousId: "a-9", userId: "nobody", timestamp: "2026-03-02T09:30:15.123Z"});
  await analytics.flush?.();
})()"""
VOLATILE = {
    "messageId",
    "timestamp",
    "receivedAt",
    "sentAt",
    "originalTimestamp",
    "library",
    "anonymousId",
    "previousId",
}


def members(value: Any, path: str = "") -> dict[str, Any]:
    """Every path in an event, with its value."""
    if not isinstance(value, dict) or not value:
        return {path: value}
    return {key: found for name, one in value.items() for key, found in members(one, f"{path}/{name}").items()}


def _what(event: dict[str, Any]) -> tuple[str, str | None]:
    return event["type"], event.get("event") or event.get("name")


def test_its_events_hold_all_that_those_of_analytics_next_do(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, chrome: Visitor, node: str
):
    both: list[list[dict[str, Any]]] = []
    for key in (trackway.write_key, SNIPPET_KEY):
        chrome.new()
        canonical = '<link rel="canonical" href="/lamps">'
        url = shop.page("/lamps", canonical + snippet(node, proxy, key, page=True), title="Lamps & lights")
        before = len(proxy.posts())
        chrome.goto(f"{url}?utm_source=news&utm_campaign=spring#top")
        chrome.run(SCRIPT)
        posts = poll_until(
            lambda before=before: (
                sorted(proxy.posts()[before:], key=lambda post: post.forwarded_at)
                if sum(1 for post in proxy.posts()[before:] for _ in calls_in(post)) >= 8
                else None
            ),
            what="the calls of a client",
        )
        both.append(check_arrived(trackway, posts or [], rows=False))
        assert chrome.problems() == []
    theirs, ours = both
    assert names(ours) == ["page", "alias", "identify", "Product Viewed", "group", "page", "screen", "Last"]
    # Each of theirs goes in a request of its own, and they overtake one another.
    order = [_what(event) for event in ours]
    theirs.sort(key=lambda event: order.index(_what(event)))
    assert [_what(event) for event in theirs] == order
    for their, our in zip(theirs, ours, strict=True):
        expected, found = members(their), members(our)
        assert expected.keys() <= found.keys() | {"/context/library/name"}
        different = {
            path: (value, found.get(path))
            for path, value in expected.items()
            if not VOLATILE & set(path.split("/")) and found.get(path) != value
        }
        assert different == {}
    assert ours[-1]["anonymousId"] == theirs[-1]["anonymousId"] == "a-9"
    assert ours[-1]["originalTimestamp"] == theirs[-1]["originalTimestamp"]


def test_middleware_may_change_or_leave_out_events_now_or_later(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    visitor.goto(shop.page("/", tag(proxy)))
    visitor.run("""(async () => {
      await analytics.addSourceMiddleware(({payload, next}) => {
        if (payload.event() == "Left Out") return;
        if (payload.event() == "Also Left Out") return next(null);
        if (payload.event() == "Broken") throw new Error("a mistake");
        payload.obj.properties.first = payload.properties().n;
        next(payload);
      });
      await analytics.addSourceMiddleware(async ({payload, next}) => {
        await new Promise((go) => setTimeout(go, 30));
        payload.obj.properties.second = true;
        next(payload);
        next(payload);
      });
      const names = ["Kept", "Left Out", "Also Left Out", "Broken"];
      window.left = await Promise.all(names.map((name, n) => analytics.track(name, {n})));
      await analytics.flush();
    })()""")
    events = {event["event"]: event["properties"] for event in wait_for(proxy, 2)}
    assert events == {"Kept": {"n": 0, "first": 0, "second": True}, "Broken": {"n": 3, "second": True}}
    assert visitor.run("left.map((context) => context.event?.event ?? null)") == ["Kept", None, None, "Broken"]


def test_listeners_callbacks_and_promises(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    visitor.goto(shop.page("/", tag(proxy)))
    heard = visitor.run("""(async () => {
      const heard = [], every = (...given) => heard.push(["on", ...given]);
      analytics.on("track", every).once("track", (event) => heard.push(["once", event]));
      await analytics.track("One", {n: 1});
      await analytics.track("Two");
      analytics.off("track", every);
      await analytics.track("Three", (context) => heard.push(["callback", context.event.event]));
      analytics.on("reset", () => heard.push(["reset"]));
      analytics.reset();
      heard.push(["refused", await analytics.track().catch((error) => error.message)]);
      return heard;
    })()""")
    assert heard == [
        ["on", "One", {"n": 1}, {}], ["once", "One"], ["on", "Two", {}, {}], ["callback", "Three"], ["reset"],
        ["refused", "Event missing"],
    ]  # fmt: skip


def test_links_forms_and_attributes_are_tracked_and_held_up_by_nothing(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    shop.page("/next", "", "<h1>Next</h1>")
    body = """<a id="link" href="/next" data-kind="footer">Next</a>
      <form id="form" action="/next"><input name="q" value="lamp"><button id="send">Send</button></form>
      <div data-track="Plan Chosen" data-track-plan-name="pro" data-track-props='{"price": 19.99}'>
        <b id="inner">Pro</b></div>
      <form data-track="Signed Up" data-track-list="news" action="/next">
        <button id="join">Join</button></form>
      <i id="broken" data-track="Plan Left" data-track-why="price" data-track-props="{price: 1">Leave</i>"""
    url = shop.page("/", tag(proxy, dataTrack=True, flushInterval=3_600_000), body)
    setup = """void (
      analytics.trackLink(document.querySelectorAll("a"), (a) => "Clicked " + a.id, (a) => ({...a.dataset})),
      analytics.trackForm(document.getElementById("form"), "Searched", {from: "top"}))"""
    for number, (selector, leaves) in enumerate(
        [("#link", True), ("#send", True), ("#inner", False), ("#join", True), ("#broken", False)], start=1
    ):
        visitor.goto(url)
        visitor.run(setup)
        visitor.click(selector)
        if leaves:
            visitor.until("document.querySelector('h1')")
        else:
            visitor.run("analytics.flush()")
        wait_for(proxy, number)
    sent = [(event["event"], event["properties"]) for event in sent_in(proxy)]
    assert sent == [
        ("Clicked link", {"kind": "footer"}),
        ("Searched", {"from": "top"}),
        ("Plan Chosen", {"plan_name": "pro", "price": 19.99}),
        ("Signed Up", {"list": "news"}),
        ("Plan Left", {"why": "price", "props": "{price: 1"}),
    ]
    assert visitor.problems() == ["{price: 1"], "what is wrong with it is said"


def test_a_single_page_application_has_pages(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    url = shop.page("/", tag(proxy, spa=True, initialPageview=True))
    visitor.goto(url)
    visitor.run("void analytics.on('page', () => (window.pages = (window.pages ?? 0) + 1))")
    steps = [
        "history.pushState(null, '', '/lamps?page=2'); document.title = 'More lamps'",
        "history.replaceState(null, '', '/lamps?page=3')",
        "history.pushState(null, '', '#only-a-place'); history.go(-2)",
    ]
    for number, step in enumerate(steps, start=1):
        visitor.run(f"void (() => {{ {step} }})()")
        visitor.until(f"window.pages == {number}")
    visitor.run("analytics.flush()")
    events = wait_for(proxy, 4)
    pages = [event["properties"] for event in events]
    assert [page["path"] + page["search"] for page in pages] == ["/", "/lamps?page=2", "/lamps?page=3", "/"]
    assert pages[1]["title"] == "More lamps"
    referrers = [url, f"{url}lamps?page=2", f"{url}lamps?page=3"]
    assert [page["referrer"] for page in pages[1:]] == referrers
    assert [event["context"]["page"]["referrer"] for event in events[1:]] == referrers


def test_client_hints_that_were_asked_for_come_along(
    trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor
):
    visitor.goto(shop.page("/", tag(proxy, highEntropyValuesClientHints=["platformVersion", "bitness"])))
    # The browser answers in turn.
    visitor.run("navigator.userAgentData.getHighEntropyValues(['model']).then(() => analytics.track('Hinted'))")
    [event] = wait_for(proxy, 1)
    assert event["context"]["userAgentData"].keys() >= {"brands", "platform", "platformVersion", "bitness"}


def test_the_module_is_the_same_client(trackway: Trackway, proxy: RecordingProxy, shop: Shop, visitor: Visitor):
    built = ROOT / "web/sdk/dist/browser.js"
    if not built.is_file():
        miss("the browser client's module", "run `make build`")
    call = f'window.analytics = load("{KEY}", {{host: "{proxy.url}"}}); analytics.track("From a Module");'
    visitor.goto(shop.page("/", f'<script type="module">{built.read_text("utf-8")}\n{call}</script>'))
    assert names(wait_for(proxy, 1)) == ["From a Module"]
    assert visitor.problems() == []
