"""Calls of the usual form, decoded as far as their members; `short_way.py` makes events of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field, json
from msgspec.structs import fields

from trackway.events.memo import Memo

_Text = str | None
"""Absent or null, it says nothing."""
_Replaced = Any
"""What a client says there is replaced, or left out."""
NOT_USUAL = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for other calls."""
_EMPTY = Raw(b"{}")
_LONGEST = 512
"""Bytes of an object that is remembered."""


class Call(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, gc=False):
    """The members of a call and of the event that it becomes; a call that has others goes the long way."""

    type: str | None = None
    message_id: str | int | None = None
    user_id: _Text = None
    anonymous_id: _Text = None
    integrations: Raw = _EMPTY
    context: Raw = _EMPTY
    metadata: Raw | UnsetType = field(name="_metadata", default=UNSET)
    original_timestamp: _Replaced = None
    sent_at: _Text = None
    received_at: _Replaced = None
    timestamp: _Text = None
    channel: _Replaced = None
    write_key: _Replaced = None


class _Track(Call):
    event: str
    open: Raw = field(name="properties", default=_EMPTY)


class _Page(Call):
    name: _Text = None
    category: _Text = None
    open: Raw = field(name="properties", default=_EMPTY)


class _Identify(Call):
    open: Raw = field(name="traits", default=_EMPTY)


class _Group(Call):
    group_id: str
    open: Raw = field(name="traits", default=_EMPTY)


def _event_of(call: type[Call]) -> type[Struct]:
    """Return the struct of the event: the members of the call, all of them to be given, by place."""
    members = [(one.name, Any, field(name=one.encode_name)) for one in fields(call)]
    return msgspec.defstruct(f"Event{call.__name__}", members, gc=False)


class Form(NamedTuple):
    """What the calls of a kind are like."""

    kind: str
    member: str
    """The one that clients fill as they like; in what is decoded it is `open`."""
    decode: Callable[[bytes], Any]
    """Returns a struct of the call's members; raises `NOT_USUAL`. What is `Raw` in it need not be JSON."""
    event: type[Struct]
    """The struct of the event, with the same fields; what is UNSET is not written."""


FORMS = {
    kind: Form(kind, member, json.Decoder(call).decode, _event_of(call))
    for kind, member, call in (
        ("track", "properties", _Track),
        ("page", "properties", _Page),
        ("screen", "properties", _Page),
        ("identify", "traits", _Identify),
        ("group", "traits", _Group),
    )
}
_decode_any = json.Decoder().decode


def _read_object(text: bytes) -> Raw | None:
    try:
        value = _decode_any(text)
    except NOT_USUAL:
        return None
    return _EMPTY if value is None else Raw(text) if type(value) is dict else None


OBJECTS: Memo[bytes, Raw | None] = Memo(_read_object, longest=_LONGEST)
"""Objects of which there are few, such as `integrations`, by their text: an empty one for null, None for no object."""
