"""`trackway quarantine`: the calls that were refused, and the way out for them."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from trackway.cli.desk import Desk, open_desk
from trackway.cli.options import JsonOption, WorkspaceOption
from trackway.cli.output import complain, print_json, remark, screen
from trackway.cli.quarantine_shown import group_table, show_call, show_change, show_line
from trackway.errors import TrackwayError
from trackway.events import lenient_json
from trackway.events.records import QUARANTINE, RAW, Place
from trackway.node.quarantine import fixes
from trackway.node.quarantine.found import Nearby, Quarantined, Wanted, call_of, find, read_one
from trackway.node.quarantine.groups import Group, group_calls, table_row
from trackway.node.quarantine.release import Candidate, prepare, refused_again
from trackway.node.quarantine.release import release as let_out
from trackway.pipeline.chain import build_chain

quarantine = typer.Typer(
    help="Look at refused calls, mend them, let them out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SourceOption = Annotated[str, typer.Option("--source", show_default=False, help="Only this source.")]
ReasonOption = Annotated[str, typer.Option("--reason", show_default=False, help="Only this reason code.")]
NameOption = Annotated[str, typer.Option("--name", show_default=False, help="Only events of this name.")]
SinceOption = Annotated[datetime | None, typer.Option("--since", help="Received at or after this time, UTC.")]
ReleasedOption = Annotated[bool, typer.Option("--released", help="Also those that were let out already.")]
PositionsArgument = Annotated[
    list[str] | None, typer.Argument(help="Positions such as quarantine/0/12; or choose by options.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would become of them.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


_NOTHING = "No such calls are in quarantine."


@quarantine.command("list")
def list_(
    source: SourceOption = "",
    reason: ReasonOption = "",
    name: NameOption = "",
    since: SinceOption = None,
    released: ReleasedOption = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The newest so many.")] = 50,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List refused calls, newest first."""
    wanted = _wanted(source, reason, name, since, released)
    with open_desk(workspace) as desk:
        found = list(islice(find(desk.clean, desk.engine, wanted), limit))
    for one in found:
        if json:
            print_json(table_row(one))
        else:
            screen().print(show_line(one), soft_wrap=True)
    if not found and not json:
        remark(_NOTHING)


@quarantine.command()
def group(
    source: SourceOption = "",
    reason: ReasonOption = "",
    name: NameOption = "",
    since: SinceOption = None,
    released: ReleasedOption = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Count refused calls by source, reason, place of the fault and event."""
    wanted = _wanted(source, reason, name, since, released)
    with open_desk(workspace) as desk:
        groups: list[Group] = group_calls(find(desk.clean, desk.engine, wanted))
        gone = sum(desk.clean.starts(QUARANTINE).values())
    for one in groups if json else ():
        print_json(one)
    if not json:
        screen().print(group_table(groups)) if groups else remark(_NOTHING)
        if gone:
            remark(f"{gone:,} older ones were deleted by age or size; see `log.keep` in trackway.yaml.")


@quarantine.command()
def show(
    position: Annotated[str, typer.Argument(help="Such as quarantine/0/12.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show one refused call, with the place of the fault marked."""
    with open_desk(workspace) as desk:
        one = _at(desk, position)
        if json:
            print_json({**table_row(one), "body": one.record.body.decode("utf-8", "replace")})
        else:
            screen().print(show_call(one), soft_wrap=True)


@quarantine.command("release")
def release_(
    positions: PositionsArgument = None,
    source: SourceOption = "",
    reason: ReasonOption = "",
    name: NameOption = "",
    since: SinceOption = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that were let out already.")] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Let calls out as they are, through today's pipeline: for when a plan, a setting or Trackway was at fault."""
    wanted = _wanted(source, reason, name, since, again)
    with open_desk(workspace) as desk:
        chosen = _choose(desk, positions, wanted)
        _let_out(desk, [(one, one.record.body) for one in chosen], dry_run=dry_run, yes=yes, json=json)


@quarantine.command()
def fix(
    positions: PositionsArgument = None,
    with_: Annotated[
        Path | None, typer.Option("--with", show_default=False, help="A Python file with `def fix(call): return call`.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", show_default=False, help="POINTER=JSON, such as /properties/total=12.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", show_default=False, help="A JSON pointer.")] = None,
    edit: Annotated[bool, typer.Option("--edit", help="Open each call in $EDITOR.")] = False,
    source: SourceOption = "",
    reason: ReasonOption = "",
    name: NameOption = "",
    since: SinceOption = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that were let out already.")] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Change calls, show what changed, and let out those that would be accepted now.

    Exit 1 if one cannot be changed.
    """
    change = _fix(with_, set_ or [], remove or [], edit)
    wanted = _wanted(source, reason, name, since, again)
    with open_desk(workspace) as desk:
        failures: list[Quarantined] = []
        chosen = _choose(desk, positions, wanted)
        fixed = [(one, body) for one in chosen if (body := _changed(one, change, failures)) is not None]
        _let_out(desk, fixed, dry_run=dry_run, yes=yes, json=json)
    if failures:
        complain(f"{len(failures)} could not be changed; they stay where they are.")
        raise typer.Exit(1)


def _let_out(desk: Desk, calls: Sequence[tuple[Quarantined, bytes]], *, dry_run: bool, yes: bool, json: bool) -> None:
    """Show what would become of the calls, ask, and release those that today's pipeline makes events of."""
    chain = build_chain(desk.settings)
    raw = Nearby(desk.raw, RAW)
    good: list[Candidate] = []
    for one, body in calls:
        candidate = prepare(desk.settings, raw, one.place, one.record, body)
        refused = refused_again(chain, candidate)
        if not refused:
            good.append(candidate)
        if json:
            print_json({**table_row(one), "accepted": not refused, "refused": refused or None})
        else:
            screen().print(show_change(one, body, refused), soft_wrap=True)
    if dry_run or not good:
        _say(f"{len(good)} of {len(calls)} would become events; nothing was let out.", json)
        return
    if not yes and not json and not typer.confirm(f"Let {len(good)} of {len(calls)} out?", err=True):
        raise typer.Exit(1)
    offsets = let_out(desk.raw, desk.clean, desk.engine, good)
    _say(f"Let {len(offsets)} of {len(calls)} out.", json, released=len(offsets))


def _say(sentence: str, json: bool, released: int = 0) -> None:
    if json:
        print_json({"released": released})
    else:
        screen().print(sentence)


def _fix(with_: Path | None, sets: Sequence[str], removals: Sequence[str], edit: bool) -> fixes.Fix:
    ways: list[Callable[[], fixes.Fix]] = []
    if with_ is not None:
        ways.append(lambda: fixes.from_file(with_))
    if sets or removals:
        ways.append(lambda: fixes.setting(sets, removals))
    if edit:
        ways.append(lambda: _edit)
    if len(ways) != 1:
        raise typer.BadParameter("say how to change the calls: --with FILE, or --set and --remove, or --edit")
    return ways[0]()


def _edit(call: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the user makes of a call in an editor; None when it is left as it is."""
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    before = msgspec.json.format(msgspec.json.encode(call), indent=2)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "call.json"
        file.write_bytes(before + b"\n")
        try:
            subprocess.run([*editor, str(file)], check=True)  # noqa: S603 - the user's own editor
        except OSError as error:
            raise TrackwayError(f"the editor {editor[0]} failed: {error.strerror}; name another in EDITOR") from error
        except subprocess.CalledProcessError as error:
            raise TrackwayError(
                f"the editor {editor[0]} ended with code {error.returncode}; nothing was let out"
            ) from None
        after = file.read_bytes()
    if after.strip() == before.strip():
        return None
    try:
        return msgspec.json.decode(after, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise fixes.FixFailed(f"what the editor left is no JSON object: {error}") from None


def _changed(one: Quarantined, change: fixes.Fix, failures: list[Quarantined]) -> bytes | None:
    """Return the changed call; None, said why, when it is to stay, or when it cannot be changed, a failure."""
    where = f"{QUARANTINE}/{one.place.partition}/{one.place.offset}"
    call = call_of(one.record.body)
    if call is None:
        complain(f"{where}: the call is no JSON object; it cannot be changed this way")
        failures.append(one)
        return None
    try:
        fixed = fixes.apply(change, call)
    except fixes.FixFailed as failure:
        complain(f"{where}: {failure}")
        failures.append(one)
        return None
    return None if fixed is None else lenient_json.dumps(fixed)


def _choose(desk: Desk, positions: Sequence[str] | None, wanted: Wanted) -> list[Quarantined]:
    if positions:
        return [_at(desk, position) for position in positions]
    if wanted in (Wanted(), Wanted(released=True)):
        raise typer.BadParameter("say which calls: positions, or --reason, --source, --name, --since")
    # Oldest first: what was sent first enters the log first.
    found = sorted(find(desk.clean, desk.engine, wanted), key=lambda one: (one.record.received_at_ms, one.place))
    if not found:
        raise TrackwayError("no call in quarantine fits")
    return found


def _at(desk: Desk, position: str) -> Quarantined:
    parts = position.removeprefix(f"{QUARANTINE}/").split("/")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise TrackwayError(f"{position} is no position in quarantine; write it like quarantine/0/12")
    found = read_one(desk.clean, desk.engine, Place(int(parts[0]), int(parts[1])))
    if found is None:
        raise TrackwayError(f"there is no call at {position}: deleted by now, or never there")
    return found


def _wanted(source: str, reason: str, name: str, since: datetime | None, released: bool) -> Wanted:
    since_ms = None if since is None else round(since.replace(tzinfo=UTC).timestamp() * 1000)
    return Wanted(source=source, reason=reason, name=name, since_ms=since_ms, released=released)
