"""Ways to change a refused call: values set or removed at a pointer, or a function of the user's own."""

import copy
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from trackway.errors import TrackwayError, why_unreadable

Fix = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Takes a copy of a call and returns what it is to be; None: it stays in quarantine as it is."""


class FixFailed(TrackwayError):
    """A fix cannot be used, or failed on a call; the message says where."""


def setting(assignments: Sequence[str], removals: Sequence[str]) -> Fix:
    """Return a fix that sets `POINTER=VALUE` (JSON, else taken as text) and removes pointers.

    Raises:
        FixFailed: one of them cannot be read.
    """
    sets = [_assignment(one) for one in assignments]
    paths = [_path(one) for one in removals]

    def fix(call: dict[str, Any]) -> dict[str, Any] | None:
        for path, value in sets:
            _set(call, path, value)
        for path in paths:
            _remove(call, path)
        return call

    return fix


def from_file(file: Path) -> Fix:
    """Return the function `fix(call)` of a Python file.

    Raises:
        FixFailed: the file cannot be run, or has no such function.
    """
    names: dict[str, Any] = {"__name__": "fix", "__file__": str(file)}
    try:
        exec(compile(file.read_text("utf-8"), str(file), "exec"), names)  # noqa: S102 - the user's own file
    except (OSError, UnicodeDecodeError) as error:
        raise FixFailed(f"{file} cannot be read: {why_unreadable(error)}") from error
    except Exception as error:
        raise FixFailed(f"{file} cannot be used: {_last_line(error, file)}") from error
    found = names.get("fix")
    if not callable(found):
        raise FixFailed(f"{file} has no function fix(call); write one that returns the changed call")
    return cast("Fix", found)


def apply(fix: Fix, call: dict[str, Any]) -> dict[str, Any] | None:
    """Return what `fix` makes of a copy of `call`.

    Raises:
        FixFailed: it failed, or what it returned is no JSON object.
    """
    try:
        fixed = fix(copy.deepcopy(call))
    except TrackwayError:
        raise
    except Exception as error:
        raise FixFailed(_last_line(error)) from error
    if fixed is not None and not isinstance(fixed, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise FixFailed(f"fix(call) returned {type(fixed).__name__}; return the call, or None to leave it")
    try:
        msgspec.json.encode(fixed)
    except (TypeError, ValueError, RecursionError) as error:
        raise FixFailed(f"what fix(call) returned is no JSON: {error}") from error
    return fixed


def _assignment(text: str) -> tuple[list[str], Any]:
    pointer, equals, value = text.partition("=")
    if not equals:
        raise FixFailed(f"{text}: write POINTER=VALUE, such as /properties/total=12")
    try:
        return _path(pointer), msgspec.json.decode(value)
    except msgspec.DecodeError:
        return _path(pointer), value


def _path(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise FixFailed(f"{pointer} is no JSON pointer; it begins with /, such as /properties/total")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def _set(call: dict[str, Any], path: Sequence[str], value: Any) -> None:
    node: Any = call
    for part in path[:-1]:
        if type(_member(node, part)) not in (dict, list):
            _put(node, part, {})
        node = _member(node, part)
    _put(node, path[-1], value)


def _remove(call: dict[str, Any], path: Sequence[str]) -> None:
    node: Any = call
    for part in path[:-1]:
        node = _member(node, part)
    if isinstance(node, dict):
        cast("dict[str, Any]", node).pop(path[-1], None)
    elif isinstance(node, list) and _member(node, path[-1]) is not None:
        del cast("list[Any]", node)[int(path[-1])]


def _member(node: Any, part: str) -> Any:
    if isinstance(node, dict):
        return cast("dict[str, Any]", node).get(part)
    items = cast("list[Any]", node) if isinstance(node, list) else []
    return items[int(part)] if part.isdigit() and int(part) < len(items) else None


def _put(node: Any, part: str, value: Any) -> None:
    if isinstance(node, dict):
        node[part] = value
        return
    items = cast("list[Any]", node)
    if part == "-" or (part.isdigit() and int(part) == len(items)):
        items.append(value)
    elif part.isdigit() and int(part) < len(items):
        items[int(part)] = value
    else:
        raise FixFailed(f"there is no place {part} in a list of {len(items)}")


def _last_line(error: BaseException, file: Path | None = None) -> str:
    """Return an error with its place, unless that is in its text, or not in the user's `file`."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    told = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) or (file is not None and frame.filename != str(file)):
        return told
    return f"{told} (line {frame.lineno} of {Path(frame.filename).name})"
