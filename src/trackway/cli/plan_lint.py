"""Judge calls as the server would: by the tracking API's rules first, then, as its repairs leave them, by the plan."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from trackway.cli.plan_events import FileEvent
from trackway.events import lenient_json
from trackway.events.naming_lint import NamingLint
from trackway.events.reasons import FINDINGS
from trackway.events.records import Place, RawRecord
from trackway.events.verdicts import judge
from trackway.pipeline.chain import Stage, build_repairs
from trackway.pipeline.draft import Draft
from trackway.pipeline.stages.common_fields import CommonFields
from trackway.workspace.model import Workspace
from trackway.workspace.plans import Plan, PlanCheck

_REPAIRS = frozenset(
    {
        "currency_repaired",
        "date_was_number",
        "event_renamed",
        "id_was_number",
        "number_was_text",
        "products_repaired",
        "property_renamed",
    }
)


class Problem(NamedTuple):
    """Something wrong with a call."""

    code: str
    pointer: str
    message: str


class Linted(NamedTuple):
    """A call and what is wrong with it."""

    line: int
    title: str
    problems: list[Problem]
    advice: list[Problem]
    """About the event's name, and what the server would repair: not wrong by the plan."""


def lint_events(events: Iterable[FileEvent], plan: Plan, *, settings: Workspace, source: str = "") -> Iterator[Linted]:
    """Yield every call with its problems; a call that the collector would refuse is not held against the plan.

    `settings` say what the server would repair of the events of `source`. Names are judged
    where they come first, and only those that the plan does not have: a plan is somebody's decision.
    """
    check = PlanCheck(plan)
    repairs = [CommonFields(), *build_repairs(settings)]
    judged = {rule.event for rule in plan.rules if rule.type == "track"}
    names = NamingLint(judged)
    for one in events:
        event = one.event
        kind = event.get("type")
        title = event.get("event") if kind == "track" else kind
        advice: list[Problem] = []
        if kind == "track" and isinstance(title, str) and title and title not in judged:
            advice = _name_problems(title, names)
            judged.add(title)
            names.learn(title)
        problems, repaired = _judged(event, source, check, repairs)
        yield Linted(one.line, str(title or "call"), problems, advice + repaired)


def _name_problems(name: str, names: NamingLint) -> list[Problem]:
    return [
        Problem(
            f"name_{one.code}", "/event", f"{one.message} Better: {one.suggestion}" if one.suggestion else one.message
        )
        for one in names.check(name)
    ]


def _judged(
    event: dict[str, Any], source: str, check: PlanCheck, repairs: Sequence[Stage]
) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with a call, and what the server repairs of it."""
    body = lenient_json.dumps(event)
    refusal = judge(body).refusal
    if refusal is not None:
        return [Problem(refusal.reason, refusal.pointer, refusal.message)], []
    raw = RawRecord(source, str(event["type"]), str(event.get("messageId") or ""), 0, body)
    drafts = [Draft(raw, Place(0, 0), copy.deepcopy(event), findings=[])]
    for stage in repairs:
        drafts = stage.run(drafts)
    [draft] = drafts
    verdict = check.judge(draft.event)
    found = [Problem(f"plan_{one.kind}", one.pointer, one.description) for one in verdict.violations]
    if verdict.unknown_version:
        pointer = "/context/protocols/event_version"
        found.append(Problem("plan_version_unknown", pointer, "the plan has no such version of the event"))
    wrong = {one.pointer for one in found}
    repaired = [
        Problem(one.code, one.pointer, f"{_dotted(one.pointer)}: {FINDINGS[one.code]}")
        for one in draft.findings
        if one.code in _REPAIRS and one.pointer not in wrong
    ]
    return found, repaired


def _dotted(pointer: str) -> str:
    return ".".join(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
