"""Reading what a request's body says, in bounds."""

from typing import TypeVar

import msgspec
from starlette.requests import Request

from trackway.console.errors import ApiError

T = TypeVar("T")
MAX_BODY = 512 * 1024


async def read_json(request: Request, kind: type[T], *, most_bytes: int = MAX_BODY) -> T:
    """Return the JSON body of a request as a `kind`.

    Raises:
        ApiError: 415 for another content type, 413 for too much, 400 with the place for what is no `kind`.
    """
    # A form on a foreign page cannot send this type without asking us first.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ApiError(415, "not_json", "send the request's body as application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise ApiError(413, "too_large", f"the request's body has more than {most_bytes:,} bytes")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, "bad_request", f"the request's body is not as documented: {error}") from None
