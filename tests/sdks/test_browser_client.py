"""Segment's browser client, as it comes from npm and bundled by Vite, in Chromium against the running product.

The page stands on another port than the collector, so for the browser each call goes to a foreign origin.
"""

import json
from uuid import uuid4

import pytest

from tests.running import Trackway, poll_until
from tests.sdks.arrival import calls_in, check_arrived
from tests.sdks.browser_page import Drive, Site
from tests.sdks.recording_proxy import Exchange, RecordingProxy

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(60)]

VISIT = ["page", "alias", "identify", "identify", "track", "group", "page", "screen"]


def events_sent(proxy: RecordingProxy) -> list[Exchange]:
    return sorted(proxy.posts(), key=lambda post: post.forwarded_at)


def test_every_field_of_every_call_arrives(trackway: Trackway, proxy: RecordingProxy, site: Site, drive: Drive) -> None:
    user = f"web-{uuid4()}"
    # Nothing but where the settings are: all else the client learns from them.
    report = drive("visit", user, load={"writeKey": trackway.write_key, "cdnURL": proxy.url})
    assert report["problems"] == []
    posts = events_sent(proxy)
    assert [post.path for post in posts] == [f"/v1/{kind[0]}" for kind in [*VISIT, "page"]]
    events = check_arrived(trackway, posts)
    assert [event["type"] for event in events] == [*VISIT, "page"]

    landed, alias, _, identify, track, group, page, screen, reloaded = events
    assert landed["context"]["campaign"] == {
        "source": "news", "medium": "email", "name": "spring", "term": "lamp", "content": "hero", "id": "7",
    }  # fmt: skip
    assert landed["properties"]["title"] == "Lamps & lights"
    assert landed["properties"]["url"].startswith(site.page_url)
    assert "userId" not in landed
    assert (alias["userId"], alias["previousId"]) == (user, landed["anonymousId"])
    assert identify["traits"].keys() == {"email", "createdAt", "address", "phone", "vip", "plan", "age"}, "all traits"
    assert track["originalTimestamp"] == "2026-03-02T09:30:15.123Z"
    assert track["context"]["location"] == {"city": "Bern"}
    assert group["groupId"] == "acme"
    assert (page["category"], page["name"], page["properties"]["title"]) == (
        "Docs",
        "Reading & Writing",
        "My own title",
    )
    assert screen["name"] == "Cart"
    for event in events:
        assert event["context"]["library"] == {"name": "analytics.js", "version": "npm:next-1.84.3"}
        assert "Chrome/" in event["context"]["userAgent"]
        assert event["context"]["ip"] == "127.0.0.1"
        assert event["context"]["timezone"] == "Europe/Zurich"
        assert event["channel"] == "browser"
        assert event["_metadata"]["bundled"] == ["Segment.io"]

    assert report["before"]["anonymousId"] == report["after"]["anonymousId"] == reloaded["anonymousId"]
    assert reloaded["userId"] == report["after"]["userId"] == user


def test_a_foreign_origin_is_asked_about_and_let_in(
    trackway: Trackway, proxy: RecordingProxy, site: Site, drive: Drive
) -> None:
    report = drive("track", load={"writeKey": trackway.write_key, "cdnURL": proxy.url})
    assert report["problems"] == []
    settings, preflight, post = proxy.exchanges
    origin = f"http://localhost:{site.port}"
    assert (settings.method, settings.path) == ("GET", f"/v1/projects/{trackway.write_key}/settings")
    assert settings.json_answer()["integrations"].keys() == {"Segment.io"}, "another would make it load more scripts"
    assert (preflight.method, preflight.path, preflight.status) == ("OPTIONS", "/v1/p", 204)
    assert preflight.headers["Access-Control-Request-Headers"] == "authorization"
    assert (post.method, post.headers["Origin"], post.status) == ("POST", origin, 200)
    assert post.headers["Content-Type"].startswith("text/plain")
    for exchange in proxy.exchanges:
        assert exchange.answer_headers["Access-Control-Allow-Origin"] in ("*", origin)


def test_batches_arrive_also_those_sent_on_leaving(trackway: Trackway, proxy: RecordingProxy, drive: Drive) -> None:
    user = f"web-{uuid4()}"
    segment = {
        "apiHost": f"127.0.0.1:{proxy.port}/v1",
        "protocol": "http",
        "deliveryStrategy": {"strategy": "batching", "config": {"size": 8, "timeout": 60_000}},
    }
    load = {"writeKey": trackway.write_key, "cdnURL": proxy.url}
    report = drive("leave", user, load=load, integrations={"Segment.io": segment})
    assert report["problems"] == []
    poll_until(lambda: len(proxy.posts()) == 2, what="both batches")
    posts = events_sent(proxy)
    assert [post.path for post in posts] == ["/v1/b", "/v1/b"]
    assert [[sent.call["type"] for sent in calls_in(post)] for post in posts] == [VISIT, ["track"]]
    assert not any("sentAt" in sent.call for post in posts for sent in calls_in(post)), "it is the batch's"
    events = check_arrived(trackway, posts)
    assert events[-1]["event"] == "Left"
    assert len({event["receivedAt"] for event in events[:8]}) == 1, "all calls of a request were received at once"


def test_a_call_whose_answer_got_lost_counts_once(trackway: Trackway, proxy: RecordingProxy, drive: Drive) -> None:
    proxy.lose_answers(1)
    load = {"writeKey": trackway.write_key, "cdnURL": proxy.url}
    drive("tryAgain", load=load)
    first, second = events_sent(proxy)
    assert second.headers["X-Retry-Count"] == "1"
    asked = [one.headers["Access-Control-Request-Headers"] for one in proxy.exchanges if one.method == "OPTIONS"]
    assert asked == ["authorization"], "what the first answer allows covers the header that marks a retry"
    [event] = check_arrived(trackway, [first, second])
    assert event["messageId"] in {record.message_id for record in trackway.dropped()}


def test_a_wrong_write_key_is_a_final_error(proxy: RecordingProxy, drive: Drive) -> None:
    segment = {"apiKey": "wk_of_nobody", "apiHost": f"127.0.0.1:{proxy.port}/v1", "protocol": "http"}
    load = {"writeKey": "wk_of_nobody", "cdnSettings": {"integrations": {"Segment.io": segment}}}
    report = drive("hourLater", load=load)
    assert report["failures"] == ["delivery_failure: Non-retryable error: 401"]
    assert [post.status for post in proxy.posts()] == [401], "it was tried once"


def test_settings_of_a_wrong_write_key_say_so(proxy: RecordingProxy, drive: Drive) -> None:
    report = drive("hourLater", load={"writeKey": "wk_of_nobody", "cdnURL": proxy.url})
    [failure] = report["failures"]
    assert json.loads(failure.removeprefix("load: "))["code"] == "unknown_source"
    assert proxy.posts() == []
