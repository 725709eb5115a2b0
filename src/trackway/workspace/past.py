"""A destination as trackway.yaml had it at some time, from what `history` noted of changes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from msgspec import Struct

from trackway.workspace.history import HIDDEN, Entry
from trackway.workspace.load import convert
from trackway.workspace.model import Destination


class Past(Struct, frozen=True):
    """A destination as it was."""

    destination: Destination
    until: str
    """When it became another, ISO 8601, UTC."""
    unknown: list[str]
    """Keys whose value then is not kept, because it may be secret; they have today's, or are left out."""


def destination_at(entries: Sequence[Entry], key: str, now: Destination, at_ms: int) -> Past | None:
    """Return the destination `key` as it was at `at_ms` (epoch milliseconds), None when it is as it was.

    `entries` are the oldest first; `now` is what the file says today.

    Raises:
        WorkspaceError: what it said then is nothing that this version understands.
    """
    later = [one for one in entries if _ms(one.at) > at_ms]
    first = next((one for one in later if key in one.destinations), None)
    if first is None:
        return None
    where = f"destinations.{key}"
    unknown = [
        change.key
        for entry in later
        for change in entry.changes
        if change.key.startswith(f"{where}.settings.") and change.before == HIDDEN
    ]
    then = dict(first.destinations[key])
    then["settings"] = _filled(then["settings"], now.settings, f"{where}.settings", unknown)
    return Past(convert(then, Destination, where=where), first.at, sorted(set(unknown)))


def _filled(then: Any, now: Any, where: str, unknown: list[str]) -> Any:
    """Return settings with today's values for those that are hidden; those that have none now are left out."""
    if not isinstance(then, dict):
        return now if then == HIDDEN else then
    known = cast("dict[Any, Any]", now if isinstance(now, dict) else {})
    filled: dict[Any, Any] = {}
    for key, value in cast("Mapping[Any, Any]", then).items():
        if value == HIDDEN and key not in known:
            unknown.append(f"{where}.{key}")
        else:
            filled[key] = _filled(value, known.get(key), f"{where}.{key}", unknown)
    return filled


def _ms(at: str) -> float:
    return datetime.fromisoformat(at).timestamp() * 1000
