"""What a destination would send for an event, without sending it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml
from msgspec import Struct

from trackway.destinations import kit, registry
from trackway.destinations.destination import Destination, UnreadableAnswer
from trackway.errors import TrackwayError
from trackway.workspace.load import FILE_NAME, WorkspaceError, convert, resolve, unreadable

_MOST_REQUESTS = 20
"""Of one event, should a destination ask without end."""


class Answer(Struct, forbid_unknown_fields=True):
    """What the other side would say to a request whose URL contains `url`."""

    url: str
    json: Any = None
    status: int = 200


class File(Struct, forbid_unknown_fields=True, kw_only=True):
    """A settings file for previews, in YAML."""

    type: str = ""
    name: str = ""
    """The name in an event's `integrations`; default: the destination type's own."""
    settings: dict[str, Any] = {}
    answers: list[Answer] = []
    """To look-ups that come before a write, by the first that fits; default: 200 and `{}`."""


class Preview(Struct, omit_defaults=True):
    """One event's requests, or why there are none."""

    event: Any
    requests: list[dict[str, Any]]
    skipped: str | None = None
    rejected: str | None = None
    detail: str | None = None


def read_file(path: Path) -> File:
    """Return a settings file: `settings:` with `type:` and `answers:` beside it, or the settings alone.

    Secrets and paths are written as in trackway.yaml: `{env: NAME}`, and `{file: PATH}`, relative to the file's folder.

    Raises:
        TrackwayError: it cannot be read, or is not such a file.
    """
    try:
        tree: Any = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrackwayError(unreadable(path, error)) from error
    if not isinstance(tree, dict):
        raise TrackwayError(f"{path}: expected settings such as `settings:` at the top")
    told = cast("dict[str, Any]", tree)
    try:
        told = told if "settings" in told or "type" in told else {"settings": told}
        return convert(resolve(told, path.parent), File, where="")
    except WorkspaceError as error:
        raise _in_file(error, path) from None


def _in_file(error: WorkspaceError, path: Path) -> TrackwayError:
    """Return an error that names the file that was read, not the workspace's."""
    return TrackwayError(str(error).replace(FILE_NAME, str(path), 1))


class Previewer:
    """Renders events for one destination."""

    def __init__(self, destination: Destination, answers: Sequence[Answer] = ()) -> None:
        self._destination = destination
        self._answers = answers

    def show(self, event_id: Any, event: Mapping[str, Any]) -> Preview:
        """Return what would be sent of `event`, known as `event_id`; nothing leaves this machine."""
        found = self._destination.rows(kit.Event.from_json(msgspec.json.encode(event), self._destination.name))
        if isinstance(found, kit.Skipped):
            return Preview(event_id, [], skipped=found.reason)
        if isinstance(found, kit.Rejected):
            return Preview(event_id, [], rejected=found.reason, detail=found.detail or None)
        return self.show_rows(event_id, found)

    def show_rows(self, event_id: Any, found: Sequence[kit.Row]) -> Preview:
        """Return what would be sent of rows that the destination has made of one event."""
        shown = Preview(event_id, [])
        for rows in by_route(found):
            self._add(shown, rows)
        return shown

    def _add(self, shown: Preview, rows: Sequence[kit.Row]) -> None:
        """Add the requests of rows of one route, and their rejection if nothing can be sent of them."""
        if (rejected := rows[0].rejected) is not None:
            shown.rejected, shown.detail = rejected.reason, rejected.detail or None
            return
        steps = self._destination.exchange(rows)
        try:
            request = next(steps)
            for _ in range(_MOST_REQUESTS):
                shown.requests.append(told(request))
                request = steps.send(self._answer(request))
        except StopIteration as done:
            # A made-up answer says nothing about what becomes of rows; only what was never sent is told.
            for outcome in done.value:
                if isinstance(outcome, kit.Rejected) and not shown.requests:
                    shown.rejected, shown.detail = outcome.reason, outcome.detail or None
        except UnreadableAnswer:
            return

    def _answer(self, request: kit.Request) -> kit.Response:
        found = next((one for one in self._answers if one.url in request.url), Answer("", {}))
        return kit.Response(status=found.status, body=msgspec.json.encode(found.json))


def previewer(kind: str, file: File, folder: Path | None = None, *, path: Path | None = None) -> Previewer:
    """Return a previewer for a destination type, also one of the workspace `folder`, with the settings of a file.

    `path` is the file's, for errors.

    Raises:
        TrackwayError: there is no such type, the settings are wrong, or are said to be another type's.
    """
    registry.find(kind, folder)
    if file.type not in ("", kind):
        raise TrackwayError(f"{path or 'the file'} has settings of {file.type}, not of {kind}")
    try:
        found = registry.load(kind, file.settings, name=file.name, where="settings", folder=folder)
    except WorkspaceError as error:
        raise (_in_file(error, path) if path is not None else error) from None
    return Previewer(found, file.answers)


def by_route(rows: Sequence[kit.Row]) -> list[list[kit.Row]]:
    """Return the rows with those of one route together, in order."""
    routes: dict[str, list[kit.Row]] = {}
    for row in rows:
        routes.setdefault(row.route, []).append(row)
    return list(routes.values())


def told(request: kit.Request) -> dict[str, Any]:
    """Return a request as plain data, secrets and all; its body as JSON if it is JSON, else as text."""
    content = request.content()
    headers = dict(request.headers)
    if request.body is None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    body: Any = content.decode("utf-8", "replace") or None
    with suppress(msgspec.DecodeError):
        body = msgspec.json.decode(content)
    return {"method": request.method, "url": request.url, "headers": headers, "body": body}
