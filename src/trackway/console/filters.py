"""The part of the API that reads filters: `GET /api/filter` says whether one is understood."""

from starlette.requests import Request
from starlette.responses import Response

from trackway.console.answers import json_answer
from trackway.console.errors import ApiError
from trackway.events import fql

MAX_CHARS = 10_000


def compiled(where: str) -> fql.Filter:
    """Return the filter that a query parameter asks for.

    Raises:
        ApiError: 400 `bad_filter` with `position`, the character where it is not understood.
    """
    if len(where) > MAX_CHARS:
        raise ApiError(400, "bad_filter", f"a filter has at most {MAX_CHARS} characters", position=MAX_CHARS)
    try:
        return fql.compile(where)
    except fql.FqlError as error:
        raise ApiError(400, "bad_filter", error.problem, position=error.position) from None


async def check(request: Request) -> Response:
    """`GET /api/filter?where=…`: `{"ok": true}`, or the problem and the character where it is."""
    try:
        compiled(request.query_params.get("where", ""))
    except ApiError as error:
        return json_answer({"ok": False, "problem": error.message, **error.more})
    return json_answer({"ok": True})
