"""Verdicts: the codes of Segment's documentation, and that the fast and the slow reading agree."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.events import calls, verdicts
from trackway.events.reasons import REFUSALS
from trackway.events.verdicts import judge

CONSENT = "Segment Consent Preference Updated"


def call(**fields) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    "body",
    [
        call(type="track", userId="u1", event="A"),
        call(type="track", anonymousId="a1", userId=None, event="A", properties=None, context=None),
        call(type="track", userId=7, event="A", messageId=9),
        call(type="identify", userId="u1", traits={"a": 1}),
        call(type="page", anonymousId="a1", name=None, category=None),
        call(type="page", anonymousId="a1", name="", category=""),
        call(type="screen", anonymousId="a1", name="Home", properties={}),
        call(type="group", userId="u1", groupId=12),
        call(type="alias", userId="u1", previousId="a1"),
        call(type="alias", userId="u1", anonymousId="a1"),
        call(type="track", userId="u1", event="A", email="unknown fields are kept", properties={"a": {"b": []}}),
        call(type="track", userId="u1", event=CONSENT, context={"consent": {"categoryPreferences": {"ad": True}}}),
        b'{"type":"track","userId":"u1","event":"A","properties":{"a":NaN,"b":-Infinity}}',
        b'{"type":"track","userId":"u1","event":"A","properties":{"a":"\\ud800"}}',
        b'{"type":"track","userId":"u1","event":"A","properties":{"a":"\xff"}}',
    ],
)
def test_accepted(body: bytes):
    judged = judge(body)
    assert judged.refusal is None
    assert judged.type == json.loads(body.decode("utf-8", "replace"))["type"]


@pytest.mark.parametrize(
    ("fields", "reason", "pointer"),
    [
        ({"type": "track", "event": "A"}, "no_user_anon_id", "/userId"),
        ({"type": "track", "event": "A", "userId": "", "anonymousId": None}, "no_user_anon_id", "/userId"),
        ({"type": "track", "event": "A", "userId": 1.5}, "id_not_string", "/userId"),
        ({"type": "track", "event": "A", "userId": True}, "id_not_string", "/userId"),
        ({"type": "track", "event": "A", "userId": "u", "anonymousId": {}}, "id_not_string", "/anonymousId"),
        ({"type": "track", "userId": "u"}, "event_not_defined", "/event"),
        ({"type": "track", "userId": "u", "event": None}, "event_not_defined", "/event"),
        ({"type": "track", "userId": "u", "event": ""}, "event_not_defined", "/event"),
        ({"type": "track", "userId": "u", "event": 5}, "event_not_string", "/event"),
        ({"type": "track", "userId": "u", "event": "A", "properties": []}, "properties_not_object", "/properties"),
        ({"type": "track", "userId": "u", "event": "A", "context": "x"}, "context_not_object", "/context"),
        ({"type": "track", "userId": "u", "event": "A", "integrations": 1}, "integrations_not_object", "/integrations"),
        ({"type": "page", "userId": "u", "properties": "x"}, "properties_not_object", "/properties"),
        ({"type": "page", "userId": "u", "name": 5}, "name_not_string", "/name"),
        ({"type": "screen", "userId": "u", "category": 5}, "category_not_string", "/category"),
        ({"type": "identify", "userId": "u", "traits": [1]}, "traits_not_object", "/traits"),
        ({"type": "group", "userId": "u"}, "group_id_required", "/groupId"),
        ({"type": "group", "userId": "u", "groupId": ""}, "group_id_required", "/groupId"),
        ({"type": "group", "userId": "u", "groupId": "g", "traits": 1}, "traits_not_object", "/traits"),
        ({"type": "alias", "anonymousId": "a", "previousId": "b"}, "user_id_required", "/userId"),
        ({"type": "alias", "userId": "u"}, "previous_id_required", "/previousId"),
        ({"type": "track", "userId": "u", "event": "A", "messageId": "x" * 101}, "message_id_too_long", "/messageId"),
        ({"type": "delete", "userId": "u"}, "type_unknown", "/type"),
        ({"userId": "u", "event": "A"}, "type_unknown", "/type"),
        (
            {"type": "track", "userId": "u", "event": CONSENT},
            "consent_categorypreferences_should_exist",
            "/context/consent/categoryPreferences",
        ),
        (
            {"type": "track", "userId": "u", "event": CONSENT, "context": {"consent": {"categoryPreferences": []}}},
            "consent_categorypreferences_fields_should_be_object",
            "/context/consent/categoryPreferences",
        ),
        (
            {
                "type": "track",
                "userId": "u",
                "event": CONSENT,
                "context": {"consent": {"categoryPreferences": {"a/b": 1}}},
            },
            "consent_categorypreferences_fields_should_be_bool",
            "/context/consent/categoryPreferences/a~1b",
        ),
        (
            {
                "type": "track",
                "userId": "u",
                "event": CONSENT,
                "context": {"consent": {"categoryPreferences": {}, "version": "1"}},
            },
            "consent_version_should_be_number",
            "/context/consent/version",
        ),
    ],
)
def test_refused_with_segments_reason_and_a_pointer(fields, reason, pointer):
    refusal = judge(call(**fields)).refusal
    assert refusal is not None
    assert (refusal.reason, refusal.pointer) == (reason, pointer)
    assert refusal.message


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"[]", "event_not_object"), (b"5", "event_not_object"), (b"{", "body_not_json"), (b"", "body_not_json")],
)
def test_what_is_no_call(body, reason):
    refusal = judge(body, path_type="track").refusal
    assert refusal is not None and refusal.reason == reason


def test_deep_nesting_is_refused_and_harmless():
    body = b'{"type":"track","userId":"u","event":"A","properties":{"a":' + b"[" * 10**5 + b"]" * 10**5 + b"}}"
    refusal = judge(body, max_bytes=10**6).refusal
    assert refusal is not None and refusal.reason == "body_not_json" and "deep" in refusal.message


def test_size_is_judged_at_the_byte():
    body = call(type="track", userId="u", event="A", properties={"a": "x" * 1000})
    assert judge(body, max_bytes=len(body)).refusal is None
    refusal = judge(body, max_bytes=len(body) - 1).refusal
    assert refusal is not None and refusal.reason == "event_too_large" and str(len(body)) in refusal.message


@pytest.mark.parametrize(
    ("id_", "expected"), [('"big-1"', "big-1"), ("7", "7"), ("null", None), ('"' + "x" * 101 + '"', None), ("[]", None)]
)
def test_a_call_that_is_too_large_keeps_its_id(id_: str, expected: str | None):
    body = b'{"type":"page","messageId":%s,"name":"%s"}' % (id_.encode(), b"x" * verdicts.MAX_BYTES)
    judged = judge(body)
    assert (judged.type, judged.message_id) == ("page", expected)
    assert judge(body[:-1]).message_id is None


def test_the_path_wins_over_the_type_in_the_body():
    judged = judge(call(type="track", event="A", userId="u"), path_type="identify")
    assert judged.type == "identify" and judged.refusal is None


def test_message_ids_are_taken_as_sent():
    assert judge(call(type="track", userId="u", event="A", messageId="M-1")).message_id == "M-1"
    assert judge(call(type="track", userId="u", event="A", messageId=12)).message_id == "12"
    assert judge(call(type="track", userId="u", event="A", messageId="")).message_id is None
    assert judge(call(type="track", userId="u", event="A")).message_id is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    "type userId anonymousId messageId event properties traits context integrations name category groupId previousId"
    " timestamp sentAt extra"
)
fields = st.sampled_from(FIELDS.split())
sensible = st.fixed_dictionaries({"type": st.sampled_from(calls.TYPES), "userId": st.text(min_size=1, max_size=3)})


@given(sensible, st.dictionaries(fields, anything, max_size=6), st.sampled_from([None, *calls.TYPES]))
def test_the_fast_and_the_slow_reading_agree(base, more, path_type):
    body = json.dumps(base | more).encode()
    assert judge(body, path_type=path_type) == verdicts._judge_slowly(body, path_type)


@given(st.binary(max_size=200), st.sampled_from([None, *calls.TYPES]))
def test_any_bytes_get_a_verdict(body, path_type):
    judged = judge(body, path_type=path_type)
    assert judged.refusal is None or judged.refusal.reason in REFUSALS
