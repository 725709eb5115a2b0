"""The stages, each on one draft."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.events.records import Place, RawRecord
from trackway.pipeline.stages.common_fields import CommonFields
from trackway.pipeline.stages.read import merge, read
from trackway.pipeline.stages.times import Times

RECEIVED = 1_795_168_801_000  # 2026-11-20T10:00:01.000Z


def raw(body: dict[str, Any] | bytes, **known: Any) -> RawRecord:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"source": "web", "type": "track", "message_id": "m1", "received_at_ms": RECEIVED} | known
    return RawRecord(body=text, **fields)


def clean(body: dict[str, Any] | bytes, **known: Any) -> dict[str, Any]:
    draft = read(raw(body, **known), Place(0, 0))
    CommonFields().run([draft])
    Times().run([draft])
    return draft.event


def test_a_curl_call_gets_all_common_fields():
    assert clean({"userId": "u1", "event": "Order Completed", "properties": {"revenue": 39.95}}) == {
        "type": "track",
        "event": "Order Completed",
        "userId": "u1",
        "messageId": "m1",
        "properties": {"revenue": 39.95},
        "context": {},
        "integrations": {},
        "channel": "server",
        "originalTimestamp": "2026-11-20T10:00:01.000Z",
        "timestamp": "2026-11-20T10:00:01.000Z",
        "receivedAt": "2026-11-20T10:00:01.000Z",
    }


def test_the_four_times():
    event = clean({"timestamp": "2026-11-20T09:00:00.120+00:00", "sentAt": "2026-11-20T09:00:00.620145+00:00"})
    assert event["originalTimestamp"] == "2026-11-20T09:00:00.120+00:00"
    assert event["sentAt"] == "2026-11-20T09:00:00.620145+00:00"
    assert event["timestamp"] == "2026-11-20T10:00:00.500Z"
    assert event["receivedAt"] == "2026-11-20T10:00:01.000Z"


def test_a_missing_time_is_the_time_of_sending():
    event = clean({}, sent_at="2026-11-20T09:00:00.620Z")
    assert event["originalTimestamp"] == event["sentAt"] == "2026-11-20T09:00:00.620Z"
    assert event["timestamp"] == "2026-11-20T10:00:01.000Z"


def test_an_unreadable_time_is_kept_and_remarked_on():
    draft = read(raw({"timestamp": "yesterday"}), Place(0, 0))
    Times().run([draft])
    assert draft.event["originalTimestamp"] == "yesterday"
    assert draft.event["timestamp"] == "2026-11-20T10:00:01.000Z"
    assert [(found.code, found.pointer) for found in draft.findings] == [("timestamp_unparsable", "/originalTimestamp")]


def test_the_batchs_context_lies_under_the_events_own():
    shared = {"context": {"library": {"name": "go", "version": "3"}, "ip": "1.1.1.1"}, "integrations": {"All": False}}
    event = clean(
        {"context": {"library": {"name": "mine"}, "ip": None}, "integrations": {"Slack": True}},
        shared=json.dumps(shared).encode(),
    )
    assert event["context"] == {"library": {"name": "mine", "version": "3"}, "ip": "1.1.1.1"}
    assert event["integrations"] == {"All": False, "Slack": True}


def test_nulls_and_empty_ids_are_absent_and_numbers_become_text():
    event = clean({"userId": 42, "anonymousId": None, "name": None, "category": "", "groupId": ""})
    assert event["userId"] == "42"
    assert not {"anonymousId", "name", "category", "groupId"} & event.keys()


def test_what_only_the_server_may_say_is_overwritten():
    event = clean({"writeKey": "WK", "projectId": "p", "receivedAt": "x", "channel": "x", "originalTimestamp": "x"})
    assert not {"writeKey", "projectId"} & event.keys()
    assert event["receivedAt"] == "2026-11-20T10:00:01.000Z" and event["channel"] == "server"
    assert event["originalTimestamp"] == "2026-11-20T10:00:01.000Z"


def test_unknown_fields_survive():
    event = clean({"email": "a@b.c", "_metadata": {"bundled": []}, "version": 2, "deep": {"a": [1, {"b": None}]}})
    assert event["email"] == "a@b.c" and event["_metadata"] == {"bundled": []}
    assert event["version"] == 2 and event["deep"] == {"a": [1, {"b": None}]}


@pytest.mark.parametrize(
    ("known", "context", "expected"),
    [
        ({}, {}, {}),
        ({"client_side": True}, {}, {"ip": "9.9.9.9", "userAgent": "UA"}),
        ({}, {"direct": True}, {"direct": True, "ip": "9.9.9.9", "userAgent": "UA"}),
        ({"client_side": True}, {"ip": "0.0.0.0"}, {"ip": "0.0.0.0", "userAgent": "UA"}),
        ({"client_side": True}, {"userAgent": "mine"}, {"userAgent": "mine", "ip": "9.9.9.9"}),
    ],
)
def test_ip_and_user_agent_are_the_persons_own_or_absent(known, context, expected):
    assert clean({"context": context}, ip="9.9.9.9", user_agent="UA", **known)["context"] == expected


@pytest.mark.parametrize(
    ("client_side", "context", "channel"),
    [(False, {"device": {"id": "x"}}, "server"), (True, {}, "browser"), (True, {"device": {"id": "x"}}, "mobile")],
)
def test_channel(client_side, context, channel):
    assert clean({"context": context}, client_side=client_side)["channel"] == channel


def test_alias_takes_its_old_id_from_the_anonymous_one():
    event = clean({"userId": "u", "anonymousId": "a"}, type="alias")
    assert event["previousId"] == "a"
    assert clean({"userId": "u", "anonymousId": "a", "previousId": "p"}, type="alias")["previousId"] == "p"


def test_broken_text_is_mended_and_remarked_on():
    draft = read(raw(b'{"properties":{"a":NaN,"b":"\\ud800","c":1}}'), Place(0, 0))
    assert draft.event["properties"] == {"a": None, "b": "�", "c": 1}
    assert draft.findings[0].code == "text_repaired"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=3), json_values, max_size=4)


@given(objects, objects)
def test_merging_keeps_every_key_and_the_upper_value_wins(under, over):
    merged = merge(under, over)
    assert merged.keys() == under.keys() | over.keys()
    for key, value in over.items():
        if value is not None and not isinstance(value, dict):
            assert merged[key] == value


@given(objects)
def test_stages_are_idempotent_and_keep_unknown_fields(fields):
    body = {"userId": "u", "event": "E"} | {f"x{key}": value for key, value in fields.items()}
    draft = read(raw(body), Place(0, 0))
    CommonFields().run([draft])
    once = dict(draft.event)
    CommonFields().run([draft])
    assert draft.event == once
    assert {key: value for key, value in once.items() if key.startswith("x")} == {
        f"x{key}": value for key, value in fields.items()
    }
