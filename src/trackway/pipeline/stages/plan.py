"""Hold events against the tracking plan of their source, and do with violations what the plan says.

Source: Segment's Protocols, "Schema controls" and "Customize your schema controls": standard controls first, then the
common schema. Belongs behind the stages that repair values, and before what shows, counts or delivers events.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast

from trackway.pipeline.draft import Draft
from trackway.workspace.model import Workspace
from trackway.workspace.plans import Controls, PlanCheck, Violation, load_plans
from trackway.workspace.plans.checking import SEGMENT_TYPES, Path, Verdict
from trackway.workspace.plans.folder import Followed


class _Followed(NamedTuple):
    check: PlanCheck
    controls: Controls


class PlanStage:
    """The stage of tracking plans; `plans_stamp` says when to build it anew."""

    name = "plan"

    def __init__(self, followed: Mapping[str, Followed]) -> None:
        """Follow a plan for each source that has one."""
        checks = {plan.id: PlanCheck(plan) for plan, _ in followed.values()}
        self._by_source = {source: _Followed(checks[one.plan.id], one.controls) for source, one in followed.items()}

    @classmethod
    def from_workspace(cls, workspace: Workspace) -> Self:
        """Return the stage for the plans in the workspace's folder `plans/` as they are now.

        Raises:
            PlanError: a plan cannot be used.
        """
        return cls(load_plans(workspace.folder, workspace.sources).by_source())

    def check_of(self, source: str) -> PlanCheck | None:
        """Return the compiled plan that a source follows, if it does one."""
        followed = self._by_source.get(source)
        return followed.check if followed else None

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Judge `drafts`, and change in place what violates a plan."""
        for draft in drafts:
            followed = self._by_source.get(draft.raw.source)
            if followed is None:
                continue
            verdict = followed.check.judge(draft.event)
            if verdict.violations or verdict.unknown_version:
                _apply(draft, verdict, followed.controls)
        return drafts


def _apply(draft: Draft, verdict: Verdict, controls: Controls) -> None:
    if verdict.unknown_version:
        draft.find("plan_version_unknown", "/context/protocols/event_version")
    noted: list[Violation] = []
    omitted: list[Path] = []
    omitted_on_violation: list[Path] = []
    quarantined: list[Violation] = []
    for one in verdict.violations:
        action = action_for(one, draft.raw.type, controls)
        if action == "allow":
            continue
        noted.append(one)
        draft.find(f"plan_{one.kind}", one.pointer, one.description)
        if action == "quarantine":
            quarantined.append(one)
        elif action == "omit" and one.kind != "required" and len(one.named) > 1:
            (omitted if one.kind == "unplanned_property" else omitted_on_violation).append(one.named)
    if quarantined:
        _quarantine(draft, quarantined)
        return
    if noted:
        _note(draft, noted, omitted, omitted_on_violation)
    for path in [*omitted, *omitted_on_violation]:
        _remove(draft.event, path)


def action_for(violation: Violation, type_: str, controls: Controls) -> str:
    """Return what a source does about a violation in a call of this type."""
    if violation.common:
        return controls.common
    if violation.kind == "unplanned":
        return controls.unplanned_events
    if violation.kind == "unplanned_property":
        return controls.unplanned_traits if type_ in ("identify", "group") else controls.unplanned_properties
    return cast("str", getattr(controls, type_))


def _quarantine(draft: Draft, violations: list[Violation]) -> None:
    first = violations[0]
    if first.common:
        reason = "common_schema_violation"
    else:
        reason = first.kind if first.kind in ("unplanned", "unplanned_property") else "schema_violation"
    others = f" ({len(violations) - 1} more)" if len(violations) > 1 else ""
    message = f"Tracking plan: {first.description}{others}. Change the plan or the client, then release the event."
    draft.quarantine(reason, first.pointer, message)


def _note(draft: Draft, noted: list[Violation], omitted: list[Path], omitted_on_violation: list[Path]) -> None:
    """Write `context.protocols` as Segment does; what the client put there besides (`event_version`) stays."""
    context = draft.context()
    before = context.get("protocols")
    protocols: dict[str, Any] = dict(cast("dict[str, Any]", before)) if isinstance(before, dict) else {}
    protocols["sourceId"] = draft.raw.source
    protocols["violations"] = [
        {"type": SEGMENT_TYPES[one.kind], "field": one.field, "description": one.description} for one in noted
    ]
    for name, paths in (("omitted", omitted), ("omitted_on_violation", omitted_on_violation)):
        if paths:
            protocols[name] = list(dict.fromkeys(".".join(map(str, path)) for path in paths))
    context["protocols"] = protocols


def _remove(event: dict[str, Any], path: Path) -> None:
    parent: Any = event
    for step in path[:-1]:
        try:
            parent = parent[step]
        except (KeyError, IndexError, TypeError):
            return  # left out already, with what it stood in
    if isinstance(parent, dict):
        cast("dict[str, Any]", parent).pop(cast("str", path[-1]), None)
