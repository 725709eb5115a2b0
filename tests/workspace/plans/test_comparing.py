from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.workspace.plans import Plan, PlanCheck
from trackway.workspace.plans.comparing import Change, breaks, compare_plans
from trackway.workspace.plans.reading import parse_plan


def plan(row: str = "string", *, more: str = "") -> Plan:
    return parse_plan(f"track:\n  A:\n    properties:\n      p: {row}\n{more}", "x")


@pytest.mark.parametrize(
    ("before", "after", "change", "whom"),
    [
        ("string", "string!", "became required", "senders"),
        ("string!", "string", "is no longer required", "readers"),
        ("string", "number", "is number instead of string", "both"),
        ("string", "string|null", "is string or null instead of string", "readers"),
        ("number", "integer", "is integer instead of number", "senders"),
        ("any", "string", "is string instead of any", "senders"),
        ("date-time", "string", "is string instead of date-time", "readers"),
        ("string", "{type: string, enum: [a, b]}", "permits only a, b", "senders"),
        ("{type: string, enum: [a, b]}", "{type: string, enum: [a]}", "no longer permits b", "senders"),
        ("{type: string, enum: [a]}", "{type: string, enum: [a, b]}", "also permits b", "readers"),
        ("{type: string, enum: [a]}", "string", "permits any value", "readers"),
        ("string", "{type: string, pattern: ^a}", "must match ^a", "senders"),
        ("{type: string, pattern: ^a}", "{type: string, pattern: ^b}", "must match ^b instead of ^a", "both"),
        ("number", "{type: number, minimum: 0}", "has the minimum 0", "senders"),
        ("{type: number, minimum: 0}", "{type: number, minimum: -1}", "has the minimum -1 instead of 0", "readers"),
        ("{type: number, maximum: 5}", "{type: number, maximum: 4}", "has the maximum 4", "senders"),
        ("{type: number, maximum: 5}", "number", "has no maximum", "readers"),
        ("string", "{type: string, description: d}", "is described otherwise", "nobody"),
    ],
)
def test_changes_of_a_row(before: str, after: str, change: str, whom: str):
    assert compare_plans(plan(before), plan(after)) == [Change("A, properties.p", change, whom)]  # type: ignore[arg-type]


def test_changes_of_rules():
    old = plan(more="      gone: string\n  B: {properties: {}}\n")
    new = plan(more="      optional: string\n      needed: string!\n  C: {properties: {}}\n")
    assert compare_plans(old, new) == [
        Change("A, properties.gone", "is gone", "both"),
        Change("A, properties.optional", "is new", "nobody"),
        Change("A, properties.needed", "is new and required", "senders"),
        Change("B", "is gone", "both"),
        Change("C", "is new", "nobody"),
    ]
    assert compare_plans(old, old) == []


def test_a_new_version_breaks_nobody():
    old = parse_plan("track:\n  A: {properties: {p: string!}}", "x")
    new = parse_plan("track:\n  A:\n    versions:\n      1: {properties: {p: string!}}\n      2: {properties: {}}", "x")
    assert compare_plans(old, new) == [Change("A (version 2)", "is new", "nobody")]


@pytest.mark.parametrize(
    ("whom", "counts"), [("senders", [True, False, True, False]), ("readers", [False, True, True, False])]
)
def test_whose_breakage_counts(whom: Any, counts: list[bool]):
    changes = [Change("A", "x", one) for one in ("senders", "readers", "both", "nobody")]
    assert [breaks(change, whom) for change in changes] == counts
    assert [breaks(change, "both") for change in changes] == [True, True, True, False]


_ROWS = st.sampled_from(
    [
        *("any", "string", "string!", "number", "integer!", "string|null", "date-time", "boolean!"),
        *("{type: string, enum: [a, b]}", "{type: string, enum: [a]}", "{type: number!, minimum: 1}"),
        *("{type: number, maximum: 0}", "{type: string, pattern: ^a}"),
    ]
)
_PROPERTIES = st.dictionaries(
    st.just("p"), st.sampled_from(["a", "b", "", 0, 1, 2.5, None, True, "2026-11-20T10:00:00Z"]), max_size=1
)


@settings(max_examples=120, deadline=None)
@given(_ROWS, _ROWS, _PROPERTIES)
def test_without_a_break_for_senders_what_was_valid_stays_valid(before: str, after: str, properties: dict[str, Any]):
    old, new = plan(before), plan(after)
    changes = compare_plans(old, new)
    event = {"type": "track", "event": "A", "properties": properties, "context": {}}
    was_valid, is_valid = (not PlanCheck(one).judge(event).violations for one in (old, new))
    if not any(breaks(change, "senders") for change in changes):
        assert is_valid or not was_valid
    if not any(breaks(change, "readers") for change in changes):
        assert was_valid or not is_valid
