"""`trackway who`: a person's ids, and how they became known."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, remark, screen
from trackway.errors import TrackwayError
from trackway.identity.evidence import REFUSALS
from trackway.identity.ledger import JOINED, IdentityLedger
from trackway.identity.people import Link, Person
from trackway.state import open_state
from trackway.workspace import load_workspace


def who(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="A user, anonymous or external id; `user:ID` asks for user ids only.")
    ],
    undo: Annotated[
        int | None, typer.Option(metavar="LINK", help="Let this link of the person no longer hold, for good.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Print a person's ids, groups and history: which event joined what, and which links were refused or undone."""
    engine = open_state(load_workspace(find_workspace(workspace), sending=False).data / "state.db")
    try:
        ledger = IdentityLedger(engine)
        people = ledger.who(id_)
        if undo is not None:
            if undo not in {link.link for person in people for link in person.links}:
                raise TrackwayError(f"{id_} has no link {undo}; `trackway who {id_}` shows the links")
            people = ledger.undo(undo, int(time.time() * 1000))
    finally:
        engine.dispose()
    if not people:
        remark(
            f"Nobody is known as {id_}. Ids become known by identify, alias and group calls, and context.externalIds."
        )
        raise typer.Exit(1)
    for number, person in enumerate(people):
        if json:
            print_json(person)
        else:
            _show(person, first=number == 0)


def _show(person: Person, *, first: bool) -> None:
    console = screen()
    lines: list[Text] = [] if first else [Text()]
    title = f"Person {person.person}" if person.person else "Joined to nobody"
    lines.append(Text(title, style="bold"))
    width = max(len(member.id) for member in person.ids)
    for member in person.ids:
        line = Text(f"  {member.kind:<10} ", style="dim").append(f"{member.id:<{width}}", style="not dim cyan")
        lines.append(line.append(f"  since {_time(member.since_ms)}"))
    lines += [
        Text("  group      ", style="dim").append(group.id, style="not dim").append(f"  since {_time(group.since_ms)}")
        for group in person.groups
    ]
    if person.links:
        lines.append(Text("History", style="bold"))
        lines += [_history(link) for link in person.links]
    for line in lines:
        console.print(line, soft_wrap=True)


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
