"""`trackway settings`: what trackway.yaml may say, what it says, and where a value comes from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, remark, screen
from trackway.errors import TrackwayError
from trackway.workspace import Workspace, history, load_workspace
from trackway.workspace.describe import Setting, describe, nearest
from trackway.workspace.explain import Explained, find_setting
from trackway.workspace.explain import explain as explain_setting

if TYPE_CHECKING:
    from rich.table import Table

settings = typer.Typer(
    help="What trackway.yaml may say.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@settings.command("list")
def list_settings(json: JsonOption = False) -> None:
    """List every setting there is."""
    _show_list(list(describe(Workspace)), json=json)


@settings.command()
def explain(
    key: Annotated[str, typer.Argument(help="A dotted key such as log.keep or sources.web.dedup_window.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Tell what a setting means, its default, its value here, and where that was set."""
    found = find_setting(key)
    if found is None and key.startswith("destinations."):
        from trackway.destinations.explained import of_destination

        if (own := of_destination(load_workspace(find_workspace(workspace)), key)) is not None:
            print_json(own) if json else _show(own)
            return
    if found is None:
        hint = nearest(key, [one.key for one in describe(Workspace)])
        raise TrackwayError(f"there is no setting {key}{f'; did you mean {hint}?' if hint else ''}")
    folder = find_workspace(workspace)
    explained = explain_setting(found, key, load_workspace(folder), folder)
    if json:
        print_json(explained)
        return
    _show(explained)
    if members := [one for one in describe(Workspace) if one.key.startswith(f"{found.key}.")]:
        screen().print()
        _show_list(members, json=False)


@settings.command()
def changes(
    limit: Annotated[int, typer.Option(min=1, help="So many of the newest.")] = 20,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show what changed in the settings in force, when, from what to what, the newest last; secrets are not shown."""
    found = history.read(load_workspace(find_workspace(workspace), sending=False).data)[-limit:]
    for entry in found:
        if json:
            print_json(entry)
        else:
            _show_entry(entry)
    if not found and not json:
        remark("No setting has changed since the first start.")


def _show_entry(entry: history.Entry) -> None:
    from rich.text import Text

    when = f"{entry.at}{'  changed while nothing ran' if entry.while_stopped else ''}"
    screen().print(Text(when, "dim"))
    for one in entry.changes:
        line = Text(f"  {one.key}  ", "bold")
        line.append("not there" if one.before is None else one.before, "not bold red")
        line.append(" → ", "not bold").append("gone" if one.after is None else one.after, "not bold green")
        screen().print(line, soft_wrap=True)


def _show(one: Explained) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    rows = [
        ("write", one.kind),
        ("default", "none: it must be given" if one.default is None else one.default),
        ("here", "not set" if one.value is None else one.value),
        ("set in", one.set_in),
        ("a change", f"is taken over {one.taken_over}"),
    ]
    for name, text in rows:
        table.add_row(Text(name, "dim"), Text(text))
    console = screen()
    console.print(Text(one.key, "bold"))
    console.print(Text(one.meaning))
    console.print(table)


def _show_list(found: Sequence[Setting], *, json: bool) -> None:
    if json:
        for one in found:
            print_json(one)
        return
    table = _table()
    for one in found:
        table.add_row(one.key, "" if one.is_group else one.default or "", one.meaning)
    screen().print(table)


def _table() -> "Table":
    from rich.table import Table

    table = Table(box=None, header_style="dim")
    for heading in ("key", "default", "meaning"):
        table.add_column(heading, no_wrap=heading == "key", overflow="fold")
    return table
