"""An event's way through a destination's mappings: which ones want it, and the rows that they make of it."""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingOf
from typing import Any

import msgspec
from msgspec import Struct

from trackway.destinations.kit.actions import Action, Mapping, Rows, Unsent, compiled
from trackway.destinations.kit.contract import Event, Rejected, Row, Skipped
from trackway.destinations.kit.outlines import Outline
from trackway.destinations.kit.short_way import Learning, ShortWay, short_way
from trackway.destinations.kit.values import Missing, Unfit
from trackway.events import fql
from trackway.events.fql.expressions import Path, walk

_Raw = msgspec.Raw
_NOTHING = _Raw(b"null")
NO_MATCH = "NO_MATCHING_MAPPING"
_LOOK_AFTER, _PAUSE = 512, 16_384
"""Events after which it is looked whether the short way pays, and how many go without where it did not."""
_DEAR = 0.8
"""Learning an event, as `Learning` counts it, that costs nearly as much as the short way saves."""
_CHOICES_KEPT = 10_000
"""Names of events for which the choice of mappings is remembered."""


class _Ready(Struct, eq=False):
    """A mapping, compiled."""

    name: str
    mapping: Mapping
    action: Action
    wants: Callable[[Any], bool]
    make: Callable[[Any], Any]
    asked: bool = False
    """Whether its short way, if it has one, is compiled: when the first event comes, for many mappings see none."""
    short: ShortWay | None = None


class Mapped:
    """All enabled mappings of a destination, ready for events."""

    def __init__(
        self,
        actions: MappingOf[str, Action],
        mappings: MappingOf[str, Mapping],
        settings: Any,
        *,
        first_match: bool = False,
    ) -> None:
        """`first_match`: an event goes through the first mapping that wants it, in order, instead of through all.

        Raises:
            FqlError: a trigger cannot be read.
        """
        self._settings = settings
        self._first = first_match
        self._ready: list[_Ready] = []
        self._simple = True
        self._chosen: dict[tuple[Any, Any, Any], Sequence[_Ready]] = {}
        for name, mapping in mappings.items():
            if mapping.enabled:
                self._add(name, mapping, actions[mapping.action])
        self.shortens = self._may_shorten()
        """Whether an outline is what events should be read for now: some mapping needs no more, and contexts repeat."""
        self._learning = Learning()
        self._beginning = True
        self._until_look = _LOOK_AFTER

    def rows(self, event: Event) -> Rows:
        """Return the event's rows, or why there are none.

        Where one mapping cannot be sent and others can, its row says so in `rejected`; a mapping that a rule left out
        is only told of when no other made a row.
        """
        self._until_look -= 1
        if self._until_look <= 0:
            self._look()
        outline = event.outline
        if outline is None and self.shortens:
            outline = event.read_outline()
        if outline is None:
            plain = event.json
            chosen = self._choose(plain.get("type"), plain.get("event"), plain.get("name"), plain)
        else:
            chosen = self._choose(outline.type, outline.event, outline.name, None)
        if len(chosen) == 1:
            return self._run(chosen[0], event, outline)
        rows: list[Row] = []
        skipped: Skipped | None = None
        rejected: list[Rejected] = []
        for ready in chosen:
            found = self._run(ready, event, outline)
            if isinstance(found, Rejected):
                rejected.append(found)
            elif isinstance(found, Skipped):
                skipped = skipped or found
            elif isinstance(found, Row):
                rows.append(found)
            else:
                rows.extend(found)
        if not rows:
            return rejected[0] if rejected else skipped or Skipped(NO_MATCH)
        lost = [Row(message_id=event.message_id, value=_NOTHING, route="rejected", rejected=one) for one in rejected]
        return rows + lost

    def _add(self, name: str, mapping: Mapping, action: Action) -> None:
        wants = fql.compile(mapping.trigger)
        paths = {one.parts for one, _ in walk(wants.expression) if isinstance(one, Path)}
        self._simple &= paths <= {("type",), ("event",), ("name",)}
        make = compiled(action, mapping, self._settings, label=name)
        has_none = action.build is not None
        self._ready.append(_Ready(name, mapping, action, wants.matches, make, asked=has_none))

    def _shorten(self, ready: _Ready) -> ShortWay | None:
        ready.short = short_way(ready.action, ready.mapping, self._settings, label=ready.name, learning=self._learning)
        ready.asked = True
        self.shortens = self.shortens and self._may_shorten()
        return ready.short

    def _look(self) -> None:
        """Leave the short way for a while where nearly every context is a new one, and try it again after that."""
        cost, self._learning.cost = self._learning.cost, 0
        self._until_look = _LOOK_AFTER
        if not self.shortens:
            self.shortens, self._beginning = self._may_shorten(), True
        elif self._beginning:  # what is usual has to be learnt once
            self._beginning = False
        elif cost > _DEAR * _LOOK_AFTER:
            self.shortens, self._until_look = False, _PAUSE

    def _may_shorten(self) -> bool:
        return self._simple and any(one.short is not None or not one.asked for one in self._ready)

    def _choose(self, kind: Any, event: Any, name: Any, plain: Any) -> Sequence[_Ready]:
        """Return the mappings that want an event; without its `plain` data its kind and names are all that they ask."""
        if not self._simple:
            return self._asked(plain)
        key = (kind, event, name)
        try:
            chosen = self._chosen.get(key)
        except TypeError:  # a name that is no text
            return self._asked(plain or {"type": kind, "event": event, "name": name})
        if chosen is None:
            if len(self._chosen) >= _CHOICES_KEPT:
                self._chosen.clear()
            chosen = self._chosen[key] = self._asked(plain or {"type": kind, "event": event, "name": name})
        return chosen

    def _asked(self, plain: Any) -> Sequence[_Ready]:
        found = [ready for ready in self._ready if ready.wants(plain)]
        return found[:1] if self._first else found

    def _run(self, ready: _Ready, event: Event, outline: Outline | None) -> Rows:
        action = ready.action
        if outline is not None:
            short = ready.short if ready.asked else self._shorten(ready)
            if short is not None:
                try:
                    made = short(outline)
                except Exception:  # noqa: BLE001  the general way says what is wrong
                    made = None
                if made is not None:
                    return Row(message_id=event.record.message_id, value=_Raw(made), route=action.route)
            self._learning.cost += 1  # what has been read of it is read again
        try:
            made = ready.make(event.json)
        except Missing as lacking:
            return Skipped(f"missing_{lacking}")
        except Unsent as rule:
            return Skipped(str(rule))
        except Unfit as wrong:
            return Rejected("invalid_field", f"{ready.name}: {wrong}")
        if action.build is not None:
            return action.build(self._settings, made, event)
        return Row.of(event, made, route=action.route)
