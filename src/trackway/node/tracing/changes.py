"""What differs between two JSON values, place by place."""

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, Struct, UnsetType


class Change(Struct, frozen=True, omit_defaults=True):
    """One place of an event that became another; an absent side says that the place was not there."""

    pointer: str
    """JSON pointer (RFC 6901)."""
    before: Any | UnsetType = UNSET
    after: Any | UnsetType = UNSET


def changes(before: Any, after: Any) -> list[Change]:
    """Return where two values differ, in the order of the earlier one, then what is new.

    Objects are compared member by member, arrays of one length item by item; anything else differs as a whole.
    """
    return list(_differences("", before, after))


def _differences(pointer: str, before: Any, after: Any) -> Iterator[Change]:
    if _are(dict, before, after):
        yield from _in_objects(pointer, before, after)
    elif _are(list, before, after) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(f"{pointer}/{number}", one, other)
    elif type(before) is not type(after) or before != after:
        yield Change(pointer, before, after)


def _are(kind: type, *values: object) -> bool:
    return all(isinstance(value, kind) for value in values)


def _in_objects(pointer: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for name, value in before.items():
        place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name in after:
            yield from _differences(place, value, after[name])
        else:
            yield Change(place, before=value)
    for name, value in after.items():
        if name not in before:
            yield Change(f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", after=value)
