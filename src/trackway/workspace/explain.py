"""What a setting is in this workspace: its value, and where that was set."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from msgspec import Struct, structs

from trackway.workspace.describe import Setting, describe, written
from trackway.workspace.load import ENV_PREFIX, FILE_NAME
from trackway.workspace.model import Workspace


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


def find_setting(key: str) -> Setting | None:
    """Return the description of the setting at a key with real names in it, such as `sources.web.dedup_window`."""
    return next((one for one in describe(Workspace) if _pattern(one.key).fullmatch(key)), None)


def explain(setting: Setting, key: str, workspace: Workspace, folder: Path) -> Explained:
    """Return the setting at `key` as it is in `workspace`, whose file is in `folder`."""
    names = key.split(".")
    value, there = _value(workspace, names)
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
