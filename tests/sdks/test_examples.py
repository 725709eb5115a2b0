"""The example payloads of Segment's spec go in and come out, field by field; what comes out is written down here."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.running import Trackway
from tests.sdks.arrival import check_arrived, instant
from tests.sdks.recording_proxy import RecordingProxy

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(60)]

EXAMPLES = Path(__file__).parent / "examples"
SCHEMA = "examples"


def test_the_track_example_of_the_spec(trackway: Trackway) -> None:
    example = {
        "type": "track",
        "event": "User Registered",
        "properties": {"plan": "Pro Annual", "accountType": "Facebook"},
        "userId": "u1",
    }
    event = send_example(trackway, example)
    received_at = event["receivedAt"]
    assert abs(instant(received_at) - datetime.now(UTC)) < timedelta(seconds=30)
    assert event == {
        **example,
        "messageId": event["messageId"],
        "context": {},
        "integrations": {},
        "channel": "server",
        "originalTimestamp": received_at,
        "receivedAt": received_at,
        "timestamp": received_at,
    }
    call = {
        "id": ["VARCHAR", event["messageId"]],
        "user_id": ["VARCHAR", "u1"],
        "received_at": ["TIMESTAMP", received_at],
        "original_timestamp": ["TIMESTAMP", received_at],
        "timestamp": ["TIMESTAMP", received_at],
        "event": ["VARCHAR", "user_registered"],
        "event_text": ["VARCHAR", "User Registered"],
    }
    assert row_of(trackway, "tracks", event) == call
    properties = {"plan": ["VARCHAR", "Pro Annual"], "account_type": ["VARCHAR", "Facebook"]}
    assert row_of(trackway, "user_registered", event) == call | properties


def test_a_call_with_every_common_field_and_every_field_of_context(trackway: Trackway) -> None:
    sent = json.loads((EXAMPLES / "full_track.json").read_text("utf-8"))
    columns = json.loads((EXAMPLES / "full_track.columns.json").read_text("utf-8"))
    event = send_example(trackway, sent)
    received_at = instant(event["receivedAt"])
    # The client sent 2.5 s after the call, so the call was made 2.5 s before it was received.
    timestamp = (received_at - timedelta(seconds=2.5)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    expected = {name: value for name, value in sent.items() if name != "projectId"}
    assert event == expected | {
        "originalTimestamp": sent["timestamp"],
        "receivedAt": event["receivedAt"],
        "timestamp": timestamp,
        "channel": "browser",  # the library is the browser's, whatever the call says
    }
    times = {"received_at": ["TIMESTAMP", event["receivedAt"]], "timestamp": ["TIMESTAMP", timestamp]}
    assert row_of(trackway, "tracks", event) == columns["call"] | times
    assert row_of(trackway, "order_completed", event) == columns["call"] | times | columns["properties"]


def test_the_warehouse_example_of_the_spec(trackway: Trackway) -> None:
    example = {
        "type": "track",
        "messageId": "m1",
        "userId": "u1",
        "anonymousId": "a1",
        "event": "Register",
        "properties": {
            "plan": "Pro Annual",
            "accountType": "Facebook",
            "meta": {"A/B": {"x1Y": True}},
            "tags": ["a", {"b": 1}],
            "none": None,
            "event": "x",
        },
        "context": {"library": {"name": "analytics.js"}, "traits": {"email": "a@b.c"}},
    }
    event = send_example(trackway, example)
    now = ["TIMESTAMP", event["receivedAt"]]
    call = {
        "id": ["VARCHAR", "m1"],
        "user_id": ["VARCHAR", "u1"],
        "anonymous_id": ["VARCHAR", "a1"],
        "event": ["VARCHAR", "register"],
        "event_text": ["VARCHAR", "Register"],
        "context_library_name": ["VARCHAR", "analytics.js"],
        "context_traits_email": ["VARCHAR", "a@b.c"],
        "received_at": now,
        "original_timestamp": now,
        "timestamp": now,
    }
    assert row_of(trackway, "tracks", event) == call
    assert row_of(trackway, "register", event) == call | {
        "plan": ["VARCHAR", "Pro Annual"],
        "account_type": ["VARCHAR", "Facebook"],
        "meta_a_b_x1_y": ["BOOLEAN", True],
        "tags": ["VARCHAR", '["a",{"b":1}]'],
        "_event": ["VARCHAR", "x"],
    }
    names = {
        name for (name,) in trackway.sql(f"select column_name from duckdb_columns() where schema_name = '{SCHEMA}'")
    }
    assert "none" not in names, "a value that was never there makes no column"


ADDRESS = {"city": "Bern", "country": "CH", "postalCode": "3000", "state": "BE", "street": "Gasse 1"}
PERSON = {
    "address": ADDRESS, "age": 41, "avatar": "https://example.com/a.png", "birthday": "1985-01-02",
    "company": {"name": "ACME", "id": 42, "industry": "anvils", "employee_count": 329, "plan": "enterprise"},
    "createdAt": "2025-01-02T03:04:05.678Z", "description": "curious", "email": "jo@example.com", "firstName": "Jo",
    "gender": "x", "id": "trait-id", "lastName": "Doe", "name": "Jo Doe", "phone": "+41 31 000 00 00",
    "title": "CTO", "username": "jo", "website": "https://jo.example.com",
}  # fmt: skip
PERSON_COLUMNS = {
    "address_city", "address_country", "address_postal_code", "address_state", "address_street", "age", "avatar",
    "birthday", "company_name", "company_id", "company_industry", "company_employee_count", "company_plan",
    "created_at", "description", "email", "first_name", "gender", "_id", "last_name", "name", "phone", "title",
    "username", "website",
}  # fmt: skip
GROUP = {
    "address": ADDRESS, "avatar": "https://example.com/g.png", "createdAt": "2024-05-06T07:08:09Z",
    "description": "anvils", "email": "hi@acme.example", "employees": 329, "id": "trait-id", "industry": "anvils",
    "name": "ACME", "phone": "+41 31 000 00 01", "website": "https://acme.example", "plan": "enterprise",
}  # fmt: skip


def test_every_reserved_trait_and_property_of_the_other_calls(trackway: Trackway, proxy: RecordingProxy) -> None:
    who = {"userId": "reserved-1", "anonymousId": "a-reserved-1"}
    page = {
        "name": "Home", "category": "Docs", "path": "/", "referrer": "https://example.org", "search": "?q=1",
        "title": "Home", "url": "https://example.com/", "keywords": ["a", "b"],
    }  # fmt: skip
    calls = [
        {"type": "identify", **who, "traits": PERSON},
        {"type": "page", **who, "name": "Home", "category": "Docs", "properties": page},
        {"type": "screen", **who, "name": "Cart", "category": "Shop", "properties": {"name": "Cart"}},
        {"type": "group", **who, "groupId": "reserved-g", "traits": GROUP},
        {"type": "alias", "userId": "reserved-1", "previousId": "a-reserved-1"},
    ]
    batch = [{"messageId": f"reserved-{call['type']}", **call} for call in calls]
    assert trackway.post("/v1/batch", {"batch": batch}, url=proxy.url).status == 200
    check_arrived(trackway, proxy.posts())
    [user] = trackway.table(
        "select * exclude (id, received_at, uuid_ts) from web.users where id = 'reserved-1'"
    ).dicts()
    assert {name for name in user if not name.startswith("context_")} == PERSON_COLUMNS
    assert user["created_at"] == "2025-01-02T03:04:05.678Z"
    assert user["_id"] == "trait-id"


def test_users_keep_a_trait_that_is_not_sent_and_lose_one_sent_as_null(
    trackway: Trackway, proxy: RecordingProxy
) -> None:
    def identify(number: int, traits: dict[str, Any]) -> None:
        call = {"messageId": f"merge-{number}", "userId": "merge-1", "traits": traits}
        assert trackway.post("/v1/identify", call, url=proxy.url).status == 200

    identify(1, {"plan": "free", "city": "Bern", "address": {"street": "Gasse 1", "zip": "3000"}})
    trackway.settle()
    identify(2, {"plan": "pro", "address": {"zip": None}})
    identify(3, {"city": None})
    check_arrived(trackway, proxy.posts())
    [user] = trackway.table(
        "select plan, city, address_street, address_zip from web.users where id = 'merge-1'"
    ).dicts()
    assert user == {"plan": "pro", "address_street": "Gasse 1"}


def send_example(trackway: Trackway, call: dict[str, Any]) -> dict[str, Any]:
    """Send a call of the source `examples` and return the event it became."""
    before = len(trackway.events())
    answer = trackway.post(f"/v1/{call['type']}", call, write_key=trackway.write_keys[SCHEMA])
    assert (answer.status, answer.json()) == (200, {"success": True})
    trackway.settle()
    [event] = trackway.events()[before:]
    return event


def row_of(trackway: Trackway, table: str, event: dict[str, Any]) -> dict[str, list[Any]]:
    """Return an event's row: the type and value of each column that has one, `uuid_ts` aside."""
    found = trackway.table(f"select * exclude (uuid_ts) from {SCHEMA}.{table} where id = '{event['messageId']}'")
    [row] = found.dicts()
    return {name: [found.columns[name], value] for name, value in row.items()}
