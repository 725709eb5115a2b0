"""`trackway who`: a person's ids, and how they became known; or who belongs to a group."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, remark, screen
from trackway.errors import TrackwayError
from trackway.identity.evidence import REFUSALS
from trackway.identity.ledger import JOINED, IdentityLedger
from trackway.identity.people import Link, Member, Membership, Person
from trackway.state import open_state
from trackway.workspace import load_workspace

_MEMBERS = 50
"""Of a group, so many are shown."""


def who(
    id_: Annotated[
        str,
        typer.Argument(metavar="ID", help="A user, anonymous, external or group id; `user:ID` asks for user ids only."),
    ],
    undo: Annotated[
        int | None, typer.Option(metavar="LINK", help="Let this link of the person no longer hold, for good.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Print a person's ids, groups and history: which event joined what, and which links were refused or undone.

    Of a group, print who belongs to it.
    """
    engine = open_state(load_workspace(find_workspace(workspace), sending=False).data / "state.db")
    try:
        ledger = IdentityLedger(engine)
        people, group = ledger.who(id_), None
        if undo is not None:
            if undo not in {link.link for person in people for link in person.links}:
                raise TrackwayError(f"{id_} has no link {undo}; `trackway who {id_}` shows the links")
            people = ledger.undo(undo, int(time.time() * 1000))
        else:
            group = ledger.group(id_, _MEMBERS)
    finally:
        engine.dispose()
    shown: list[Person | Membership] = [*people, *([group] if group else [])]
    if not shown:
        remark(
            f"Nobody is known as {id_}. Ids become known by identify, alias and group calls, and context.externalIds."
        )
        raise typer.Exit(1)
    console = screen()
    for number, one in enumerate(shown):
        if json:
            print_json(one)
            continue
        lines = _person(one) if isinstance(one, Person) else _group(one)
        for line in [Text()] * (number > 0) + lines:
            console.print(line, soft_wrap=True)


def _person(person: Person) -> list[Text]:
    title = f"Person {person.person}" if person.person else "Joined to nobody"
    lines = [Text(title, style="bold"), *_members(person.ids)]
    lines += [
        Text("  group      ", style="dim").append(group.id, style="not dim").append(f"  since {_time(group.since_ms)}")
        for group in person.groups
    ]
    if person.links:
        lines.append(Text("History", style="bold"))
        lines += [_history(link) for link in person.links]
    return lines


def _group(group: Membership) -> list[Text]:
    counts = " and ".join(f"{count:,} {kind}" for kind, count in group.counts.items())
    total = sum(group.counts.values())
    line = f"  {counts} {'id belongs' if total == 1 else 'ids belong'} to it"
    if len(group.members) < total:
        line += f"; the first {len(group.members)}, newest first"
    return [Text(f"Group {group.group}", style="bold"), Text(f"{line}:"), *_members(group.members)]


def _members(members: Sequence[Member]) -> list[Text]:
    width = max(len(member.id) for member in members)
    return [
        Text(f"  {member.kind:<10} ", style="dim")
        .append(f"{member.id:<{width}}", style="not dim cyan")
        .append(f"  since {_time(member.since_ms)}")
        for member in members
    ]


def _history(link: Link) -> Text:
    joined = link.outcome == JOINED
    line = Text(f"  {_time(link.at_ms)}  ", style="dim")
    line.append(f"{'joined' if joined else 'refused':<8}", style="not dim green" if joined else "not dim yellow")
    line.append(f"{' = '.join(link.ids)}", style="not dim")
    line.append(f"  by {link.cause} {link.message_id} of {link.source}, link {link.link}")
    if not joined:
        line.append(f"\n{'':<24}{REFUSALS.get(link.outcome, link.outcome)}", style="yellow")
    if link.undone_ms is not None:
        line.append(f"\n{'':<24}Undone {_time(link.undone_ms)}.", style="yellow")
    return line


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
