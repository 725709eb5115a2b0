"""The process of the functions: `python -m trackway.functions.host FOLDER`.

Reads tasks from standard input and writes a reply for each to standard output, in order. What functions print goes to
standard error. It ends when its input does, or when its parent is gone.
"""

import importlib.util
import os
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, cast

import msgspec

from trackway.cores import use_all
from trackway.events.nesting import DEEPEST, NEVER_TOO_DEEP, find_too_deep
from trackway.functions.files import function_files
from trackway.functions.messages import Frames, Greeting, Reply, Task, decode_task, frame

MEMORY_BYTES = 2 << 30
"""Address space of the process; a function that wants more gets a MemoryError."""
_DETAIL_CHARS = 4_000
_HANDLERS = ("on_event", "on_track", "on_identify", "on_page", "on_screen", "on_group", "on_alias")
_WHO = ("userId", "anonymousId")
_encode = msgspec.json.Encoder().encode


class Dropped(Exception):
    """Raised or returned by a function to leave the event out."""


class Context:
    """The second argument of every function."""

    def __init__(self, task: Task) -> None:
        self.source = task.source
        """The source's key in trackway.yaml."""
        self.destination = task.destination or None
        """The destination's key, for a function of a destination."""
        self.settings = task.settings
        """`functions.<name>.settings` of trackway.yaml."""
        self.received_at = datetime.fromtimestamp(task.received_at_ms / 1000, UTC)
        """When the event was received; replays give the same, a clock would not."""

    def drop(self, reason: str) -> NoReturn:
        """Leave the event out; `reason` is shown to people. Does not return."""
        raise Dropped(reason)


class Function:
    """A function file, loaded."""

    def __init__(self, name: str, path: Path) -> None:
        """Run the file.

        Raises:
            Exception: whatever it raises.
        """
        self.name = name
        self._folder = str(path.parent)
        module = _load(name, path)
        self._handlers = {one: handler for one in _HANDLERS if callable(handler := getattr(module, one, None))}
        if not self._handlers:
            raise TypeError(f"it has none of {', '.join(_HANDLERS)}")

    def run(self, task: Task) -> Reply:
        """Return what the function makes of an event."""
        event = msgspec.json.decode(task.event)
        # By itself: a function may well change the event that it was given.
        type_, known = event.get("type"), any(event.get(name) for name in _WHO)
        handler = self._handlers.get(f"on_{type_}") or self._handlers.get("on_event")
        if handler is None:
            return Reply("passed", [task.event])
        try:
            return _reply(cast("Callable[[Any, Context], Any]", handler)(event, Context(task)), type_, known=known)
        except Dropped as dropped:
            return Reply("dropped", reason=str(dropped)[:200])
        except Exception as error:  # noqa: BLE001 - people's code: its fault is the event's end, not the process's
            return _failed(self._traceback(error))

    def _traceback(self, error: Exception) -> str:
        """Return the error and where in the functions' folder it arose."""
        told = traceback.TracebackException.from_exception(error)
        told.stack[:] = [one for one in told.stack if one.filename.startswith(self._folder)]
        return "".join(told.format()).strip()[-_DETAIL_CHARS:]


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"trackway_function_{name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _reply(result: Any, type_: str, *, known: bool) -> Reply:
    """Judge what a function returned for an event of type `type_`; `known` is whether it had an id of a person."""
    events = cast("list[Any]", result) if isinstance(result, list) else [result]
    if not events:
        return _failed("it returned no event; to leave it out use context.drop")
    for one in events:
        if wrong := _wrong_with(one, type_, known=known):
            return _failed(wrong)
    try:
        encoded = [_encode(one) for one in events]
    except (TypeError, ValueError, RecursionError) as error:
        return _failed(f"what it returned is no JSON: {error}")
    if deep := next((deep for one in encoded if len(one) > NEVER_TOO_DEEP and (deep := find_too_deep(one))), None):
        return _failed(f"what it returned nests deeper than {DEEPEST} levels at {deep.pointer}; flatten it")
    return Reply("passed", encoded)


def _failed(detail: str) -> Reply:
    return Reply("failed", reason="function_failed", detail=detail)


def _wrong_with(returned: Any, type_: str, *, known: bool) -> str:
    if returned is None:
        return "it returned None; return the event (or a list of events), or use context.drop to leave it out"
    if not isinstance(returned, dict):
        return f"it returned {type(returned).__name__}; return the event, a dict"
    found = cast("dict[str, Any]", returned)
    if found.get("type") != type_:
        return "it changed the event's type; the type stays as it is"
    if type_ == "track" and not (isinstance(found.get("event"), str) and found["event"]):
        return "the track event that it returned has no name; set `event`"
    if known and not any(found.get(name) for name in _WHO):
        return "the event that it returned has neither userId nor anonymousId; keep one of them"
    for name in ("userId", "anonymousId", "groupId", "previousId"):
        if not isinstance(found.get(name), str | None):
            return f"it set {name} to no text"
    for name in ("context", "integrations", "properties", "traits"):
        if not isinstance(found.get(name), dict | None):
            return f"it set {name} to no dict"
    return ""


def main(folder: Path) -> None:
    """Serve until the input ends."""
    use_all()
    source, out = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what functions print, and what libraries of theirs do
    sys.stdout = sys.stderr
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    sys.path.insert(0, str(folder))
    functions, broken = _load_all(folder)
    out.write(frame(Greeting(broken)))
    frames = Frames()
    while data := source.read(1 << 16):
        for body in frames.feed(data):
            task = decode_task(body)
            function = functions.get(task.function)
            out.write(frame(function.run(task) if function else _unusable(task, broken)))


def _load_all(folder: Path) -> tuple[dict[str, Function], dict[str, str]]:
    functions: dict[str, Function] = {}
    broken: dict[str, str] = {}
    for name, path in function_files(folder).items():
        try:
            functions[name] = Function(name, path)
        except BaseException as error:  # noqa: BLE001 - people's code may even exit
            broken[name] = "".join(traceback.format_exception_only(error)).strip()[-_DETAIL_CHARS:]
    return functions, broken


def _unusable(task: Task, broken: dict[str, str]) -> Reply:
    detail = f"{task.function}.py cannot be used: {broken.get(task.function, 'there is no such file')}"
    return _failed(detail)


def _end_with(parent: int) -> None:
    """End the process, whatever it is doing, when its parent is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
