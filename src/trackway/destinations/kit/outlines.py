"""An event read but for its context: that stays bytes, since many events have the same one.

The page is cut out of it, since a visitor goes on to another page with the same browser: what is left is the same.
"""

import secrets
from typing import Any, TypeAlias, cast

import msgspec
from msgspec import Raw, Struct, field, json

Rest: TypeAlias = tuple[bytes, bytes]
"""A context but for the member that is its page, which stood between."""
Context: TypeAlias = tuple[bytes, Rest | None, bytes]
"""JSON text, `b""` if there is none; then its rest and what may be its page without the braces, or None and `b""`."""
_PAGE = b'"page":{'
"""Behind it, up to the next brace, stands what may be a page; whether it is one, the rest says."""
_STAND_IN = secrets.token_hex(16)
"""Put where a page was: what was there is the page only if this is read back as that."""
_STAND_IN_TEXT = b'"page":"%s"' % _STAND_IN.encode()


class Outline(Struct, rename="camel", gc=False, eq=False):
    """The members of an event that mappings ask for, in the order of most events; absent or null ones are None."""

    event: Any = None
    properties: Any = None
    type: Any = None
    message_id: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    integrations: Any = None
    raw_context: Raw = field(name="context", default=Raw(b""))
    metadata: Any = field(name="_metadata", default=None)
    received_at: Any = None
    timestamp: Any = None
    name: Any = None
    category: Any = None
    traits: Any = None
    group_id: Any = None
    previous_id: Any = None

    @property
    def context(self) -> Context:
        """The context, cut."""
        text = bytes(self.raw_context)
        before, page, after = text.partition(_PAGE)
        if not page:
            return text, None, b""
        page, _, after = after.partition(b"}")
        return text, (before, after), page


ATTRIBUTES = {one.encode_name: one.name for one in msgspec.structs.fields(Outline)}
"""The attribute of an `Outline` by the member's name in an event."""
_decode = json.Decoder(Outline).decode
_decode_any = json.Decoder().decode


def read_outline(body: bytes) -> Outline | None:
    """Return an event's outline; None if it cannot be read."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def without_page(rest: Rest) -> dict[str, Any] | None:
    """Return a context as plain data, but for its page; None if what was cut out was something else.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it cannot be read.
    """
    before, after = rest
    found = _decode_any(before + _STAND_IN_TEXT + after)
    if not isinstance(found, dict):
        return None
    context = cast("dict[str, Any]", found)
    return context if context.pop("page", None) == _STAND_IN else None
