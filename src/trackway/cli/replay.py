"""`trackway replay`: send events of the log to a destination once more."""

from typing import Annotated

import typer
from sqlalchemy import Engine

from trackway.cli.checks.ports import is_running
from trackway.cli.desk import Desk, open_desk
from trackway.cli.interrupts import interrupts
from trackway.cli.options import JsonOption, WorkspaceOption
from trackway.cli.output import print_json, remark, screen, side_screen
from trackway.cli.replay_shown import show_preview, show_replay, show_replays
from trackway.cli.times import time_ms
from trackway.delivery.replay import orders
from trackway.delivery.replay.orders import Order
from trackway.errors import TrackwayError
from trackway.events import fql
from trackway.node.replay_preview import preview
from trackway.node.replaying import spans_of
from trackway.node.replays import replay_json
from trackway.workspace import Workspace

replay = typer.Typer(
    help="Send events of the log to a destination once more.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

_LOOK_EVERY_S = 0.5


@replay.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    to_destination: Annotated[
        str, typer.Option("--to-destination", show_default=False, help="Its key in trackway.yaml.")
    ] = "",
    from_: Annotated[
        str, typer.Option("--from", show_default=False, help="Received since: 2026-11-20T10:00 (UTC), or 3h, 2 days.")
    ] = "",
    to: Annotated[str, typer.Option("--to", show_default=False, help="Received before; as --from. Default: now.")] = "",
    where: Annotated[
        str, typer.Option("--where", show_default=False, help="FQL, such as 'event = \"Order Completed\"'.")
    ] = "",
    source: Annotated[
        list[str] | None, typer.Option("--source", show_default=False, help="Only this source; may be repeated.")
    ] = None,
    through_pipeline: Annotated[
        bool, typer.Option("--through-pipeline", help="Make the events anew from the calls, by today's pipeline.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what the destination has already.")] = False,
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.01, show_default=False, help="Events a second at the most.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; show what would be sent.")] = False,
    samples: Annotated[int, typer.Option("--samples", min=0, max=100, help="Events that --dry-run shows.")] = 3,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow it to its end.")] = True,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Send events of the log to a destination once more, beside the live ones, which are never held up.

    What the destination has already is passed over, unless --again. The running server does the work; Ctrl-C stops
    watching it, `trackway replay cancel` stops it.
    """
    if context.invoked_subcommand is not None:
        return
    if not to_destination:
        raise typer.BadParameter("name the destination's key in trackway.yaml", param_hint="--to-destination")
    from_ms, to_ms = time_ms(from_, "--from"), time_ms(to, "--to")
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise typer.BadParameter("it lies before --from, so nothing would be sent", param_hint="--to")
    with open_desk(workspace) as desk:
        _check(desk.settings, to_destination, source or [], where)
        order = Order(
            spans=spans_of(desk.clean, from_ms),
            from_ms=from_ms,
            to_ms=to_ms,
            where=where,
            sources=source or [],
            through_pipeline=through_pipeline,
            again=again,
            rate=rate,
        )
        if dry_run:
            _preview(desk, to_destination, order, samples, json)
            return
        number = orders.give(desk.engine, to_destination, order)
        if not wait:
            print_json({"id": number}) if json else screen().print(f"Replay {number} is ordered.")
            return
        if not is_running(desk.settings.data):
            remark(f"No server runs on this workspace: replay {number} waits for one. Ctrl-C leaves it waiting.")
        _follow(desk.engine, number, json)


@replay.command("list")
def list_(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List replays, the newest first, with what became of their events."""
    with open_desk(workspace) as desk:
        found = orders.read_all(desk.engine)
    if json:
        for one in found:
            print_json(replay_json(one))
    elif found:
        screen().print(show_replays(found))
    else:
        remark("There are no replays.")


@replay.command()
def show(
    number: Annotated[int, typer.Argument(help="The replay's number.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show one replay."""
    with open_desk(workspace) as desk:
        found = orders.read(desk.engine, number)
    print_json(replay_json(found)) if json else screen().print(show_replay(found))


@replay.command()
def cancel(
    number: Annotated[int, typer.Argument(help="The replay's number.")], workspace: WorkspaceOption = None
) -> None:
    """Stop a replay where it stands."""
    with open_desk(workspace) as desk:
        if not orders.cancel(desk.engine, number):
            raise TrackwayError(f"replay {number} has ended already: {orders.read(desk.engine, number).state}")
    screen().print(f"Replay {number} is cancelled.")


def _preview(desk: Desk, key: str, order: Order, samples: int, json: bool) -> None:
    from rich.progress import Progress

    with Progress(console=side_screen(), transient=True) as progress:
        task = progress.add_task("looking", total=order.size)
        found = preview(
            desk.settings,
            desk.raw,
            desk.clean,
            desk.engine,
            key,
            order,
            samples=samples,
            told=lambda count: progress.advance(task, count),
        )
    print_json(found) if json else screen().print(show_preview(found, key), soft_wrap=True)


def _follow(engine: Engine, number: int, json: bool) -> None:
    """Watch a replay until it has ended, or the user no longer wants to."""
    from rich.progress import Progress

    found = orders.read(engine, number)
    with interrupts() as asked, Progress(console=side_screen(), transient=True) as progress:
        task = progress.add_task(f"replay {number}", total=found.order.size)
        while found.state in orders.OPEN and not asked.is_set():
            waits = "; it begins when the server runs" if found.state == "waiting" else ""
            progress.update(task, completed=found.looked_at, description=f"replay {number}: {found.state}{waits}")
            asked.wait(_LOOK_EVERY_S)
            found = orders.read(engine, number)
    if found.state in orders.OPEN:
        remark(f"Replay {number} goes on; `trackway replay cancel {number}` stops it.")
        return
    print_json(replay_json(found)) if json else screen().print(show_replay(found))
    if found.state == "failed":
        raise typer.Exit(1)


def _check(settings: Workspace, destination: str, sources: list[str], where: str) -> None:
    if destination not in settings.destinations:
        known = ", ".join(settings.destinations) or "none"
        raise TrackwayError(f"there is no destination {destination}; there are: {known}")
    for source in sources:
        if source not in settings.sources:
            raise TrackwayError(f"there is no source {source}; there are: {', '.join(settings.sources)}")
    if where:
        fql.compile(where)
