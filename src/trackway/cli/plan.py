"""`trackway plan`: tracking plans as files, from the first draft to code."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import complain, print_json, remark, screen
from trackway.cli.plan_events import read_events, recorded_events
from trackway.cli.plan_lint import lint_events
from trackway.errors import TrackwayError, why_unreadable
from trackway.workspace import load_workspace
from trackway.workspace.model import Workspace
from trackway.workspace.plans import Plan, load_plans, read_plan
from trackway.workspace.plans.codegen import python_code, typescript_code
from trackway.workspace.plans.comparing import Change, breaks, compare_plans
from trackway.workspace.plans.inferring import PlanInference
from trackway.workspace.plans.renamed import renamed_before
from trackway.workspace.plans.segment import segment_plan
from trackway.workspace.plans.writing import write_plan

plan = typer.Typer(
    help="Work with tracking plans; docs/tracking-plans.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan: YAML of ours, or Segment's JSON.")]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Default: standard output.")]
Whom = Annotated[
    Literal["senders", "readers", "both"],
    typer.Option("--for", help="Whose breakage counts: who sends events, who reads them, or both."),
]


@plan.command()
def infer(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files with an event a line; default: the workspace's clean log.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the plan is called.")] = "Inferred plan",
    source: Annotated[str | None, typer.Option(help="Only events of this source (of the log).")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Look at this many of the newest events.")] = 200_000,
    out: OutOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the plan that real events follow: a draft to correct by hand.

    What every event has becomes required; a text of few values becomes an enumeration.
    """
    seen, count = PlanInference(), 0
    if files:
        events = (one.event for file in files for one in read_events(file))
    else:
        settings = load_workspace(find_workspace(workspace))
        events = (one.event for one in recorded_events(settings, limit=limit, source=source))
    for event in events:
        seen.add(event)
        count += 1
    if not count:
        advice = "name other files" if files else "`trackway demo` sends some"
        raise TrackwayError(f"there are no events to infer a plan from; {advice}")
    inferred = seen.plan(name)
    if source:
        inferred = msgspec.structs.replace(inferred, sources={source: inferred.controls})
    _write(write_plan(inferred), out)
    if files:
        _advise([inferred])
    left = f"; {seen.left_out:,} events of further names left out" if seen.left_out else ""
    remark(f"{count:,} events, {len(inferred.rules):,} rules{left}.")


@plan.command()
def lint(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="A call a line; `-` is standard input.")],
    with_: Annotated[Path | None, typer.Option("--plan", help="Default: the plan of the source.")] = None,
    source: Annotated[
        str | None, typer.Option(show_default=False, help="Whose plan and settings; default: those of the first one.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Hold calls against the tracking plan and the tracking API, as the server would; exit 1 if any is wrong.

    The plan judges what the server's repairs leave of a call, as `"$5"` where a number is asked for; functions are not
    run. What is repaired, and names that the plan does not have, are told too: that is advice, and does not count as
    wrong. With --plan no workspace is needed.
    """
    settings, name = (Workspace(sources={}), "") if with_ else _settings_of(source, workspace)
    used = read_plan(with_) if with_ else _plan_of(settings, name)
    calls = wrong = 0
    unreadable: list[int] = []
    for one in lint_events(read_events(file, unreadable.append), used, settings=settings, source=name):
        calls += 1
        wrong += bool(one.problems)
        for problem in (*one.problems, *one.advice):
            if json:
                print_json({"line": one.line, "event": one.title, **problem._asdict()})
            else:
                screen().print(f"{file}:{one.line}: {one.title}: {problem.message}", markup=False, soft_wrap=True)
    wrong += len(unreadable)
    if not json:
        remark(f"{wrong:,} of {calls + len(unreadable):,} calls are not as planned.")
    if wrong:
        raise typer.Exit(1)


@plan.command()
def diff(before: PlanArgument, after: PlanArgument, json: JsonOption = False) -> None:
    """Print what changed from one plan to another, and whom it breaks."""
    _print_changes(compare_plans(read_plan(before), read_plan(after)), json=json)


@plan.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Plans; default: those of the workspace.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="The plan as it was; changes that break something end with exit 1.")
    ] = None,
    whom: Whom = "senders",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Check plans, for CI: exit 1 when one cannot be used, or breaks what was promised before."""
    if against is not None and len(files or ()) != 1:
        raise TrackwayError("name the one plan that is to be compared with --against")
    plans: list[Plan]
    renames = True
    if files:
        plans = [read_plan(file) for file in files]
    else:
        settings = load_workspace(find_workspace(workspace))
        plans = list(load_plans(settings.folder, settings.sources).plans)
        renames = settings.pipeline.rename_events
    if renames and not json:
        _advise(plans)
    rules = sum(len(one.rules) for one in plans)
    if against is not None:
        old, new = read_plan(against), plans[0]
        breaking = [change for change in compare_plans(old, new) if breaks(change, whom)]
        _print_changes(breaking, json=json)
        if breaking:
            complain(f"{len(breaking):,} breaking changes; give the event a new version, or keep what was promised.")
            raise typer.Exit(1)
    remark(f"{rules:,} rules, nothing wrong.")


@plan.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.json", help="A tracking plan exported from Segment.")],
    source: Annotated[list[str] | None, typer.Option(help="A source that is to follow it; may be repeated.")] = None,
    out: OutOption = None,
) -> None:
    """Write Segment's tracking plan as a plan of ours; put it into the workspace's folder `plans/`."""
    found = read_plan(file)
    if source:
        found = msgspec.structs.replace(found, sources=dict.fromkeys(source, found.controls))
    _write(write_plan(found), out)
    _advise([found])
    remark(f"{len(found.rules):,} rules.")


@plan.command()
def export(file: PlanArgument, out: OutOption = None) -> None:
    """Write a plan as Segment's JSON."""
    text = msgspec.json.format(msgspec.json.encode(segment_plan(read_plan(file))), indent=2).decode()
    _write(text + "\n", out)


@plan.command()
def codegen(
    language: Annotated[Literal["python", "typescript"], typer.Argument(help="python or typescript.")],
    file: PlanArgument,
    out: OutOption = None,
) -> None:
    """Write a typed function for every planned event, to be used with Segment's own client."""
    found = read_plan(file)
    _write(python_code(found) if language == "python" else typescript_code(found), out)


def _advise(plans: Iterable[Plan]) -> None:
    told = [one for plan in plans for one in renamed_before(plan)]
    for one in told:
        remark(one)
    if told:
        remark(
            "Name them so in the plan, or set `pipeline.rename_events: false`; else events are not held against this."
        )


def _settings_of(source: str | None, workspace: Path | None) -> tuple[Workspace, str]:
    settings = load_workspace(find_workspace(workspace))
    name = source or next(iter(settings.sources), "")
    if name not in settings.sources:
        raise TrackwayError(f"there is no source {name}; there are: {', '.join(settings.sources)}")
    return settings, name


def _plan_of(settings: Workspace, name: str) -> Plan:
    followed = load_plans(settings.folder, settings.sources).of(name)
    if followed is None:
        raise TrackwayError(
            f"the source {name} follows no plan; put one into {settings.folder / 'plans'}, or use --plan"
        )
    return followed.plan


def _print_changes(changes: list[Change], *, json: bool) -> None:
    for change in changes:
        if json:
            print_json(change._asdict())
        else:
            whom = "" if change.breaks == "nobody" else f" (breaks {_WHOM[change.breaks]})"
            style = "" if change.breaks == "nobody" else "red"
            screen().print(f"{change.what} {change.change}{whom}", markup=False, soft_wrap=True, style=style)
    if not json and not changes:
        remark("No changes.")


_WHOM = {"senders": "senders", "readers": "readers", "both": "senders and readers"}


def _write(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, "utf-8")
    except OSError as error:
        raise TrackwayError(f"{out} cannot be written: {why_unreadable(error)}") from error
