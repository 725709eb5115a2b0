"""What the filters of a destination make of an event: left out, or sent with less in it.

Source: Segment's "Destination Filters". Whatever their order in the settings, samples come first, then drops, then
properties that are dropped, then properties that are allowed; all conditions are asked of the event as it came.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from trackway.events import fql
from trackway.events.fql.compiling import read_path
from trackway.events.fql.expressions import Everything, Path, walk
from trackway.events.fql.functions import json_text
from trackway.workspace.governance import DestinationFilter, Fields, Sample

BY_RULES = "FILTERED_BY_RULES"
NO_TRIGGER = "NO_MATCHING_MAPPING"
ALWAYS_KEPT = frozenset({"type", "messageId"})
"""Without these it is no event; no filter takes them out."""

_Event = Mapping[str, Any]
_Test = Callable[[_Event], bool]
_Keys = tuple[str, ...]


class _Change(NamedTuple):
    concerns: _Test
    parent: _Keys
    names: frozenset[str]


class DestinationFilters:
    """The filters and the trigger of one destination, compiled."""

    def __init__(self, filters: Sequence[DestinationFilter], trigger: str = "all") -> None:
        """Compile them.

        Raises:
            FqlError: a query is wrong; queries from a workspace file never are.
        """
        active = [one for one in filters if one.enabled]
        conditions = {one.if_: fql.compile(one.if_) for one in active}
        self._samples = [(conditions[one.if_].matches, one.sample) for one in active if one.sample]
        self._drops = [conditions[one.if_].matches for one in active if one.drop]
        self._dropped = _changes((conditions[one.if_].matches, one.drop_properties) for one in active)
        self._allowed = _changes((conditions[one.if_].matches, one.allow_properties) for one in active)
        self._trigger = fql.compile(trigger)
        judging = [conditions[one.if_] for one in active if one.sample or one.drop]
        self.fields = _first_keys([self._trigger, *judging], self._samples)
        """The top-level fields that `reason` looks at; other fields may be absent from what it is given."""

    @property
    def passes_all(self) -> bool:
        """True when `reason` has none, whatever the event."""
        everything = isinstance(self._trigger.expression, Everything)
        return everything and not (self._samples or self._drops)

    @property
    def changing(self) -> bool:
        """True when `changed` may change an event."""
        return bool(self._dropped or self._allowed)

    def reason(self, event: _Event) -> str | None:
        """Return why an event is not to be sent, or None. A filter that fails on an event keeps it back."""
        try:
            if any(concerns(event) and not in_sample(event, sample) for concerns, sample in self._samples):
                return BY_RULES
            if any(concerns(event) for concerns in self._drops):
                return BY_RULES
            return None if self._trigger.matches(event) else NO_TRIGGER
        except RecursionError:
            return BY_RULES

    def changed(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return the event without what the filters take out; `event` itself stays as it is."""
        dropped = [one for one in self._dropped if one.concerns(event)]
        allowed = [one for one in self._allowed if one.concerns(event)]
        for one in dropped:
            event = _rebuilt(event, one.parent, lambda member, names=one.names: _without(member, names))
        for one in allowed:
            event = _rebuilt(event, one.parent, lambda member, names=one.names: _only(member, names))
        return event


def in_sample(event: _Event, sample: Sample) -> bool:
    """Tell whether an event is in the share that passes: always the same for the same value at the sample's path."""
    first, *others = sample.path.keys
    return share_of(read_path(event.get(first), tuple(others))) < sample.percent


def share_of(value: Any) -> float:
    """Return a number from 0 to below 1, spread evenly: the first 8 bytes of the MD5 of the value's JSON text."""
    digest = hashlib.md5(json_text(value).encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    # 53 bits are what a float holds; more could round up to 1.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def _changes(filters: Iterable[tuple[_Test, Fields]]) -> list[_Change]:
    return [
        _Change(concerns, fql.parse_path(parent) if parent else (), frozenset(names))
        for concerns, fields in filters
        for parent, names in fields.items()
    ]


def _first_keys(queries: list[fql.Filter], samples: list[tuple[_Test, Sample]]) -> frozenset[str]:
    paths = [one.parts for query in queries for one, _ in walk(query.expression) if isinstance(one, Path)]
    return frozenset(keys[0] for keys in [*paths, *(sample.path.keys for _, sample in samples)])


def _rebuilt(value: Any, parent: _Keys, change: Callable[[dict[str, Any]], dict[str, Any]], *, depth: int = 0) -> Any:
    """Return `value` with each object at `parent` replaced by `change` of it; what is not on the way is shared."""
    if isinstance(value, list):
        return [_rebuilt(one, parent, change, depth=depth + 1) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    if not parent:
        changed = change(members)
        return changed if depth else {**{k: v for k, v in members.items() if k in ALWAYS_KEPT}, **changed}
    if parent[0] not in members:
        return members
    return {**members, parent[0]: _rebuilt(members[parent[0]], parent[1:], change, depth=depth + 1)}


def _without(members: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key not in names}


def _only(members: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key in names}
