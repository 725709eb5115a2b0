"""Actions, mappings, and what an operator makes of them in trackway.yaml."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations import kit
from trackway.destinations.kit import Action, Field, Mapping, Rule, at, field

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner),
    max_leaves=8,
)
ACTIONS = {
    "send": Action(
        fields={
            "name": Field.text(at("event"), required=True),
            "id": Field.text(at("userId"), null=True),
            "amount": Field.number(at("properties.amount")),
            "level": Field.text("low", choices=("low", "high")),
            "more": Field.object(
                kit.fields(a=at("properties.a"), b=at("properties.b")),
                members={"a": Field.text(), "b": Field.whole()},
            ),
            "items": Field.items(at("properties.items"), members={"n": Field.whole()}, others=True),
            "tags": Field.texts(at("properties.tags")),
        },
        route="send",
    ),
    "count": Action(
        fields={"amount": Field.number(at("properties.amount")), "unused": Field.number(at("properties.a"))},
        row=kit.row(n=field("amount")),
        rules=[Rule(kit.exists(field("amount")), "no_amount")],
        route="count",
    ),
}
USUAL = {
    "track": Mapping(action="send", trigger="type = 'track'"),
    "paid": Mapping(action="count", trigger="type = 'track' and event = 'Paid'"),
}
MAPPED = kit.Mapped(ACTIONS, USUAL, None)
RICH = kit.Mapped(ACTIONS, USUAL | {"rich": Mapping(action="count", trigger="properties.amount > 5")}, None)


def rows(event: dict[str, Any], written: Any = None, *, first_match: bool = False) -> Any:
    mapped = MAPPED
    if written is not None or first_match:
        mapped = kit.Mapped(ACTIONS, kit.overridden(ACTIONS, USUAL, written), None, first_match=first_match)
    return mapped.rows(kit.Event.from_json(msgspec.json.encode({"type": "track"} | event)))


def sent(event: dict[str, Any], written: Any = None) -> Any:
    row = rows(event, written)
    assert isinstance(row, kit.Row), row
    return row.json


def test_fields_have_their_types() -> None:
    properties = {"amount": "5.5", "a": 7, "b": "8", "items": {"n": "1", "x": None}, "tags": ["t", 1, None]}
    assert sent({"event": "Seen", "userId": None, "properties": properties}) == {
        "name": "Seen",
        "id": None,
        "amount": 5.5,
        "level": "low",
        "more": {"a": "7", "b": 8},
        "items": [{"n": 1, "x": None}],
        "tags": ["t", "1"],
    }


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({"amount": "much"}, "track: amount must be a number, but is other text"),
        ({"b": 1.5}, "track: more.b must be a whole number"),
        ({"items": [{"n": "x"}]}, "track: items n must be a number, but is other text"),
        ({"tags": [{}]}, "track: tags must be text, but is an object"),
    ],
)
def test_a_wrong_type_is_rejected_in_words(properties: Any, complaint: str) -> None:
    found = rows({"event": "Seen", "properties": properties})
    assert found == kit.Rejected("invalid_field", complaint)


def test_what_is_needed_and_absent_is_skipped() -> None:
    assert rows({"event": ""}) == kit.Skipped("missing_name")
    assert rows({"type": "page"}) == kit.Skipped("NO_MATCHING_MAPPING")


def test_every_mapping_makes_its_own_row() -> None:
    both = rows({"event": "Paid", "properties": {"amount": 3}})
    assert [(row.route, row.json) for row in both][1] == ("count", {"n": 3})
    assert rows({"event": "Paid", "properties": {"amount": 3}}, first_match=True).route == "send"
    # A rule of one mapping does not keep back the other's row.
    [alone] = rows({"event": "Paid"})
    assert alone.route == "send"


def test_a_rejection_beside_a_row_is_not_lost() -> None:
    event = {"event": "Paid", "properties": {"amount": 3, "b": "?"}}
    good, bad = rows(event)
    assert (good.route, good.rejected) == ("count", None)
    assert bad.rejected.reason == "invalid_field"


def test_unused_fields_of_a_row_are_never_looked_at() -> None:
    written = {"track": {"enabled": False}}
    assert sent({"event": "Paid", "properties": {"amount": 1, "a": "no number"}}, written) == {"n": 1}


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("$.properties.a.b", 5),
        ("Level {{properties.a.b}}", "Level 5"),
        ("text", "text"),
        (7, 7),
        ({"first_of": ["$.gone", "$.properties.a.b", 1]}, 5),
        ({"const": "$.not.a.path"}, "$.not.a.path"),
        ({"path": "$.properties.a.b"}, 5),
        ({"cut": ["$.event", 2]}, "Se"),
        ({"cut_bytes": ["ünï", 4]}, "ün"),
        ({"cut_bytes": ["ünï", 2]}, "ü"),
        ({"at_most": [["a", "b", "c"], 2]}, ["a", "b"]),
        ({"at_most": [{"a": 1, "b": 2}, 1]}, {"a": 1}),
        ({"day": "1990-02-14"}, "19900214"),
        ({"lower": "$.event"}, "seen"),
        ({"when": {"exists": "$.gone", "then": 1, "else": 2}}, 2),
        ({"when": {"value": "$.event", "in": ["Seen"], "then": 1}}, 1),
        ({"each": ["$.properties.list", {"n": "$.n"}]}, [{"n": 1}]),
        ({"merge": ["$.properties.a", {"c": 6}]}, {"b": 5, "c": 6}),
        ({"without": ["$.properties.a", "b"]}, {}),
        ({"only": ["$.properties.a", "b"]}, {"b": 5}),
        ({"minor_units": [19.99, "EUR"]}, 1999),
        ({"times": [2, 3]}, 6),
        ({"hashed": {"email": " A@B.c "}}, kit.sha256("a@b.c")),
        ({"phone": ["030 901820", "49"]}, "+4930901820"),
        ({"a": "$.event", "b": {"c": 1}}, {"a": "Seen", "b": {"c": 1}}),
        ({"@path": "$.event"}, "Seen"),
        (None, None),
    ],
)
def test_an_operators_sources(source: Any, made: Any) -> None:
    actions = {"any": Action(fields={"x": Field.any(at("gone"))})}
    usual = {"m": Mapping(action="any", trigger="all")}
    mapped = kit.Mapped(actions, kit.overridden(actions, usual, {"m": {"fields": {"x": source}}}), None)
    event = {"event": "Seen", "properties": {"a": {"b": 5}, "list": [{"n": 1}]}}
    row = mapped.rows(kit.Event.from_json(msgspec.json.encode(event)))
    assert isinstance(row, kit.Row)
    assert row.json == ({} if made is None else {"x": made})


def test_one_member_of_an_object_may_come_from_elsewhere() -> None:
    made = sent({"event": "Seen", "properties": {"a": "A", "b": 2}}, {"track": {"fields": {"more.a": "$.event"}}})
    assert made["more"] == {"a": "Seen", "b": 2}


def test_mappings_are_changed_switched_off_and_added() -> None:
    written = {
        "track": {"trigger": "event = 'Other'"},
        "paid": {"enabled": False},
        "mine": {"action": "send", "trigger": "event = 'Paid'", "fields": {"level": "high", "id": None}},
    }
    assert sent({"event": "Paid", "userId": "u"}, written)["level"] == "high"
    assert "id" not in sent({"event": "Paid", "userId": "u"}, written)
    assert sent({"event": "Other"}, written)["level"] == "low"


def test_an_export_of_segments_replaces_the_usual_mappings() -> None:
    exported = [
        {"partnerAction": "send", "subscribe": 'type = "track"', "mapping": {"name": {"@path": "$.event"}, "batch": 1}},
        {"action": "send", "subscribe": 'type = "page"', "mapping": {"name": "Page"}, "enabled": False},
    ]
    assert sent({"event": "Paid", "userId": "u", "properties": {"amount": 1}}, exported) == {"name": "Paid"}
    assert rows({"type": "page"}, exported) == kit.Skipped("NO_MATCHING_MAPPING")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"trak": {}}, r"mappings\.trak: a new mapping needs action and trigger"),
        ({"track": {"feilds": {}}}, r"mappings\.track\.feilds: 'feilds' is unknown; did you mean fields\?"),
        ({"track": {"fields": {"nme": 1}}}, r"mappings\.track\.fields\.nme: 'nme' is unknown; did you mean name\?"),
        ({"track": {"action": "sent"}}, r"mappings\.track\.action: 'sent' is unknown; did you mean send\?"),
        ({"track": {"trigger": "type = = 1"}}, r"mappings\.track\.trigger: "),
        ({"track": {"trigger": 1}}, "must be a condition"),
        ({"track": {"enabled": "no"}}, r"mappings\.track\.enabled: must be true or false"),
        ({"track": {"fields": {"name": {"cut": ["$.event"]}}}}, r"mappings\.track\.fields\.name\.cut: expected a list"),
        ({"track": {"fields": {"name": {"first_of": []}}}}, r"fields\.name\.first_of: expected a list"),
        ({"track": {"fields": {"name": {"when": {"exist": 1}}}}}, "did you mean exists"),
        ({"track": {"fields": {"name": {"templte": "x"}}}}, r"fields\.name: must be text; .*did you mean template\?"),
        ([{"action": "send", "subscribe": "all", "mapping": {"name": {"@nope": 1}}}], r"mappings\[0\]\.mapping\.name"),
        ({"track": {"fields": {"name": {"phone": ["1", "2", "3"]}}}}, "expected a list of 1 or 2 values"),
        ({"track": {"fields": {"name": {"path": 5}}}}, r"fields\.name\.path: expected a path"),
        ({"track": {"fields": {"amount": "much"}}}, r"mappings\.track\.fields\.amount: must be a number"),
        (
            [{"action": "send", "subscribe": "all", "mapping": {"amount": "much"}}],
            r"mappings\[0\]\.mapping\.amount: must",
        ),
        ({"track": {"fields": {"name": "$.propertes.plan"}}}, r"fields\.name: .*did you mean \$\.properties\.plan\?"),
        ({"track": {"fields": {"name": "$properties.plan"}}}, r"fields\.name: .*did you mean \$\.properties\.plan\?"),
        ({"track": {"fields": {"name": "of {{propertes.plan}}"}}}, r"did you mean \$\.properties\.plan\?"),
        ({"track": {"fields": {"name": "of {{properties.plan}"}}}, "a hole in a template is written"),
        ({"track": {"fields": {"name": "$.properties..plan"}}}, "has an empty name in it"),
        ({"track": 5}, r"mappings\.track: expected an object"),
        (5, "mappings: expected an object"),
    ],
)
def test_errors_point(written: Any, message: str) -> None:
    with pytest.raises(kit.MappingError, match=message):
        kit.overridden(ACTIONS, USUAL, written)


def test_paths_of_items_and_of_other_members_are_taken_as_written() -> None:
    written = {
        "track": {"enabled": False},
        "own": {"action": "send", "trigger": "event = 'Own'", "fields": {"name": {"path": "$.propertes"}}},
        "costs": {"action": "send", "trigger": "event = 'Cost'", "fields": {"name": {"const": "$properties, {{"}}},
        "list": {
            "action": "send",
            "trigger": "event = 'List'",
            "fields": {"name": {"json": {"each": ["$.properties.products", {"kind": "$.types"}]}}},
        },
    }
    assert sent({"event": "Own", "propertes": "x"}, written)["name"] == "x"
    assert sent({"event": "Cost"}, written)["name"] == "$properties, {{"
    products = {"products": [{"types": "t"}]}
    assert sent({"event": "List", "properties": products}, written)["name"] == '[{"kind":"t"}]'


@settings(max_examples=50)
@given(JSON, JSON, JSON)
def test_any_event_is_sent_skipped_or_rejected(event: Any, user: Any, properties: Any) -> None:
    found = rows({"event": event, "userId": user, "properties": properties})
    several = found if isinstance(found, list) else [found]
    assert several and all(isinstance(one, kit.Row | kit.Skipped | kit.Rejected) for one in several)
    assert all(one.json is not None for one in several if isinstance(one, kit.Row) and one.rejected is None)


@settings(max_examples=50)
@given(JSON)
def test_the_choice_of_mappings_is_remembered_by_names_only(properties: Any) -> None:
    for amount in (1, 9, 1):
        event = {"type": "track", "event": "Seen", "properties": {"amount": amount, "x": properties}}
        found = RICH.rows(kit.Event.from_json(msgspec.json.encode(event)))
        assert len(found if isinstance(found, list) else [found]) == (2 if amount > 5 else 1)
