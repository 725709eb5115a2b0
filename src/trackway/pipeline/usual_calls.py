"""Calls of the usual form, decoded as far as their members; `short_way.py` makes events of them."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field, json

from trackway.events.memo import Memo

_Text = str | None | UnsetType
"""Absent, null or empty, it says nothing."""
_Object = Raw | UnsetType
_Replaced = Any
"""What a client says there is replaced, or left out."""
NOT_USUAL = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for other calls."""
EMPTY = Raw(b"{}")
_LONGEST = 512
"""Bytes of an object that is remembered."""


class Call(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, gc=False):
    """The members of a call; changed to those of the event that it becomes, and written as that.

    One struct for all kinds, since Python is quickest with attributes that are always of the same type. What is
    UNSET is not written. What is `Raw` need not be JSON. A call that has other members goes the long way.
    """

    event: str | UnsetType = UNSET
    name: _Text = UNSET
    category: _Text = UNSET
    group_id: str | UnsetType = UNSET
    properties: _Object = UNSET
    traits: _Object = UNSET
    type: str | None = None
    message_id: str | int | None = None
    user_id: _Text = UNSET
    anonymous_id: _Text = UNSET
    integrations: Raw = EMPTY
    context: Raw = EMPTY
    metadata: _Object = field(name="_metadata", default=UNSET)
    original_timestamp: _Replaced = UNSET
    sent_at: _Text = UNSET
    received_at: _Replaced = UNSET
    timestamp: str | None = None
    channel: _Replaced = UNSET
    write_key: _Replaced = UNSET


decode_call = json.Decoder(Call).decode
"""Raises `NOT_USUAL`."""


def _name_track(call: Call) -> str | None:
    if call.event is UNSET or not (call.name is call.category is call.group_id is call.traits is UNSET):
        return None
    return call.event


def _name_page(call: Call) -> str | None:
    if not (call.event is call.group_id is call.traits is UNSET):
        return None
    # They are left out where they say nothing.
    if not call.category:
        call.category = UNSET
    if call.name:
        return call.name
    call.name = UNSET
    return ""


def _name_identify(call: Call) -> str | None:
    return "" if call.event is call.name is call.category is call.group_id is call.properties is UNSET else None


def _name_group(call: Call) -> str | None:
    if call.group_id is UNSET or not (call.event is call.name is call.category is call.properties is UNSET):
        return None
    return ""


NAMES: dict[str, Callable[[Call], str | None]] = {
    "track": _name_track,
    "page": _name_page,
    "screen": _name_page,
    "identify": _name_identify,
    "group": _name_group,
}
"""By kind what returns the name that a list shows; None for calls with members that theirs have not."""
_decode_any = json.Decoder().decode


def _read_object(text: bytes) -> Raw | None:
    try:
        value = _decode_any(text)
    except NOT_USUAL:
        return None
    return EMPTY if value is None else Raw(text) if type(value) is dict else None


OBJECTS: Memo[bytes, Raw | None] = Memo(_read_object, longest=_LONGEST)
"""Objects of which there are few, such as `integrations`, by their text: an empty one for null, None for no object."""
