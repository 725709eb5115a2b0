import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.drafts import draft
from trackway.events.reasons import FINDINGS, REFUSALS
from trackway.events.records import Finding, Refusal
from trackway.pipeline.draft import Draft
from trackway.pipeline.stages.plan import PlanStage
from trackway.workspace import load_workspace
from trackway.workspace.plans.folder import Plans
from trackway.workspace.plans.reading import parse_plan

PLAN = """
sources: {{web: {{{controls}}}}}
track:
  Order Completed:
    properties:
      order_id: string!
      total: number
      products.$.price: number
identify:
  traits: {{email: string}}
common:
  context: {{locale: string}}
"""
BAD: dict[str, Any] = {
    "event": "Order Completed",
    "properties": {"total": "20", "colour": "red", "products": [{"price": "1", "sku": "s"}, 3]},
    "context": {"protocols": {"event_version": 1}},
}
ACTIONS = ["allow", "flag", "omit", "quarantine"]


def stage(controls: str = "") -> PlanStage:
    return PlanStage(Plans([parse_plan(PLAN.format(controls=controls), "x", id_="x")], ["web", "app"]).by_source())


def run(event: dict[str, Any], controls: str = "", source: str = "web") -> Draft:
    [found] = stage(controls).run([draft({"properties": {}, **event}, source=source)])
    return found


def test_violations_are_flagged_in_findings_and_in_the_event():
    found = run({"event": "Order Completed", "properties": {"total": "20"}})
    assert found.end is None
    assert found.findings == [
        Finding("plan_required", "/properties/order_id", "properties.order_id is required"),
        Finding("plan_invalid_type", "/properties/total", "properties.total should be a number, was a string"),
    ]
    assert found.event["context"] == {
        "protocols": {
            "sourceId": "web",
            "violations": [
                {"type": "Required", "field": "properties.order_id", "description": "properties.order_id is required"},
                {
                    "type": "Invalid Type",
                    "field": "properties.total",
                    "description": "properties.total should be a number, was a string",
                },
            ],
        }
    }
    assert found.event["properties"] == {"total": "20"}


def test_planned_events_and_other_sources_are_left_alone():
    good = {"event": "Order Completed", "properties": {"order_id": "o"}}
    assert run(good, "track: quarantine").event["context"] == {}
    other = run(BAD, "track: quarantine", source="app")
    assert (other.end, other.findings, other.event["properties"]) == (None, [], BAD["properties"])


def test_omitted_values_are_listed():
    found = run(BAD, "unplanned_properties: omit, track: omit")
    assert found.end is None
    # The member of `products` that is no object has no name of its own: the array goes.
    assert found.event["properties"] == {}
    protocols = found.event["context"]["protocols"]
    assert protocols["event_version"] == 1
    assert protocols["omitted"] == ["properties.colour", "properties.products.0.sku"]
    assert protocols["omitted_on_violation"] == [
        "properties.products.0.price",
        "properties.products",
        "properties.total",
    ]


def test_only_the_wrong_member_of_an_object_is_omitted():
    event = {"event": "Order Completed", "properties": {"order_id": "o", "products": [{"price": "1"}, {"price": 2}]}}
    found = run(event, "track: omit")
    assert found.event["properties"] == {"order_id": "o", "products": [{}, {"price": 2}]}


@pytest.mark.parametrize(
    ("event", "controls", "reason", "pointer"),
    [
        ({"event": "Other"}, "unplanned_events: quarantine", "unplanned", "/event"),
        (
            {"event": "Order Completed", "properties": {"order_id": "o", "x": 1}},
            "unplanned_properties: quarantine",
            "unplanned_property",
            "/properties/x",
        ),
        (
            {"type": "identify", "traits": {"x": 1}},
            "unplanned_traits: quarantine",
            "unplanned_property",
            "/traits/x",
        ),
        ({"type": "identify", "traits": {"email": 1}}, "identify: quarantine", "schema_violation", "/traits/email"),
        ({"event": "Order Completed"}, "track: quarantine", "schema_violation", "/properties/order_id"),
        (
            {"type": "alias", "context": {"locale": 1}},
            "common: quarantine",
            "common_schema_violation",
            "/context/locale",
        ),
    ],
)
def test_quarantine(event: dict[str, Any], controls: str, reason: str, pointer: str):
    found = run(event, controls)
    assert isinstance(found.end, Refusal)
    assert (found.end.reason, found.end.pointer) == (reason, pointer)
    assert reason in REFUSALS
    assert run(event, controls.replace("quarantine", "allow")).findings == []


def test_an_unknown_version_is_remarked_on():
    event = {
        "event": "Order Completed",
        "properties": {"order_id": "o"},
        "context": {"protocols": {"event_version": 9}},
    }
    assert run(event).findings == [Finding("plan_version_unknown", "/context/protocols/event_version")]


_VALUES = st.sampled_from([None, True, 1, "x", [], {}, [{"price": "p"}], [{"price": 1}, 2]])
_EVENTS = st.fixed_dictionaries(
    {
        "event": st.sampled_from(["Order Completed", "Other"]),
        "properties": st.dictionaries(st.sampled_from(["order_id", "total", "products", "x", "y"]), _VALUES),
        "context": st.sampled_from([{}, {"locale": 1}, {"locale": "de"}]),
        "userId": st.just("u"),
    }
)


@settings(max_examples=100, deadline=None)
@given(_EVENTS, st.sampled_from(ACTIONS), st.sampled_from(ACTIONS), st.sampled_from(ACTIONS))
def test_actions_do_what_they_say(event: dict[str, Any], unplanned: str, track: str, common: str):
    controls = f"unplanned_properties: {unplanned}, track: {track}, common: {common}"
    found = run(event, controls)
    assert all(finding.code in FINDINGS for finding in found.findings)
    if "quarantine" not in (unplanned, track, common):
        assert found.end is None
    if "omit" not in (unplanned, track):
        assert found.event["properties"] == event["properties"]
    assert (found.event["userId"], found.event["event"]) == ("u", event["event"])
    if found.end is None and unplanned == "omit" and track == "omit":
        again = copy.deepcopy(found.event)
        left = {finding.code for finding in run(again).findings}
        assert left <= {"plan_required", "plan_unplanned"} | ({"plan_invalid_type"} if common != "omit" else set())


@settings(max_examples=50, deadline=None)
@given(st.lists(_EVENTS, max_size=6), st.integers(0, 6))
def test_any_split_into_batches_gives_the_same_and_so_does_a_second_run(events: list[dict[str, Any]], cut: int):
    one = stage()

    def run_batch(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [found.event for found in one.run([draft(event) for event in batch])]

    whole = run_batch(events)
    assert whole == run_batch(events[:cut]) + run_batch(events[cut:])
    assert whole == run_batch(copy.deepcopy(whole))


def test_the_stage_of_a_workspace(tmp_path: Path):
    (tmp_path / "trackway.yaml").write_text("sources: {web: {write_keys: [wk]}}")
    workspace = load_workspace(tmp_path)
    [free] = PlanStage.from_workspace(workspace).run([draft(BAD)])
    assert free.findings == []
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "shop.yaml").write_text(
        "track: {A: {properties: {}}}\nviolations: {unplanned_events: quarantine}"
    )
    [held] = PlanStage.from_workspace(workspace).run([draft(BAD)])
    assert isinstance(held.end, Refusal)
