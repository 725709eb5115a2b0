"""`trackway failed`: the events that destinations would not have, and another try for them."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from msgspec import structs

from trackway.cli.desk import Desk, open_desk
from trackway.cli.failed_shown import as_json, group_json, group_table, show_failure, show_line
from trackway.cli.options import JsonOption, WorkspaceOption
from trackway.cli.output import print_json, remark, screen
from trackway.delivery.failures import Wanted, find, group, release
from trackway.errors import TrackwayError
from trackway.events.records import EVENTS, Place

failed = typer.Typer(
    help="Look at events that destinations would not have, and try them again.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DestinationOption = Annotated[
    str, typer.Option("--destination", "-d", show_default=False, help="Only this one; its key in trackway.yaml.")
]
ReasonOption = Annotated[str, typer.Option("--reason", show_default=False, help="Only this reason, such as 400.")]
SourceOption = Annotated[str, typer.Option("--source", show_default=False, help="Only events of this source.")]
SinceOption = Annotated[datetime | None, typer.Option("--since", help="Failed at or after this time, UTC.")]
EventArgument = Annotated[
    str, typer.Argument(show_default=False, help="A message id, or a position such as events/0/12.")
]


_NOTHING = "No such events have failed."


@failed.command("list")
def list_(
    destination: DestinationOption = "",
    reason: ReasonOption = "",
    source: SourceOption = "",
    since: SinceOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The newest so many.")] = 50,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List failed events, newest first."""
    with open_desk(workspace) as desk:
        found = find(desk.engine, _wanted(desk, destination, reason, source, since), limit=limit)
    for one in found:
        if json:
            print_json(as_json(one))
        else:
            screen().print(show_line(one), soft_wrap=True)
    if not found and not json:
        remark(_NOTHING)


@failed.command("group")
def group_(
    destination: DestinationOption = "",
    reason: ReasonOption = "",
    source: SourceOption = "",
    since: SinceOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Count failed events by destination and reason, and show the newest of each group."""
    with open_desk(workspace) as desk:
        groups = group(desk.engine, _wanted(desk, destination, reason, source, since))
    for one in groups if json else ():
        print_json(group_json(one))
    if not json:
        screen().print(group_table(groups)) if groups else remark(_NOTHING)


@failed.command()
def show(
    event: EventArgument,
    destination: DestinationOption = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show what was sent of a failed event, and what was answered."""
    with open_desk(workspace) as desk:
        found = find(desk.engine, _of_event(_wanted(desk, destination, "", "", None), event), limit=100)
    if not found:
        raise TrackwayError(f"no destination has failed {event}; `trackway trace` tells what became of it")
    for one in found:
        if json:
            print_json(as_json(one))
        else:
            screen().print(show_failure(one), soft_wrap=True)


@failed.command("release")
def release_(
    events: Annotated[
        list[str] | None, typer.Argument(show_default=False, help="Message ids or positions; or choose by options.")
    ] = None,
    destination: DestinationOption = "",
    reason: ReasonOption = "",
    source: SourceOption = "",
    since: SinceOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All failed events of all destinations.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Have failed events tried again, made anew by today's settings: for when those, or the destination, were wrong."""
    with open_desk(workspace) as desk:
        wanted = _wanted(desk, destination, reason, source, since)
        if not events and not everything and wanted == Wanted():
            raise typer.BadParameter("say which: message ids, --destination, --reason, --source, --since or --all")
        choices = [_of_event(wanted, event) for event in events] if events else [wanted]
        number = sum(one.events for choice in choices for one in group(desk.engine, choice))
        if not number:
            raise TrackwayError("no failed event fits")
        if dry_run:
            _say(json, f"{number:,} would be tried again; nothing was released.", {"found": number, "released": 0})
            return
        if not yes and not json and not typer.confirm(f"Have {number:,} tried again?", err=True):
            raise typer.Exit(1)
        _release(desk, choices, json=json)


def _release(desk: Desk, choices: list[Wanted], *, json: bool) -> None:
    now_ms = time.time_ns() // 1_000_000
    done = [release(desk.engine, desk.clean, choice, now_ms=now_ms) for choice in choices]
    released, replayed, expired = (
        sum(getattr(one, name) for one in done) for name in ("released", "replayed", "expired")
    )
    _say(
        json,
        f"{released:,} will be tried again as soon as their destination runs; `trackway ledger` shows how they end.",
        {"released": released, "replayed": replayed, "expired": expired},
    )
    for number, why in ((replayed, "a replay has delivered them"), (expired, "the log no longer has them")):
        if number and not json:
            remark(f"{number:,} stay: {why}.")


def _say(json: bool, sentence: str, data: dict[str, int]) -> None:
    if json:
        print_json(data)
    else:
        screen().print(sentence)


def _of_event(wanted: Wanted, event: str) -> Wanted:
    """Return `wanted` for one event alone: a position if it is written like one, else a message id."""
    parts = event.removeprefix(f"{EVENTS}/").split("/")
    if event.startswith(f"{EVENTS}/") and len(parts) == 2 and all(part.isdigit() for part in parts):
        return structs.replace(wanted, place=Place(int(parts[0]), int(parts[1])))
    return structs.replace(wanted, message_id=event)


def _wanted(desk: Desk, destination: str, reason: str, source: str, since: datetime | None) -> Wanted:
    known = desk.settings.destinations
    if destination and destination not in known:
        raise TrackwayError(f"there is no destination {destination}; there are: {', '.join(known) or 'none'}")
    since_ms = None if since is None else round(since.replace(tzinfo=UTC).timestamp() * 1000)
    return Wanted(destination=destination, reason=reason, source=source, since_ms=since_ms)
