"""JSON answers of the API."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response


def json_answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with `value` as JSON; what JSON has no word for is shown as text."""
    return encoded_answer(msgspec.json.encode(value, enc_hook=str), status=status, headers=headers)


def encoded_answer(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON that is already encoded."""
    return Response(body, status_code=status, headers=headers, media_type="application/json")


def error_answer(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Answer with an error that programs tell by `code` and people read in `message`."""
    return json_answer({"code": code, "message": message, **more}, status=status, headers=headers)
