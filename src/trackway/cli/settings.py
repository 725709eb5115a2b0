"""`trackway settings`: what trackway.yaml may say, what it says, and where a value comes from."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
import yaml
from msgspec import Struct, structs

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, screen
from trackway.errors import TrackwayError
from trackway.workspace import Workspace, load_workspace
from trackway.workspace.describe import Setting, describe, nearest, written
from trackway.workspace.load import ENV_PREFIX, FILE_NAME

if TYPE_CHECKING:
    from rich.table import Table

settings = typer.Typer(
    help="What trackway.yaml may say.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


class Explained(Struct):
    """A setting in this workspace."""

    key: str
    meaning: str
    kind: str
    default: str | None
    value: str | None
    """None when it is not set here, such as that of a source that does not exist."""
    set_in: str
    """`trackway.yaml:12`, an environment variable, or `default`."""
    taken_over: str
    """`at once` or `at the next start`."""


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
    found = [one for one in describe(Workspace) if _pattern(one.key).fullmatch(key)]
    if not found:
        hint = nearest(key, [one.key for one in describe(Workspace)])
        raise TrackwayError(f"there is no setting {key}{f'; did you mean {hint}?' if hint else ''}")
    explained = _explain(found[0], key, find_workspace(workspace))
    if json:
        print_json(explained)
        return
    _show(explained)
    if members := [one for one in describe(Workspace) if one.key.startswith(f"{found[0].key}.")]:
        screen().print()
        _show_list(members, json=False)


def _explain(setting: Setting, key: str, folder: Path) -> Explained:
    names = key.split(".")
    value, there = _value(load_workspace(folder), names)
    return Explained(
        key=key,
        meaning=setting.meaning,
        kind=setting.kind,
        default=setting.default,
        value=_shown(setting, value) if there else None,
        set_in=_origin(folder, names) if there else "nowhere",
        taken_over="at the next start" if setting.at_start else "at once",
    )


def _shown(setting: Setting, value: Any) -> str:
    """Return a value as it would be written; of a group the names alone, for secrets may stand in it as plain text."""
    if setting.is_group or isinstance(value, dict):
        return ", ".join(_members(value)) or "nothing"
    return written(value)


def _value(value: Any, names: Sequence[str]) -> tuple[Any, bool]:
    """Return the value at `names`, and whether there is one."""
    for name in names:
        members = _members(value)
        if name not in members:
            return None, False
        value = members[name]
    return value, True


def _members(value: Any) -> dict[str, Any]:
    if isinstance(value, Struct):
        return {field.encode_name: getattr(value, field.name) for field in structs.fields(value)}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _origin(folder: Path, names: Sequence[str]) -> str:
    """Return where a value was set: what is nearer to it wins, and a group's own place counts for its members."""
    variable = ENV_PREFIX + "__".join(names).upper()
    if variable in os.environ:
        return f"the environment variable {variable}"
    found = _find_in_file(folder / FILE_NAME, names)
    if found is None:
        below = [one for one in sorted(os.environ) if one.startswith(f"{variable}__")]
        return f"the environment variable {below[0]}" if below else "default"
    line, node = found
    reference = _reference(node)
    return f"{FILE_NAME}:{line}, from {reference}" if reference else f"{FILE_NAME}:{line}"


def _find_in_file(file: Path, names: Sequence[str]) -> tuple[int, Any] | None:
    """Return the line, from 1, of the key at `names`, and the node of its value."""
    node = cast("Any", yaml.compose(file.read_text("utf-8"), Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
    line = 1
    for name in names:
        pairs: list[tuple[Any, Any]] = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((word, member) for word, member in pairs if word.value == name), None)
        if found is None:
            return None
        line, node = found[0].start_mark.line + 1, found[1]
    return line, node


def _reference(node: Any) -> str:
    """Return what an `{env: NAME}` or `{file: PATH}` stands for, in words."""
    if not isinstance(node, yaml.MappingNode) or len(node.value) != 1:
        return ""
    [(word, value)] = node.value
    if not isinstance(value, yaml.ScalarNode):
        return ""
    return {"env": f"the environment variable {value.value}", "file": f"the file {value.value}"}.get(word.value, "")


def _pattern(key: str) -> "re.Pattern[str]":
    """Return what fits a setting's key with real names in it, and the key itself."""
    return re.compile(re.escape(key).replace(r"\*", r"[^.]+"))


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
