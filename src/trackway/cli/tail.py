"""`trackway tail`: events as they come out of the pipeline, read straight from the log."""

from pathlib import Path
from typing import Annotated

import typer

from trackway.cli.interrupts import interrupts
from trackway.cli.options import JsonOption, WhereOption, WorkspaceOption, find_workspace
from trackway.workspace import load_workspace


def tail(
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, max=10_000, help="Begin with this many older ones.")
    ] = 10,
    type_: Annotated[str, typer.Option("--type", "-t", show_default=False, help="Only track, identify, …")] = "",
    source: Annotated[str, typer.Option("--source", show_default=False, help="Only this source.")] = "",
    name: Annotated[
        str, typer.Option("--name", show_default=False, help="Only names with this in them, in any case.")
    ] = "",
    user: Annotated[
        str, typer.Option("--user", "-u", show_default=False, help="Only ids with this in them, in any case.")
    ] = "",
    outcome: Annotated[
        str | None, typer.Option("--outcome", show_default=False, help="Only ok, quarantined or dropped.")
    ] = None,
    where: WhereOption = "",
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for new ones.")] = True,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Watch events arrive: one line each, refused and repeated ones too. Ctrl-C ends it.

    Reads the log on disk, so it also works while the server is down.
    """
    from trackway.cli.following import Filter, follow_log, newest
    from trackway.cli.output import print_json, screen
    from trackway.cli.tail_line import tail_line
    from trackway.console.entries import TOPICS, Entry
    from trackway.events import fql

    if outcome is not None and outcome not in TOPICS:
        raise typer.BadParameter(f"{outcome} is none of {', '.join(TOPICS)}", param_hint="--outcome")
    settings = load_workspace(find_workspace(workspace), sending=False)
    asked = fql.compile(where) if where else None
    wanted = Filter(outcome, source, type_, name.casefold(), user.casefold(), where=asked)
    console = screen()

    def show(entry: Entry) -> None:
        if json:
            print_json(entry)
        else:
            console.print(tail_line(entry), soft_wrap=True)

    folder: Path = settings.data / "log" / "clean"
    with interrupts() as asked:
        older, start = newest(folder, wanted, lines, asked)
        for entry in older:
            if asked.is_set():
                return
            show(entry)
        if follow:
            for entry in follow_log(folder, wanted, start, asked):
                show(entry)
