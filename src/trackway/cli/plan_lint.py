"""Judge calls as the server would: by the tracking API's rules first, then by the plan."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from trackway.cli.plan_events import FileEvent
from trackway.events import lenient_json
from trackway.events.naming_lint import NamingLint
from trackway.events.verdicts import judge
from trackway.workspace.plans import Plan, PlanCheck
from trackway.workspace.plans.model import MEMBERS


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
    """About the event's name, which is not wrong by the plan."""


def lint_events(events: Iterable[FileEvent], plan: Plan) -> Iterator[Linted]:
    """Yield every call with its problems; a call that the collector would refuse is not held against the plan.

    Names are judged where they come first, and only those that the plan does not have: a plan is somebody's decision.
    """
    check = PlanCheck(plan)
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
        yield Linted(one.line, str(title or "call"), _problems(event, check), advice)


def _name_problems(name: str, names: NamingLint) -> list[Problem]:
    return [
        Problem(
            f"name_{one.code}", "/event", f"{one.message} Better: {one.suggestion}" if one.suggestion else one.message
        )
        for one in names.check(name)
    ]


def _problems(event: dict[str, Any], check: PlanCheck) -> list[Problem]:
    refusal = judge(lenient_json.dumps(event)).refusal
    if refusal is not None:
        return [Problem(refusal.reason, refusal.pointer, refusal.message)]
    # As the pipeline's first stage does it.
    members = MEMBERS.get(str(event.get("type")), ())
    empty: dict[str, Any] = {}
    filled = event | {name: event.get(name) or empty for name in members}
    verdict = check.judge(filled)
    found = [Problem(f"plan_{one.kind}", one.pointer, one.description) for one in verdict.violations]
    if verdict.unknown_version:
        pointer = "/context/protocols/event_version"
        found.append(Problem("plan_version_unknown", pointer, "the plan has no such version of the event"))
    return found
