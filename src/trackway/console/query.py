"""Reading query parameters."""

from collections.abc import Mapping

from trackway.console.errors import ApiError


def number(query: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    """Return a whole number from 0 to `most`.

    Raises:
        ApiError: 400, when it is not one.
    """
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) <= most):
        raise ApiError(400, "bad_parameter", f"{name} is a whole number from 0 to {most}, not {text}")
    return int(text)


def truth(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Return a yes or no, written `1` or `0`.

    Raises:
        ApiError: 400, when it is neither.
    """
    text = query.get(name, "")
    if not text:
        return default
    if text not in ("0", "1"):
        raise ApiError(400, "bad_parameter", f"{name} is 0 or 1, not {text}")
    return text == "1"
