"""`trackway ledger`: what became of everything that was accepted, and whether the books balance."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackway.cli.count_table import count_table
from trackway.cli.desk import open_logs, open_state_if_any
from trackway.cli.interrupts import interrupts
from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, screen
from trackway.errors import TrackwayError
from trackway.events.reasons import meaning_of
from trackway.log.consumers import shown
from trackway.node.canary import CanaryReport
from trackway.node.flag import Flag
from trackway.node.ledger import Ledger, read_ledger
from trackway.workspace import Workspace, load_workspace

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_WATCH_S = 1.0


def ledger(
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every second; Ctrl-C ends it.")] = False,
    source: Annotated[str | None, typer.Option("--source", show_default=False, help="Only this source.")] = None,
    destination: Annotated[
        str | None, typer.Option("--destination", show_default=False, help="Only this destination.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show what became of every call and event, by source, destination and reason; exit 1 if anything is missing.

    Counts from the logs and the state on disk, whether the server runs or not.
    """
    settings = load_workspace(find_workspace(workspace), sending=False)
    _check(settings, source, destination)
    with ExitStack() as stack:
        read = _reader(settings, stack, source)

        def look() -> Ledger:
            found = read()
            if destination is not None:
                found.destinations = [line for line in found.destinations if line.destination == destination]
            return found

        if watch:
            _watch(look, json)
            return
        found = look()
        if json:
            print_json(as_json(found))
        else:
            screen().print(as_tables(found))
        if not found.balances:
            raise typer.Exit(1)


def as_json(found: Ledger) -> dict[str, Any]:
    """Return the ledger as plain data, with `balances` said in so many words."""
    return {"balances": found.balances, **{name: getattr(found, name) for name in found.__struct_fields__}}


def as_tables(found: Ledger) -> "RenderableType":
    """Return the ledger as tables for people."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_sources_table(found)]
    if found.waiting:
        parts.append(Text(f"{found.waiting:,} more wait in the raw log for the pipeline.", style="dim"))
    if found.destinations:
        parts += [Text(), _destinations_table(found)]
    if found.replays:
        parts += [Text(), _replays_table(found)]
    if found.warehouses:
        parts += [Text(), _warehouses_table(found)]
    if (reasons := _reasons_table(found)) is not None:
        parts += [Text(), reasons]
    if found.canary is not None:
        parts += [Text(), _canary(found.canary)]
    parts += [Text(), _verdict(found)]
    return Group(*parts)


def _sources_table(found: Ledger) -> "RenderableType":
    rows = [
        [line.source, line.accepted, line.events, sum(line.quarantined.values()), sum(line.dropped.values())]
        for line in found.sources
    ]
    return count_table(("source", "accepted", "= events", "+ quarantined", "+ dropped"), rows)


def _destinations_table(found: Ledger) -> "RenderableType":
    rows = [
        [
            line.destination,
            line.accepted,
            line.delivered,
            sum(line.discarded.values()),
            sum(line.failed.values()),
            f"{line.pending:,}" + (f" ({line.retrying:,} retrying)" if line.retrying else ""),
        ]
        for line in found.destinations
    ]
    return count_table(("destination", "events", "= delivered", "+ discarded", "+ failed", "+ pending"), rows)


def _replays_table(found: Ledger) -> "RenderableType":
    rows: list[list[str | int]] = [
        [
            f"{line.replay} to {line.destination}",
            line.accepted,
            line.delivered,
            sum(line.discarded.values()),
            sum(line.failed.values()),
            line.pending,
        ]
        for line in found.replays
    ]
    return count_table(("replay", "events", "= delivered", "+ passed over", "+ failed", "+ pending"), rows)


def _warehouses_table(found: Ledger) -> "RenderableType":
    rows = [[line.warehouse, line.accepted, line.loaded, line.pending] for line in found.warehouses]
    return count_table(("warehouse", "events", "= loaded", "+ pending"), rows)


def _reasons_table(found: Ledger) -> "RenderableType | None":
    """Return the parts of the sums above that have reasons, the largest first; None when there are none."""
    ends = [
        *((line.source, "quarantined", line.quarantined) for line in found.sources),
        *((line.source, "released from quarantine", line.released) for line in found.sources),
        *((line.source, "dropped", line.dropped) for line in found.sources),
        *((line.destination, "discarded", line.discarded) for line in found.destinations),
        *((line.destination, "failed", line.failed) for line in found.destinations),
    ]
    rows: list[list[str | int]] = [
        [f"{name}, {end}", number, f"{reason}  {meaning_of(reason)}"]
        for name, end, counts in ends
        for reason, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return count_table(("of these", "", "because"), rows) if rows else None


def _canary(report: CanaryReport) -> "RenderableType":
    from rich.text import Text

    when = datetime.fromtimestamp(report.sent_at_ms / 1000).astimezone().strftime("%H:%M:%S")
    passed = [seconds for seconds in report.hops.values() if seconds is not None]
    if report.state == "passed":
        return Text(f"Canary of {when}: past all {len(passed)} hops within {max(passed):.2f} s.", style="dim")
    what = report.error or f"not past {', '.join(map(shown, report.stuck))}"
    return Text(f"Canary of {when}, {report.state}: {what}.", style="yellow")


def _verdict(found: Ledger) -> "RenderableType":
    from rich.text import Text

    if found.balances:
        return Text("Difference: 0. Every call and event is accounted for.", style="green")
    lines = "".join(f"\n  {name}: {difference:+,}" for name, difference in found.differences.items())
    return Text(f"The books do not balance; please report this as a defect of Trackway:{lines}", style="bold red")


def _watch(look: Callable[[], Ledger], json: bool) -> None:
    console = screen()
    with interrupts() as asked:
        looks = _looks(look, asked)
        if json:
            for one in looks:
                print_json(as_json(one))
        elif console.is_terminal:
            _show_live(looks, console)
        else:  # a file or a pipe gets one after the other
            for one in looks:
                console.print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}", as_tables(one), "", sep="\n")


def _looks(look: Callable[[], Ledger], asked: Flag) -> Iterator[Ledger]:
    """Yield the ledger again and again, until somebody has asked to end."""
    while not asked.is_set():
        yield look()
        asked.wait(_WATCH_S)


def _show_live(looks: Iterator[Ledger], console: "Console") -> None:
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        for one in looks:
            live.update(as_tables(one), refresh=True)


def _reader(settings: Workspace, stack: ExitStack, source: str | None) -> Callable[[], Ledger]:
    raw, clean = open_logs(settings, stack)
    engine = open_state_if_any(settings, stack)
    return lambda: read_ledger(settings, raw, clean, engine, source=source)


def _check(settings: Workspace, source: str | None, destination: str | None) -> None:
    for what, name, known in (
        ("source", source, settings.sources),
        ("destination", destination, settings.destinations),
    ):
        if name is not None and name not in known:
            raise TrackwayError(f"there is no {what} {name}; there are: {', '.join(known) or 'none'}")
