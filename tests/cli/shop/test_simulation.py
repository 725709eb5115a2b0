import gzip
import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.cli.shop import Event, Plan, Request, as_requests, simulate
from trackway.events.clock_skew import correct, parse_ms
from trackway.events.verdicts import judge

pytestmark = pytest.mark.xdist_group("shop")  # one worker makes what they share

START_MS = 1_795_168_800_000
DAY_MS = 86_400_000
plans = st.builds(
    Plan,
    seed=st.integers(0, 10_000),
    start_ms=st.integers(START_MS, START_MS + 30 * DAY_MS),
    write_key=st.just("wk"),
    rate=st.floats(0.5, 300),
    duration_s=st.floats(1, 8),
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(7, START_MS, "wk", rate=400, duration_s=60)


@pytest.fixture(scope="module")
def events(plan: Plan) -> list[Event]:
    return list(simulate(plan))


@pytest.fixture(scope="module")
def requests(plan: Plan, events: list[Event]) -> list[Request]:
    return list(as_requests(plan, events))


def calls_of(request: Request) -> list[dict[str, Any]]:
    """The calls as the collector reads them: with the request's `sentAt`."""
    text = gzip.decompress(request.body) if request.headers.get("Content-Encoding") == "gzip" else request.body
    body = json.loads(text)
    if "batch" not in body:
        return [body]
    return [{**call, "sentAt": body["sentAt"]} for call in body["batch"]]


@settings(max_examples=25, deadline=None)
@given(plans)
def test_a_plan_is_played_the_same_way_every_time(plan: Plan) -> None:
    first = [(one.due_s, one.path, one.headers, one.body) for one in as_requests(plan, simulate(plan))]
    second = [(one.due_s, one.path, one.headers, one.body) for one in as_requests(plan, simulate(plan))]
    assert first == second


@settings(max_examples=25, deadline=None)
@given(plans)
def test_every_call_gets_the_verdict_that_was_foreseen(plan: Plan) -> None:
    for event in simulate(plan):
        refusal = judge(msgspec.json.encode(event.json)).refusal
        assert (refusal.reason if refusal else "") == event.reason, event.json


@settings(max_examples=25, deadline=None)
@given(plans)
def test_every_event_travels_once_and_repeats_are_the_same_calls(plan: Plan) -> None:
    events = list(simulate(plan))
    requests = list(as_requests(plan, events))
    once = Counter(id(event) for one in requests if not one.repeat for event in one.events)
    assert once == Counter(map(id, events))
    assert [one.due_s for one in requests] == sorted(one.due_s for one in requests)
    sent: dict[str, dict[str, Any]] = {}
    for request in requests:
        for call in calls_of(request):
            del call["sentAt"]
            assert sent.setdefault(call["messageId"], call) == call
    assert len(sent) == len(events)


@settings(max_examples=25, deadline=None)
@given(plans)
def test_the_plan_says_how_many_events_and_when(plan: Plan) -> None:
    dues = [event.due_s for event in simulate(plan)]
    assert len(dues) == plan.total == max(1, round(plan.rate * plan.duration_s))
    assert dues == sorted(dues)
    assert dues[0] >= 0
    assert dues[-1] <= plan.duration_s


def test_another_seed_is_another_play(plan: Plan, events: list[Event]) -> None:
    other = list(simulate(plan._replace(seed=8)))
    assert [one.json.get("event") for one in other] != [one.json.get("event") for one in events]


def test_the_same_seed_later_makes_new_message_and_order_ids_of_the_same_visits(
    plan: Plan, events: list[Event]
) -> None:
    later = list(simulate(plan._replace(start_ms=START_MS + DAY_MS)))
    assert [one.json.get("event") for one in later] == [one.json.get("event") for one in events]
    assert {one.json["messageId"] for one in later}.isdisjoint(one.json["messageId"] for one in events)
    assert {one.order.order_id for one in later if one.order}.isdisjoint(
        one.order.order_id for one in events if one.order
    )


def test_an_endless_play_goes_on() -> None:
    endless = simulate(Plan(1, START_MS, "wk", rate=50, duration_s=0))
    dues = [next(endless).due_s for _ in range(50 * 700)]
    assert dues[-1] > 600  # into the second day
    assert dues == sorted(dues)


def test_the_day_has_quiet_and_busy_hours(plan: Plan, events: list[Event]) -> None:
    by_tenth = Counter(int(event.due_s / plan.duration_s * 10) for event in events)
    assert by_tenth[8] > 2 * by_tenth[1]


def test_troubles_have_their_shares(events: list[Event], requests: list[Request]) -> None:
    count = len(events)
    sent = sum(len(one.events) for one in requests)
    assert 0.01 < (sent - count) / count < 0.03
    assert 0.01 < sum(event.late for event in events) / count < 0.06
    assert 0.01 < sum(event.skewed for event in events) / count < 0.08
    assert 0.003 < sum(bool(event.reason) for event in events) / count < 0.008


def test_products_are_bought_by_popularity(events: list[Event]) -> None:
    seen = Counter(one.json["properties"]["name"] for one in events if one.json.get("event") == "Product Viewed")
    ranks = [count for _, count in seen.most_common()]
    assert ranks[0] > 4 * ranks[len(ranks) // 2]


def test_times_come_out_right_whatever_the_clock_of_the_device(plan: Plan, requests: list[Request]) -> None:
    for request in requests:
        received_ms = plan.start_ms + int(request.due_s * 1000)
        for event, call in zip(request.events, calls_of(request), strict=True):
            times = correct(call["timestamp"], call["sentAt"], received_ms)
            assert not times.findings
            age_ms = received_ms - times.timestamp_ms
            if event.late:
                assert 10 * 60_000 < age_ms < 3 * DAY_MS
            else:
                assert 0 <= age_ms < 60_000


def test_a_skewed_clock_is_wrong_in_all_calls_of_its_device(plan: Plan, events: list[Event]) -> None:
    for event in events:
        if event.channel != "server" and not event.late:
            clock_ms = parse_ms(event.json["timestamp"])
            assert clock_ms
            off_ms = clock_ms - plan.start_ms - int(event.due_s * 1000)
            assert (abs(off_ms) > 30 * 60_000) == event.skewed
            assert event.visitor.device
            assert off_ms == event.visitor.device.skew_ms


def test_each_client_writes_in_its_own_way(requests: list[Request]) -> None:
    first = {one.channel: one for one in reversed(requests)}
    web, app, server = first["web"], first["app"], first["server"]
    assert web.headers["Content-Type"] == "text/plain"
    assert web.headers["Authorization"] == "Basic d2s6"
    [call] = calls_of(web)
    assert web.path == f"/v1/{call['type'][0]}"
    assert call["writeKey"] == "wk"
    assert call["messageId"].startswith("ajs-next-")
    assert call["context"]["library"]["name"] == "analytics.js"
    assert call["context"]["page"]["url"].startswith("https://")
    assert app.path == "/v1/b"
    assert "Authorization" not in app.headers
    body = json.loads(gzip.decompress(app.body))
    assert body["writeKey"] == "wk"
    assert body["batch"][0]["context"]["device"]["type"] in ("ios", "android")
    assert server.path == "/v1/batch"
    call = json.loads(server.body)["batch"][0]
    assert call["timestamp"].endswith("+00:00")
    assert "anonymousId" in call


def test_campaigns_reach_the_context(events: list[Event]) -> None:
    tagged = [one.json for one in events if "campaign" in one.json["context"]]
    assert tagged
    for call in tagged:
        assert {"name", "source", "medium"} <= call["context"]["campaign"].keys()


def test_identities_grow(events: list[Event]) -> None:
    types = Counter(event.json["type"] for event in events)
    assert all(types[kind] for kind in ("identify", "alias", "group", "page", "screen", "track"))
    traits: dict[str, list[set[str]]] = {}
    for event in events:
        if event.json["type"] == "identify" and not event.reason:
            traits.setdefault(event.json["userId"], []).append(set(event.json["traits"]))
    assert any("lifetime_value" in calls[-1] and "lifetime_value" not in calls[0] for calls in traits.values())


def test_alias_comes_before_identify_and_joins_the_two_ids(events: list[Event]) -> None:
    identified: set[str] = set()
    for event in events:
        call = event.json
        if call["type"] == "identify":
            identified.add(call["userId"])
        if call["type"] == "alias":
            assert call["userId"] not in identified
            assert call["previousId"] == call["anonymousId"]


def test_refunds_follow_their_order_and_give_back_no_more_than_was_paid(events: list[Event]) -> None:
    orders = {one.order.order_id: one for one in events if one.order}
    refunds = [one for one in events if one.json.get("event") == "Order Refunded"]
    assert refunds
    for refund in refunds:
        given = refund.json["properties"]
        order = orders[given["order_id"]]
        assert refund.json["timestamp"] > order.json["timestamp"]
        assert 0 < given["total"] <= order.json["properties"]["total"]
        assert given["currency"] == order.json["properties"]["currency"]


def test_an_order_is_told_once(events: list[Event]) -> None:
    told = Counter(one.json["properties"]["order_id"] for one in events if one.json.get("event") == "Order Completed")
    assert set(told.values()) == {1}
    assert len(told) == sum(event.order is not None for event in events)
