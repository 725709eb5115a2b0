import copy
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.drafts import draft
from trackway.events.personal_data import change_at, hasher, leave_out, mask
from trackway.pipeline.draft import Drop
from trackway.pipeline.stages.privacy import Privacy, Suppress
from trackway.workspace.governance import PrivacyRule
from trackway.workspace.load import convert

SALT = "pepper"
EVENT: dict[str, Any] = {
    "type": "track",
    "userId": "u-1",
    "event": "Order Completed",
    "context": {"ip": "192.0.2.77", "traits": {"email": "ada@shop.example"}},
    "properties": {
        "card": "4111111111111111",
        "contacts": [{"phone": "+49 30 1", "kind": "home"}, {"phone": 4930, "kind": "work"}, "none"],
        "nested": {"a": {"email": "x@y.example"}, "b": {"email": None}},
    },
}


def rules(*written: dict[str, Any]) -> list[PrivacyRule]:
    return [convert(one, PrivacyRule, where="") for one in written]


def applied(*written: dict[str, Any], event: dict[str, Any] = EVENT, source: str = "web") -> dict[str, Any]:
    [found] = Privacy(rules(*written), SALT).run([draft(event, source=source)])
    return found.event


def digest(text: str) -> str:
    return "sha256:" + hmac.new(SALT.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_drop_hash_and_mask_by_path():
    event = applied(
        {"path": "properties.card", "do": "drop"},
        {"path": "context.traits.email", "do": "hash"},
        {"path": "context.ip", "do": "mask"},
        {"path": "properties.contacts.phone", "do": "hash"},
        {"path": "properties.nested.*.email", "do": "mask"},
        {"path": "properties.no.such", "do": "drop"},
    )
    assert event["context"] == {"ip": "192.0.2.0", "traits": {"email": digest("ada@shop.example")}}
    assert event["properties"] == {
        "contacts": [
            {"phone": digest("+49 30 1"), "kind": "home"},
            {"phone": digest("4930"), "kind": "work"},
            "none",
        ],
        "nested": {"a": {"email": "x***@y.example"}, "b": {"email": None}},
    }


def test_rules_concern_only_their_sources_and_events():
    rule = {"path": "properties.card", "do": "drop", "sources": ["app"]}
    assert "card" in applied(rule)["properties"]
    assert "card" not in applied(rule, source="app")["properties"]
    assert "card" in applied({"path": "properties.card", "do": "drop", "if": "type = 'page'"})["properties"]
    # The first rule does not take away what the second one asks for.
    event = applied(
        {"path": "userId", "do": "drop"},
        {"path": "properties.card", "do": "drop", "if": "userId = 'u-1'"},
    )
    assert "userId" not in event
    assert "card" not in event["properties"]


def test_kept_originals_and_details_of_findings_go_as_well():
    one = draft(EVENT)
    one.keep_original("/properties/card", "4111 1111 1111 1111")
    one.keep_original("/properties/contacts", [{"phone": "secret", "kind": "home"}])
    one.keep_original("/properties/total", "19.99")
    one.find("number_was_text", "/properties/card", "4111 1111")
    one.find("number_was_text", "/properties/total", "19.99")
    one.find("event_renamed", "/event", "old name")
    Privacy(rules({"path": "properties.card", "do": "drop"}, {"path": "properties.contacts.phone", "do": "drop"})).run(
        [one]
    )
    kept = {entry["pointer"]: entry["value"] for entry in one.event["context"]["trackway"]["original"]}
    assert kept == {
        "/properties/card": None,
        "/properties/contacts": [{"kind": "home"}],
        "/properties/total": "19.99",
    }
    assert [finding.detail for finding in one.findings] == ["", "19.99", "old name"]


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("ada@shop.example", "a***@shop.example"),
        ("192.0.2.77", "192.0.2.0"),
        ("2001:db8:1:2::3", "2001:db8:1::"),
        ("+49 30 123", "***"),
        ("", "***"),
        (42, None),
        (True, None),
        (None, None),
        (["ada@shop.example", 1], ["a***@shop.example", None]),
        ({"ip": "192.0.2.77"}, {"ip": "192.0.2.0"}),
    ],
)
def test_masks(value: Any, masked: Any):
    assert mask(value) == masked
    assert mask(masked) == masked


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.emails(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=12,
)
_PATHS = st.lists(st.sampled_from(["a", "b", "c", "*"]), min_size=1, max_size=3).map(tuple)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), _JSON), _PATHS, st.sampled_from(["drop", "hash", "mask"]))
def test_applied_twice_is_applied_once(event: dict[str, Any], keys: tuple[str, ...], do: str):
    change = {"drop": leave_out, "hash": hasher(SALT), "mask": mask}[do]
    change_at(event, keys, change)
    once = copy.deepcopy(event)
    change_at(event, keys, change)
    assert event == once


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), _JSON), _PATHS)
def test_nothing_is_left_at_a_dropped_path_and_all_else_stays(event: dict[str, Any], keys: tuple[str, ...]):
    def leaves(value: Any, at: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
        if isinstance(value, list):
            return {k: v for i, one in enumerate(value) for k, v in leaves(one, (*at, f"[{i}]")).items()}
        if isinstance(value, dict) and value:
            return {k: v for key, one in value.items() for k, v in leaves(one, (*at, key)).items()}
        return {at: value}

    def below(at: tuple[str, ...]) -> bool:
        named = [key for key in at if not key.startswith("[")]
        return len(named) >= len(keys) and all(w in ("*", k) for w, k in zip(keys, named, strict=False))

    before = leaves(copy.deepcopy(event), ())
    change_at(event, keys, leave_out)
    after = leaves(event, ())
    assert not any(below(at) for at in after)
    # What remains was there before; a parent that lost its last member is an empty object.
    assert {at: value for at, value in before.items() if not below(at)}.items() <= {**before, **after}.items()
    assert all(value == {} or before[at] == value for at, value in after.items())
    assert all(at in after for at in before if not below(at))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["u-1", "u-2", "u-3"]), max_size=8), st.integers(0, 8))
def test_any_split_into_batches_suppresses_the_same(users: list[str], cut: int):
    stage = Suppress(["u-2"])

    def ends(batch: list[str]) -> list[object]:
        return [one.end for one in stage.run([draft({"userId": user}) for user in batch])]

    assert ends(users) == ends(users[:cut]) + ends(users[cut:])
    assert ends(users) == [Drop("suppressed") if user == "u-2" else None for user in users]


def test_an_alias_of_a_suppressed_user_is_dropped():
    stage = Suppress(["u-2"])
    [found] = stage.run([draft({"type": "alias", "userId": "new", "previousId": "u-2"})])
    assert found.end == Drop("suppressed")
    [kept] = stage.run([draft({"anonymousId": "u-2"})])
    assert kept.end is None
