"""`trackway catalogue`: which events each source sends, what is in them, and what was remarkable."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from trackway.catalogue.blocked import BlockedEntry
from trackway.catalogue.entries import BeyondEntry, CatalogueReader, EventEntry, PathEntry
from trackway.catalogue.findings import CODES, CatalogueFinding
from trackway.catalogue.inventory import Field, inventory
from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, remark, screen
from trackway.errors import TrackwayError
from trackway.state import open_state
from trackway.workspace import Workspace, load_workspace

if TYPE_CHECKING:
    from rich.console import RenderableType

_EVENTS = 3
"""Of those that have a field, so many are named."""
_ITEM = re.compile(r"\.\$(?=\.|$)")
"""A step to the members of an array, which paths in trackway.yaml leave out."""


def catalogue(
    event: Annotated[
        str | None, typer.Argument(metavar="EVENT", help="Only this name, or type of calls without one (`identify`).")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", show_default=False, help="Only this source.")] = None,
    findings: Annotated[bool, typer.Option("--findings", help="What was new, changed, or badly named.")] = False,
    personal: Annotated[
        bool, typer.Option("--personal", help="Which fields hold personal data; docs/privacy.md.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="So many of the newest findings.")] = 100,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show which events each source sends, since when, and what is in them; docs/catalogue.md.

    The server keeps it up a second or so behind the events.
    """
    settings = load_workspace(find_workspace(workspace), sending=False)
    if source is not None and source not in settings.sources:
        raise TrackwayError(f"there is no source {source}; there are: {', '.join(settings.sources) or 'none'}")
    if findings and personal:
        raise TrackwayError("--findings and --personal are two questions; ask one of them")
    if personal:
        _show_personal(settings, source=source, event=event, json=json)
    elif findings:
        _show_findings(settings, source=source, event=event, limit=limit, json=json)
    else:
        _show_events(settings, source=source, event=event, json=json)


def _show_events(settings: Workspace, *, source: str | None, event: str | None, json: bool) -> None:
    engine = open_state(settings.data / "state.db")
    try:
        events = CatalogueReader(engine).events(source=source, event=event)
        beyond = CatalogueReader(engine).beyond(source=source) if event is None else []
        blocked = CatalogueReader(engine).blocked(source=source, event=event)
    finally:
        engine.dispose()
    if json:
        for one in events:
            print_json(one)
        for one in blocked:
            print_json({"blocked": one})
    elif event is None and events:
        screen().print(_table(events))
    else:
        _print_events(events)
    for one in beyond:
        remark(_beyond_sentence(one))
    for one in blocked:
        remark(_blocked_sentence(one))
    if not events and not blocked:
        remark(f"No event {event} has come." if event else "No events have come; `trackway demo` sends some.")
        raise typer.Exit(1)


def _show_findings(settings: Workspace, *, source: str | None, event: str | None, limit: int, json: bool) -> None:
    engine = open_state(settings.data / "state.db")
    try:
        found = CatalogueReader(engine).findings(source=source, event=event, limit=limit)
    finally:
        engine.dispose()
    for one in found:
        if json:
            print_json(one)
        else:
            screen().print(_finding_line(one), soft_wrap=True)
    if not found:
        remark("There are no findings.")


def _show_personal(settings: Workspace, *, source: str | None, event: str | None, json: bool) -> None:
    engine = open_state(settings.data / "state.db")
    try:
        found = inventory(CatalogueReader(engine).events(source=source, event=event), settings.privacy)
    finally:
        engine.dispose()
    if json:
        for one in found:
            print_json(one)
    elif found:
        screen().print(_personal_table(found))
        bare = next((one for one in found if one.level == "red" and not one.rules), None)
        if bare is not None:
            path = _ITEM.sub("", bare.path)
            remark(f"To keep values out, write under privacy in trackway.yaml: rules: [{{path: {path}, do: drop}}]")
    else:
        remark("No field of the catalogue seems to hold personal data.")


def _personal_table(found: list[Field]) -> "RenderableType":
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("", "field", "holds", "told by", "rules", "values", "in"):
        table.add_column(heading, justify="right" if heading == "values" else "left", overflow="fold")
    for one in found:
        told_by = {"key": "its name", "settings": "you", "values": f"{one.looks.get(one.kind, 0):,} of its values"}
        events = list(dict.fromkeys(each.name or each.type for each in one.events))
        more = f" and {len(events) - _EVENTS:,} more" if len(events) > _EVENTS else ""
        cells = (
            *(_visible(one.path), one.kind, told_by[one.told_by], ", ".join(one.rules), f"{one.values:,}"),
            _visible(", ".join(events[:_EVENTS]) + more),
        )
        table.add_row(Text(one.level, style=one.level), *map(Text, cells))
    return table


def _table(events: list[EventEntry]) -> "RenderableType":
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("source", "type", "event", "count", "properties", "first seen", "last seen"):
        is_name, is_number = heading == "event", heading in ("count", "properties")
        table.add_column(
            heading,
            justify="right" if is_number else "left",
            no_wrap=not is_name,
            min_width=14 if is_name else None,
            overflow="fold",
        )
    for one in events:
        cells = (one.source, one.type, _visible(one.name), f"{one.count:,}", f"{len(one.paths):,}")
        # Day and minute are enough here: the name is what the width of a terminal is needed for.
        table.add_row(*map(Text, cells), Text(_time(one.first_ms)[:10]), Text(_time(one.last_ms)[5:16]))
    return table


def _print_events(events: list[EventEntry]) -> None:
    console = screen()
    for number, one in enumerate(events):
        if number:
            console.print()
        line = Text(_visible(one.name) or one.type, style="bold")
        line.append(f"  {one.type} of {one.source}, {one.count:,} times", style="not bold")
        console.print(
            line.append(f"  {_time(one.first_ms)} to {_time(one.last_ms)}", style="not bold dim"), soft_wrap=True
        )
        width = max((len(path.path) for path in one.paths), default=0)
        for path in one.paths:
            console.print(_path_line(path, width), soft_wrap=True)
        if one.unlisted:
            console.print(Text(f"  {one.unlisted:,} events had further properties.", style="dim"), soft_wrap=True)


def _path_line(path: PathEntry, width: int) -> Text:
    types = ", ".join(f"{kind} {count:,}" for kind, count in path.types.items())
    line = Text(f"  {_visible(path.path):<{width}}  ", style="cyan").append(types, style="default")
    if path.samples:
        line.append(f"  {', '.join(path.samples)}", style="green")
    return line.append(f"  since {_time(path.first_ms)}", style="dim")


def _finding_line(one: CatalogueFinding) -> Text:
    line = Text(f"{_time(one.at_ms)}  ", style="dim").append(f"{one.code:<20}", style="not dim yellow")
    name = _visible(one.name)
    line.append(f"  {one.type} " if name and one.type != "track" else "  ", style="not dim")  # a page and a screen Cart
    line.append(name or one.type, style="not dim bold")
    if one.path:
        line.append(f" {_visible(one.path)}", style="not dim cyan")
    # What a code means is said where the finding has nothing more exact to say.
    line.append(f"  {_visible(one.detail) or CODES.get(one.code, one.code)}", style="not dim")
    if one.suggestion:
        line.append(f" Better: {_visible(one.suggestion)}", style="not dim green")
    return line.append(f"  ({one.source}, {one.message_id})")


def _beyond_sentence(one: BeyondEntry) -> str:
    return f"{one.count:,} more {one.type} events of {one.source} have names beyond those listed: there are too many."


def _blocked_sentence(one: BlockedEntry) -> str:
    return (
        f"{_visible(one.name) or one.type} ({one.type} of {one.source}) is blocked: {one.count:,} left out, "
        f"{_time(one.first_ms)} to {_time(one.last_ms)}."
    )


def _visible(text: str) -> str:
    """Make control characters visible: what clients send must not steer the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
