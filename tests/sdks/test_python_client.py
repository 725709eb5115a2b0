"""Segment's Python client, as it comes from PyPI, against the running product."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from importlib.metadata import version
from typing import Any
from uuid import uuid4

import pytest
from segment.analytics.client import Client

from tests.running import Trackway
from tests.sdks.arrival import check_arrived, instant
from tests.sdks.recording_proxy import RecordingProxy

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(60)]

MakeClient = Callable[..., Client]
LAST_WEEK = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))


@pytest.fixture
def make_client(trackway: Trackway, proxy: RecordingProxy) -> Iterator[MakeClient]:
    """Makes clients that send by way of the proxy, and sees at the end that none of them had an error."""
    errors: list[Exception] = []
    made: list[Client] = []

    def make(**options: Any) -> Client:
        options = {"host": proxy.url, "on_error": lambda error, _batch: errors.append(error), **options}
        made.append(Client(trackway.write_key, **options))
        return made[-1]

    yield make
    for client in made:
        if not client.sync_mode:
            client.shutdown()
    assert errors == []


def call_everything(client: Client, user: str) -> None:
    """Make each of the six calls with every argument it has."""
    common: dict[str, Any] = {
        "anonymous_id": f"anon-{user}",
        "context": {"ip": "203.0.113.7", "locale": "pt-BR", "app": {"name": "Loja", "build": "77"}, "active": False},
        "integrations": {"All": True, "Salesforce": False, "Amplitude": {"session_id": 1_712_345_678_901}},
        "timestamp": LAST_WEEK,
    }
    traits = {"email": "ana@example.com", "createdAt": datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC), "plan": None}
    client.identify(user, {**traits, "address": {"postalCode": "01000-000", "city": "São Paulo"}}, **common)
    products = [{"product_id": "sku-1", "price": Decimal("19.99")}, {"product_id": "sku-2", "price": 5}]
    order = {
        "order_id": "o-77",
        "revenue": 24.99,
        "coupon": None,
        "gift": True,
        "products": products,
        "due": date(2026, 4, 1),
    }
    client.track(user, "Order Completed", order, **common)
    client.page(
        user, "Docs", "Reading & Writing", {"url": "https://example.com/?q=1&r=2", "tags": ("a", "b")}, **common
    )
    client.screen(user, "Shop", "Cart", {"items": 3, "nested": {"Deep Key": {"x1Y": "Ünïcode ✓"}}}, **common)
    client.group(user, "acme", {"name": "ACME", "employees": 329, "industry": "anvils"}, **common)
    del common["anonymous_id"]
    client.alias(f"anon-{user}", user, **common)


@pytest.mark.parametrize(
    "options", [{}, {"gzip": True}, {"sync_mode": True}, {"sync_mode": True, "gzip": True}], ids=str
)
def test_every_field_of_every_call_arrives(
    trackway: Trackway, proxy: RecordingProxy, make_client: MakeClient, options: dict[str, Any]
) -> None:
    assert version("segment-analytics-python") == "2.4.0"
    client = make_client(**options)
    user = f"py-{uuid4()}"
    call_everything(client, user)
    if not client.sync_mode:
        client.flush()
    events = check_arrived(trackway, proxy.posts())
    assert [event["type"] for event in events] == ["identify", "track", "page", "screen", "group", "alias"]
    assert {post.path for post in proxy.posts()} == {"/v1/batch"}
    assert {post.headers.get("Content-Encoding") for post in proxy.posts()} == {"gzip" if "gzip" in options else None}
    assert len(proxy.posts()) == (6 if client.sync_mode else 1)
    for event in events:
        assert event["userId"] == user
        assert event["context"]["library"] == {"name": "analytics-python", "version": "2.4.0"}
        # The past of the caller is kept: between the call and now lie months, not the milliseconds of sending.
        assert event["originalTimestamp"] == "2026-03-02T09:30:15.123-03:30"
        assert abs(instant(event["timestamp"]) - LAST_WEEK) < timedelta(minutes=1)


def test_calls_with_the_least_that_the_client_asks_for_arrive(
    trackway: Trackway, proxy: RecordingProxy, make_client: MakeClient
) -> None:
    client = make_client()
    user = f"py-{uuid4()}"
    client.track(user, "Pinged")
    client.track(anonymous_id=user, event="Pinged")
    client.identify(user)
    client.page(user)
    client.screen(user)
    client.group(user, "g-1")
    client.alias("old", user)
    client.flush()
    events = check_arrived(trackway, proxy.posts())
    assert len(events) == 7
    nulls = [
        name for post in proxy.posts() for call in post.json()["batch"] for name, value in call.items() if value is None
    ]
    assert Counter(nulls) == {"anonymousId": 6, "userId": 1, "name": 2, "category": 2}, "the client sends its nulls"


def test_batches_of_a_hundred_arrive_whole(trackway: Trackway, proxy: RecordingProxy, make_client: MakeClient) -> None:
    client = make_client()
    run = str(uuid4())
    for number in range(250):
        client.track(f"py-{run}", "Counted", {"run": run, "number": number})
    client.flush()
    events = check_arrived(trackway, proxy.posts())
    assert [event["properties"]["number"] for event in events] == list(range(250))
    assert max(len(post.json()["batch"]) for post in proxy.posts()) == 100
    counted = trackway.sql(f"select count(*), count(distinct number), sum(number) from counted where run = '{run}'")
    assert counted == [[250, 250, sum(range(250))]]


def test_not_a_number_becomes_null_and_its_neighbours_are_intact(
    trackway: Trackway, proxy: RecordingProxy, make_client: MakeClient
) -> None:
    client = make_client()
    user = f"py-{uuid4()}"
    client.track(user, "Measured", {"value": 1.5, "unit": "mm"})
    client.track(user, "Measured", {"value": math.nan, "low": -math.inf, "list": [1, math.inf], "unit": "mm"})
    client.track(user, "Measured", {"value": 2.5, "unit": "µm"})
    client.flush()
    assert b"NaN" in proxy.posts()[0].text, "the client sends what is no JSON"
    events = check_arrived(trackway, proxy.posts())
    assert [event["properties"] for event in events] == [
        {"value": 1.5, "unit": "mm"},
        {"value": None, "low": None, "list": [1, None], "unit": "mm"},
        {"value": 2.5, "unit": "µm"},
    ]


def test_a_call_that_had_to_be_mended_says_so(
    trackway: Trackway, proxy: RecordingProxy, make_client: MakeClient
) -> None:
    client = make_client()
    user = f"py-{uuid4()}"
    client.track(user, "Measured", {"value": 1.5})
    client.track(user, "Measured", {"value": math.nan})
    client.flush()
    check_arrived(trackway, proxy.posts())
    records = [record for _, record in trackway.event_records() if record.user_id == user]
    assert [[finding.code for finding in record.findings] for record in records] == [[], ["text_repaired"]]


def test_half_a_character_costs_nothing_but_itself(
    trackway: Trackway, proxy: RecordingProxy, make_client: MakeClient
) -> None:
    client = make_client()
    user = f"py-{uuid4()}"
    client.track(user, "Typed", {"text": "cut \ud83d here"})
    client.track(user, "Typed", {"text": "whole 😀"})
    client.flush()
    trackway.settle()
    events = [event for event in trackway.events() if event.get("userId") == user]
    assert [event["properties"]["text"] for event in events] == ["cut � here", "whole 😀"]


def test_group_and_previous_ids_sent_as_numbers_become_text(
    trackway: Trackway, proxy: RecordingProxy, make_client: MakeClient
) -> None:
    client = make_client()
    user = f"py-{uuid4()}"
    client.group(user, 42, {"name": "Forty-two"})
    client.alias(7, user)
    client.flush()
    assert [(call.get("groupId"), call.get("previousId")) for call in proxy.posts()[0].json()["batch"]] == [
        (42, None),
        (None, 7),
    ]
    group, alias = check_arrived(trackway, proxy.posts())
    assert group["groupId"] == "42"
    assert alias["previousId"] == "7"
    assert trackway.sql(f"select group_id from groups where user_id = '{user}'") == [["42"]]
    assert trackway.sql(f"select previous_id from aliases where user_id = '{user}'") == [["7"]]


def test_a_batch_whose_answer_got_lost_counts_once(
    trackway: Trackway, proxy: RecordingProxy, make_client: MakeClient
) -> None:
    client = make_client()
    user = f"py-{uuid4()}"
    proxy.lose_answers(1)
    for number in range(3):
        client.track(user, "Repeated", {"number": number})
    client.flush()
    first, second = proxy.posts()
    assert first.json()["batch"] == second.json()["batch"], "the client sends the same calls again"
    assert second.headers["X-Retry-Count"] == "1"
    events = check_arrived(trackway, proxy.posts())
    ids = [event["messageId"] for event in events]
    assert [record.message_id for record in trackway.dropped() if record.message_id in ids] == ids
    assert trackway.sql(f"select number from repeated where user_id = '{user}' order by number") == [[0], [1], [2]]


def test_a_wrong_write_key_is_a_final_error(trackway: Trackway, proxy: RecordingProxy) -> None:
    errors: list[Any] = []
    client = Client("wk_of_nobody", host=proxy.url, on_error=lambda error, _batch: errors.append(error))
    client.track("u", "Lost")
    client.shutdown()
    assert [(error.status, error.code) for error in errors] == [(401, "unknown_source")]
    assert [post.status for post in proxy.posts()] == [401], "it was tried once"
