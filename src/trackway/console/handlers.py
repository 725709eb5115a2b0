"""How errors become answers, in the console and in the public playground."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trackway.console.answers import error_answer
from trackway.console.errors import ApiError
from trackway.console.guard import SECURITY_HEADERS


def error_handlers(who: str = "the console") -> dict[Any, Any]:
    """Return Starlette's exception handlers; `who` is named when something breaks."""

    async def broken(_: Request, error: Exception) -> Response:
        # This answer leaves outside of the guard.
        return error_answer(500, "internal", f"{who} failed at this; its log says more", SECURITY_HEADERS)

    return {ApiError: _api_error, HTTPException: _http_error, Exception: broken}


async def unknown_path(request: Request) -> Response:
    """Answer for what the API does not have."""
    raise ApiError(404, "unknown_path", f"the API has no {request.url.path}")


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101  # Starlette's handlers are typed for any exception
    return error_answer(error.status, error.code, error.message, **error.more)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = error.detail.lower().replace(" ", "_")
    return error_answer(error.status_code, code, error.detail, error.headers)
