"""The part of the API that shows trackway.yaml: its text without secrets, and what each key means and is here."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import yaml
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.errors import ApiError
from trackway.destinations import explained, registry
from trackway.errors import TrackwayError
from trackway.workspace import history
from trackway.workspace.describe import Setting, describe, nearest
from trackway.workspace.explain import explain, find_setting
from trackway.workspace.load import FILE_NAME
from trackway.workspace.model import Workspace

HIDDEN = "***"
_MOST_CHANGES = 500
_SECRET_KEY = re.compile(r"token|secret|password|passwd|salt|credential|api_?key|access_?key|_key$", re.IGNORECASE)
_SECRET_LINE = re.compile(
    r"^(?P<lead>\s*(?:- )?[\"']?[\w-]*(?:token|secret|password|passwd|salt|credential|key)[\w-]*[\"']?\s*:\s*)"
    r"(?P<value>[^{\s].*)$",
    re.IGNORECASE,
)
_PUBLIC = re.compile(r"sources\.[^.]+\.write_keys|.*\.(public_key|project_token|write_key)")


class Line(Struct, kw_only=True):
    """A line of the file."""

    text: str
    key: str = ""
    """The dotted key that begins in it."""


class SettingsApi:
    """Answers `/api/settings` and `/api/settings/explain`."""

    def __init__(self, workspace: Callable[[], Workspace]) -> None:
        self._workspace = workspace
        self.routes = [
            Route("/api/settings", self.file),
            Route("/api/settings/keys", self.keys),
            Route("/api/settings/changes", self.changes),
            Route("/api/settings/explain", self.explain),
        ]

    async def file(self, request: Request) -> Response:
        """`GET /api/settings`: the file's lines as they are now, secrets hidden."""
        return json_answer(await asyncio.to_thread(self._file))

    async def changes(self, request: Request) -> Response:
        """`GET /api/settings/changes`: what changed in the settings in force, from what to what, the newest last."""
        found = await asyncio.to_thread(history.read, self._workspace().data)
        return json_answer({"changes": found[-_MOST_CHANGES:]})

    async def keys(self, request: Request) -> Response:
        """`GET /api/settings/keys`: every setting there is."""
        return json_answer({"settings": [_described(one) for one in describe(Workspace)]})

    async def explain(self, request: Request) -> Response:
        """`GET /api/settings/explain?key=…`: meaning, default, value here, and where it was set."""
        key = request.query_params.get("key", "")
        return json_answer(await asyncio.to_thread(self._explain, key))

    def _file(self) -> dict[str, Any]:
        workspace = self._workspace()
        path = workspace.folder / FILE_NAME
        try:
            text = path.read_text("utf-8")
            changed_ms = path.stat().st_mtime_ns // 1_000_000
        except (OSError, UnicodeDecodeError) as error:
            raise ApiError(500, "unreadable", f"{path} cannot be read: {error}") from None
        return {"path": str(path), "changed_ms": changed_ms, "lines": _lines(text, *_secrets_of(workspace))}

    def _explain(self, key: str) -> Any:
        workspace = self._workspace()
        setting = find_setting(key)
        if setting is None and (found := explained.of_destination(workspace, key, is_secret=_is_secret)) is not None:
            return found
        if setting is None:
            hint = nearest(key, [one.key for one in describe(Workspace)])
            message = f"there is no setting {key[:200]}{f'; did you mean {hint}?' if hint else ''}"
            raise ApiError(404, "unknown_setting", message)
        try:
            told = explain(setting, key, workspace, workspace.folder)
        except (OSError, yaml.YAMLError) as error:
            raise ApiError(409, "unreadable", f"{FILE_NAME} cannot be read now: {error}") from None
        if _is_secret(key) and told.value not in (None, "none", "null", "nothing"):
            told.value = HIDDEN
        if key.startswith("functions.") and not setting.is_group:
            told.value = HIDDEN if told.value is not None else None
        return told


def _described(one: Setting) -> dict[str, Any]:
    return {
        "key": one.key,
        "kind": one.kind,
        "default": one.default,
        "meaning": one.meaning,
        "at_start": one.at_start,
        "is_group": one.is_group,
    }


def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key.rpartition(".")[2]) is not None and _PUBLIC.fullmatch(key) is None


def _secrets_of(workspace: Workspace) -> tuple[set[str], tuple[str, ...]]:
    """Return the texts that are held as secrets, and the beginnings of keys of which that cannot be told."""
    unknown: list[str] = []
    found = {one.reveal() for one in (workspace.console.token, workspace.privacy.salt) if one is not None}
    for key, settings in workspace.destinations.items():
        try:
            loaded = registry.load(
                settings.type, settings.settings, where=f"destinations.{key}.settings", folder=workspace.folder
            )
        except TrackwayError:
            unknown.append(f"destinations.{key}.settings.")
            continue
        found.update(loaded.secrets())
    return {one for one in found if len(one) > 2}, tuple(unknown)


def _lines(text: str, secrets: set[str], unknown: tuple[str, ...]) -> list[Line]:
    """Return the lines of the file, the values of secrets replaced by `***`.

    A file that cannot be parsed hides the values of all keys that look like secrets, and the known secrets.
    """
    lines = text.splitlines()
    try:
        node = cast("Any", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
        places = list(_places(node, ""))
    except (yaml.YAMLError, RecursionError):
        places: list[tuple[str, int, Any]] = []
        lines = [_SECRET_LINE.sub(rf"\g<lead>{HIDDEN}", line) for line in lines]
    keys: dict[int, str] = {}
    words: defaultdict[int, set[str]] = defaultdict(set)
    # From the end: what is hidden changes the columns of what follows it in a line.
    for key, number, value in reversed(places):
        keys[number] = key
        words[number].add(key.rpartition(".")[2])
        if isinstance(value, yaml.ScalarNode) and (_is_secret(key) or key.startswith(unknown)):
            _hide(lines, value)
    longest_first = sorted(secrets, key=len, reverse=True)
    shown: list[Line] = []
    for number, line in enumerate(lines):
        shown.append(Line(text=_masked(line, words[number], longest_first), key=keys.get(number, "")))
    return shown


def _masked(line: str, words: set[str], secrets: Sequence[str]) -> str:
    """Return a line without secrets; `words`, the keys in it, are shown although a secret may be part of one."""
    named = "|".join(re.escape(word) for word in words if any(secret in word for secret in secrets))
    # Even parts are between keys, odd ones are keys.
    parts = re.split(rf"((?<![\w.-])(?:{named})(?=[\"']?\s*:(?:\s|$)))", line) if named else [line]
    for i in range(0, len(parts), 2):
        for secret in secrets:
            parts[i] = parts[i].replace(secret, HIDDEN)
    return "".join(parts)


def _places(node: Any, where: str) -> Iterator[tuple[str, int, Any]]:
    """Yield each key with its line, from 0, and the node of its value."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _places(item, f"{where}[]")
    if not isinstance(node, yaml.MappingNode):
        return
    for word, value in cast("list[tuple[Any, Any]]", node.value):
        key = f"{where}.{word.value}" if where else str(word.value)
        yield key, word.start_mark.line, value
        reference = isinstance(value, yaml.MappingNode) and [str(one.value) for one, _ in value.value] in (
            ["env"],
            ["file"],
        )
        if not reference:
            yield from _places(value, key)


def _hide(lines: list[str], value: Any) -> None:
    first, last = value.start_mark, value.end_mark
    if re.fullmatch(r"\$\{\w+\}", value.value) or not value.value:
        return
    if first.line == last.line:
        text = lines[int(first.line)]
        lines[int(first.line)] = text[: int(first.column)] + HIDDEN + text[int(last.column) :]
        return
    lines[first.line] = lines[first.line][: first.column] + HIDDEN
    for number in range(first.line + 1, min(last.line, len(lines) - 1) + 1):
        lines[number] = "" if number < last.line or last.column else lines[number]
