"""Counts of events and of what became of them, by type, name and release of the app: to find the bad one.

Nothing of this is kept while events go their way. It is counted when somebody asks, from the log, with what the
destinations have written down of events that were not delivered; an event below a destination's cursor of which nothing
is written down was. Counts of events whose exceptions retention took are so as well, as in a trace.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct
from sqlalchemy import Engine, literal, select

from trackway.events.records import EVENTS, QUARANTINE
from trackway.log.contract import EventLog
from trackway.node.breakdown.reading import Asked, Kind, Part, Reading, Tally
from trackway.node.quarantine.found import released_places
from trackway.node.replaying import first_at
from trackway.state.tables import cursors, deferred, exceptions

PART_RECORDS = 20_000
MOST_ROWS = 3_000
"""Beyond, the rarest kinds of a source are one row."""
MOST_HELD = 20_000
"""Kinds counted apart; whoever makes up a name for each event has no more."""
FURTHER = "\N{HORIZONTAL ELLIPSIS}"
"""Type, name and version of such a row."""


class Wish(Struct, frozen=True, kw_only=True):
    """Which calls; an empty member asks nothing."""

    destinations: list[str] = []
    """What became of them where; none: only what came is counted."""
    from_ms: int | None = None
    """Received at or after."""
    source: str = ""
    where: str = ""
    """A filter in FQL."""


class Ends(Struct, kw_only=True, omit_defaults=True):
    """What became of events at a destination. All together are the events."""

    delivered: int = 0
    discarded: dict[str, int] = {}
    """By reason, as is `failed`."""
    failed: dict[str, int] = {}
    retrying: int = 0
    pending: int = 0
    earlier: int = 0
    """Came before the destination's first start."""


class Row(Struct, kw_only=True, omit_defaults=True):
    """Calls of one kind."""

    source: str
    type: str
    name: str
    version: str
    events: int = 0
    violating: int = 0
    """Events with at least one violation of their plan."""
    violations: dict[str, int] = {}
    """Events by code; one may have several."""
    refused: dict[str, int] = {}
    """Calls in quarantine that were not let out, by reason; they are no events."""
    destinations: dict[str, Ends] = {}


class Breakdown(Struct, kw_only=True):
    """The answer to a wish."""

    rows: list[Row]
    """The most frequent first; with more kinds than `MOST_ROWS`, the last have the rest of each source."""
    looked_at: int
    """Records of the log."""


class Progress(Protocol):
    """Hears how far it is."""

    def begin(self, total: int) -> None:
        """There are so many records to look at."""
        ...

    def advance(self, count: int) -> None:
        """So many more were looked at; may raise to end the work."""
        ...


def break_down(log: EventLog, engine: Engine, wish: Wish, progress: Progress) -> Breakdown:
    """Return the counts of what the clean log and the state have now.

    Raises:
        FqlError: the filter is wrong.
    """
    reading = Reading(log, Asked(wish.from_ms, wish.source, wish.where))
    state = _State(engine, wish.destinations)
    parts = list(_parts(log, state, wish.from_ms))
    total = sum(part.end - part.first for part in parts)
    progress.begin(total)
    counts = _Counts(state)
    for part in parts:
        counts.add(part, reading)
        progress.advance(part.end - part.first)
    return Breakdown(rows=counts.rows(), looked_at=total)


class _Odd(NamedTuple):
    """An event that was not delivered."""

    destination: str
    offset: int
    outcome: str
    reason: str


class _State:
    """What the destinations have written down, and which calls were let out of quarantine."""

    def __init__(self, engine: Engine, destinations: Sequence[str]) -> None:
        self._engine = engine
        self.destinations = destinations
        self.released: defaultdict[int, set[int]] = defaultdict(set)
        for place in released_places(engine):
            self.released[place.partition].add(place.offset)
        with engine.connect() as connection:
            mine = select(cursors).where(cursors.c.topic == EVENTS, cursors.c.destination.in_(destinations))
            self.spans = {
                (row.destination, row.partition): (row.start_offset, row.next_offset)
                for row in connection.execute(mine)
            }

    def odd(self, part: Part) -> list[_Odd]:
        """Return what is written down of a part of the events."""
        here = exceptions.c
        query = select(here.destination, here.offset, here.outcome, here.reason).where(
            here.destination.in_(self.destinations),
            here.partition == part.partition,
            here.offset >= part.first,
            here.offset < part.end,
        )
        there = deferred.c
        waiting = select(there.destination, there.offset, literal("retrying"), literal("")).where(
            there.destination.in_(self.destinations),
            there.partition == part.partition,
            there.offset >= part.first,
            there.offset < part.end,
        )
        with self._engine.connect() as connection:
            return [_Odd(*row) for asked in (query, waiting) for row in connection.execute(asked)]

    def edges(self, partition: int) -> set[int]:
        """Return where a destination begins, or stands."""
        return {edge for (_, of), span in self.spans.items() if of == partition for edge in span}


def _parts(log: EventLog, state: _State, from_ms: int | None) -> Iterator[Part]:
    """Yield what there is to look at; no destination begins, or stands, within a part."""
    for topic in (EVENTS, QUARANTINE):
        starts = log.starts(topic)
        for partition, head in log.heads(topic).items():
            first = first_at(log, topic, partition, starts.get(partition, 0), head, from_ms)
            edges = {edge for edge in state.edges(partition) if first < edge < head} if topic == EVENTS else set[int]()
            ends = sorted({*range(first + PART_RECORDS, head, PART_RECORDS), *edges, head})
            for end in ends:
                if first < end:
                    yield Part(topic, partition, first, end)
                    first = end


class _Counts:
    """Adds up tallies."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self._rows: dict[Kind, Row] = {}

    def add(self, part: Part, reading: Reading) -> None:
        """Take in a part."""
        if part.topic == QUARANTINE:
            for (kind, reason), number in reading.refused(part, self._state.released[part.partition]).items():
                _count(self._row(kind).refused, reason, number)
            return
        odd = self._state.odd(part)
        found = reading.events(part, {one.offset for one in odd})
        for kind, number in found.calls.items():
            self._row(kind).events += number
        for kind, number in found.violating.items():
            self._row(kind).violating += number
        for (kind, code), number in found.codes.items():
            _count(self._row(kind).violations, code, number)
        by_destination: defaultdict[str, list[_Odd]] = defaultdict(list)
        for one in odd:
            by_destination[one.destination].append(one)
        for key in self._state.destinations:
            self._add_ends(key, part, by_destination[key], found)

    def _add_ends(self, key: str, part: Part, odd: Iterable[_Odd], found: Tally) -> None:
        start, following = self._state.spans.get((key, part.partition), (0, 0))
        name = "earlier" if part.end <= start else "pending" if part.first >= following else "delivered"
        for kind, number in found.calls.items():
            ends = self._row(kind).destinations.setdefault(key, Ends())
            setattr(ends, name, getattr(ends, name) + number)
        if name != "delivered":
            return
        for one in odd:
            kind = found.at.get(one.offset)
            if kind is None:
                continue
            ends = self._row(kind).destinations[key]
            ends.delivered -= 1
            if one.outcome == "retrying":
                ends.retrying += 1
            else:
                _count(ends.failed if one.outcome == "failed" else ends.discarded, one.reason, 1)

    def _row(self, kind: Kind) -> Row:
        found = self._rows.get(kind)
        if found is None:
            if len(self._rows) >= MOST_HELD:
                kind = Kind(kind.source, FURTHER, FURTHER, FURTHER)
                if kind in self._rows:
                    return self._rows[kind]
            source, type_, name, version = kind
            found = self._rows[kind] = Row(source=source, type=type_, name=name, version=version)
        return found

    def rows(self) -> list[Row]:
        """Return all rows, the most frequent first; the rest of many as one for each source."""
        rest = {row.source: row for row in self._rows.values() if row.type == FURTHER}
        told = (row for row in self._rows.values() if row.type != FURTHER)
        rows = sorted(told, key=lambda row: -(row.events + sum(row.refused.values())))
        for row in rows[MOST_ROWS:]:
            into = rest.setdefault(row.source, Row(source=row.source, type=FURTHER, name=FURTHER, version=FURTHER))
            _merge(into, row)
        return rows[:MOST_ROWS] + list(rest.values())


def _merge(into: Row, row: Row) -> None:
    into.events += row.events
    into.violating += row.violating
    for counts, more in ((into.violations, row.violations), (into.refused, row.refused)):
        for reason, number in more.items():
            _count(counts, reason, number)
    for key, ends in row.destinations.items():
        total = into.destinations.setdefault(key, Ends())
        for name in ("delivered", "retrying", "pending", "earlier"):
            setattr(total, name, getattr(total, name) + getattr(ends, name))
        for counts, more in ((total.discarded, ends.discarded), (total.failed, ends.failed)):
            for reason, number in more.items():
                _count(counts, reason, number)


def _count(counts: dict[str, int], key: str, number: int) -> None:
    counts[key] = counts.get(key, 0) + number
