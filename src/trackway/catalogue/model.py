"""The catalogue of a source in memory: takes in events, and says what changed and what is remarkable. Pure.

It is bounded whatever comes: in names for each type of call, and in paths of all events together. What goes beyond is
counted, not listed.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from trackway.catalogue.findings import NEW_EVENT, TOO_MANY_NAMES, CatalogueFinding
from trackway.catalogue.shapes import EventShape, Room
from trackway.events.naming_lint import NamingLint
from trackway.events.records import EventRecord, Place
from trackway.workspace.plans.model import MEMBERS

MAX_NAMES = 1_000
"""Of one source and type of call."""
MAX_SOURCE_PATHS = 20_000
"""Of all events of one source."""
MAX_NAME_CHARS = 200


class _Body(msgspec.Struct):
    properties: Any = None
    traits: Any = None


_decode = msgspec.json.Decoder(_Body).decode


class Beyond:
    """Events of one type whose names are not listed."""

    def __init__(self, *, at_ms: int, count: int = 0) -> None:
        self.count = count
        self.first_ms = at_ms
        self.last_ms = at_ms
        self.changed = False

    def add(self, at_ms: int) -> None:
        """Count one."""
        self.count += 1
        self.first_ms, self.last_ms = min(self.first_ms, at_ms), max(self.last_ms, at_ms)
        self.changed = True


class SourceModel:
    """What one source sends."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.shapes: dict[tuple[str, str], EventShape] = {}
        """By type and name; only track, page and screen events have names."""
        self.beyond: dict[str, Beyond] = {}
        """By type."""
        self._names: Counter[str] = Counter()
        self._room = Room(MAX_SOURCE_PATHS)
        self._lint = NamingLint()

    def add(self, event: EventRecord, place: Place) -> list[CatalogueFinding]:
        """Take in an event of this source, and return what is remarkable about it."""
        name = shown_name(event.name)
        found: list[CatalogueFinding] = []
        shape = self.shapes.get((event.type, name))
        if shape is None:
            if self._names[event.type] >= MAX_NAMES:
                return self._add_beyond(event, place)
            found.append(self._finding(event, place, NEW_EVENT))
            found += self._lint_name(event, place)
            shape = self.add_shape(event.type, name, at_ms=event.received_at_ms)
        for news in shape.add(_members(event), event.received_at_ms):
            found.append(self._finding(event, place, news.code, path=news.path, detail=news.detail))
        return found

    def add_shape(self, type_: str, name: str, *, at_ms: int) -> EventShape:
        """Return a new empty shape of an event; for a new name, and for what was stored before."""
        table = MEMBERS[type_][0] if type_ in MEMBERS else ""
        shape = self.shapes[type_, name] = EventShape(table, at_ms=at_ms, room=self._room)
        self._names[type_] += 1
        if type_ == "track":
            self._lint.learn(name)
        return shape

    def changed(self) -> Iterator[tuple[str, str, EventShape]]:
        """Yield the type, name and shape of the events that changed since their changes were taken."""
        return ((type_, name, shape) for (type_, name), shape in self.shapes.items() if shape.changed)

    def _add_beyond(self, event: EventRecord, place: Place) -> list[CatalogueFinding]:
        beyond = self.beyond.get(event.type)
        found: list[CatalogueFinding] = []
        if beyond is None:
            beyond = self.beyond[event.type] = Beyond(at_ms=event.received_at_ms)
            found.append(self._finding(event, place, TOO_MANY_NAMES, detail=f"{MAX_NAMES:,} are listed"))
        beyond.add(event.received_at_ms)
        return found

    def _lint_name(self, event: EventRecord, place: Place) -> list[CatalogueFinding]:
        if event.type != "track":
            return []
        return [
            self._finding(event, place, f"name_{one.code}", detail=one.message, suggestion=one.suggestion)
            for one in self._lint.check(shown_name(event.name))
        ]

    def _finding(
        self,
        event: EventRecord,
        place: Place,
        code: str,
        *,
        path: str = "",
        detail: str = "",
        suggestion: str | None = None,
    ) -> CatalogueFinding:
        return CatalogueFinding(
            at_ms=event.received_at_ms,
            source=self.source,
            type=event.type,
            name=shown_name(event.name),
            path=path,
            code=code,
            detail=detail,
            suggestion=suggestion,
            message_id=event.message_id,
            place=place,
        )


def shown_name(name: str) -> str:
    """Return an event's name as the catalogue lists it: cut, and without NUL, which PostgreSQL cannot keep."""
    return name[:MAX_NAME_CHARS].replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _members(event: EventRecord) -> Any:
    """Return the properties or traits of an event, None if its type has none or they cannot be read."""
    if event.type not in MEMBERS:
        return None
    try:
        return getattr(_decode(event.body), MEMBERS[event.type][0])
    except msgspec.DecodeError:
        # One event must not stop the catalogue: the log would keep everything behind it for ever.
        return None
