"""Asking the running server; and for a question to the warehouse who can answer it, the server or the file itself."""

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from typing import Any

import msgspec
from msgspec import Struct

from trackway.cli.options import console_url
from trackway.errors import TrackwayError
from trackway.warehouse.contract import QueryResult
from trackway.workspace import Workspace

Ask = Callable[[str, int], QueryResult]
"""Answer a statement with at most so many rows; raises TrackwayError with what is wrong."""
_TIMEOUT_S = 45.0
"""Longer than the server gives a query, so that it is the server that says why."""
_LONGEST_S = 3600.0


class NoAnswer(TrackwayError):
    """No server answers at the console's address."""


class _Column(Struct):
    name: str
    type: str


class _Answer(Struct):
    columns: list[_Column]
    rows: list[list[Any]]
    truncated: bool
    duration_ms: float


class _Trouble(Struct):
    code: str = ""
    message: str = ""


@contextlib.contextmanager
def open_warehouse(settings: Workspace, name: str | None = None) -> Generator[Ask]:
    """Give a function that answers questions: asked of the running server, or of the database while none runs.

    `name` is the warehouse's; default: the first that is switched on.

    Raises:
        TrackwayError: there is neither.
    """
    if name is not None and name not in settings.warehouses:
        raise TrackwayError(f"there is no warehouse {name} in trackway.yaml, but {', '.join(settings.warehouses)}")
    try:
        ask_console(settings, "select 1", 1, warehouse=name)
    except NoAnswer:
        pass
    else:
        yield lambda sql, limit: ask_console(settings, sql, limit, warehouse=name)
        return
    chosen = name or next((key for key, one in settings.warehouses.items() if one.enabled), None)
    if chosen is None:
        raise TrackwayError("no warehouse is switched on in trackway.yaml")
    from trackway.warehouse.opening import open_reader

    with contextlib.closing(open_reader(settings, chosen)) as opened:
        yield lambda sql, limit: opened.query(sql, limit=limit, timeout_s=_LONGEST_S)


def ask_console(settings: Workspace, sql: str, limit: int, *, warehouse: str | None = None) -> QueryResult:
    """Return the running server's answer to one statement; `warehouse` names the one to ask, else it is the first.

    Raises:
        NoAnswer: no server answers.
        TrackwayError: it refuses the token or the statement; the message is for whoever wrote it.
    """
    question = {"sql": sql, "limit": limit} | ({} if warehouse is None else {"warehouse": warehouse})
    answered = fetch(settings, "/api/sql", msgspec.json.encode(question))
    try:
        answer = msgspec.json.decode(answered, type=_Answer)
    except msgspec.MsgspecError as error:
        raise TrackwayError(f"{console_url(settings)} is not this workspace's console: {error}") from error
    return QueryResult(
        columns=[column.name for column in answer.columns],
        types=[column.type for column in answer.columns],
        rows=answer.rows,
        truncated=answer.truncated,
        duration_s=answer.duration_ms / 1000,
    )


def fetch(settings: Workspace, path: str, body: bytes | None = None) -> bytes:
    """Return the console's answer to a request of `path`: a GET, or a POST of the JSON in `body`.

    Raises:
        NoAnswer: no server answers.
        TrackwayError: it refuses the token or what is asked; the message is for whoever asked.
    """
    token = _token(settings)
    if token is None:
        raise NoAnswer("the server has never run here")
    request = urllib.request.Request(  # noqa: S310 - always http, from trackway.yaml
        f"{console_url(settings)}{path}",
        data=body,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    # A proxy from the environment has no business between this machine and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        raise TrackwayError(_complaint(error, settings)) from error
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{console_url(settings)} does not answer: {error}") from error


def _token(settings: Workspace) -> str | None:
    if settings.console.token:
        return settings.console.token.reveal()
    try:
        return (settings.data / "console-token").read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrackwayError(f"the console's token cannot be read: {error.strerror}: {error.filename}") from error


def _complaint(error: urllib.error.HTTPError, settings: Workspace) -> str:
    try:
        trouble = msgspec.json.decode(error.read(), type=_Trouble)
    except (msgspec.MsgspecError, OSError):
        trouble = _Trouble()
    if error.code == 401:
        return (
            f"the server at {console_url(settings)} takes another token: it seems to run on another workspace "
            f"than {settings.folder}; name that with --workspace"
        )
    return trouble.message or f"the server answers with status {error.code}"
