"""What delivery keeps in the state database. Every call blocks, and is one transaction but for `write`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct, field
from msgspec.structs import astuple
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from trackway.delivery.items import Deferred, End, Parked, read_offsets
from trackway.events.records import EVENTS, Place
from trackway.state import Writing, upsert, writing
from trackway.state.tables import attempts, claims, cursors, deferred, destinations, exceptions, retries, tallies

Tally = tuple[str, str, str]
"""Source, outcome, reason."""


class Exceptional(Struct):
    """An event that ended otherwise than delivered."""

    partition: int
    offset: int
    message_id: str
    source: str
    end: End


class Attempt(Struct, gc=False):
    """A row for the table of attempts, without the destination."""

    started_ms: int
    duration_ms: int
    status: int | None
    outcome: str
    reason: str
    answer: str
    count: int
    """Of events, as are the offsets."""
    partition: int
    first_offset: int
    last_offset: int
    offsets: str | None
    idempotency_key: str


class Claim(Struct):
    """A batch that may have been sent."""

    partition: int
    first_offset: int
    last_offset: int
    offsets: str
    delivered: bool = False
    """All of it, for certain."""


class Changes(Struct):
    """What happened since the last commit."""

    at_ms: int
    cursors: dict[int, int] = field(default_factory=dict[int, int])
    tallies: dict[Tally, int] = field(default_factory=dict[Tally, int])
    exceptional: list[Exceptional] = field(default_factory=list[Exceptional])
    parked: list[Parked] = field(default_factory=list[Parked])
    unparked: list[Place] = field(default_factory=list[Place])
    """Places of parked events that have ended."""
    deferred: list[Deferred] = field(default_factory=list[Deferred])
    undeferred: list[Place] = field(default_factory=list[Place])
    """Places of deferred events that have ended, or are parked."""
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    claims: list[Claim] = field(default_factory=list[Claim])
    delivered: list[Place] = field(default_factory=list[Place])
    """The first places of claimed batches that were delivered wholly."""
    taken: list[Place] = field(default_factory=list[Place])
    """Events that were delivered; only for stores that want to know."""

    def count(self, source: str, end: End, number: int = 1) -> None:
        """Add to the tallies."""
        key = (source, end.outcome, end.reason)
        self.tallies[key] = self.tallies.get(key, 0) + number


class Standing(NamedTuple):
    """Where a destination goes on."""

    cursors: dict[int, int]
    claims: list[tuple[int, list[int]]]
    """Partition and offsets of batches that may have been sent, as far as they are above the cursor or deferred."""
    delivered: set[Place]
    """Events above the cursor that need not be sent again."""
    deferred: list[tuple[int, str, int]]
    """Partition, person and number of events below the cursor that wait for others of the person."""


class Store:
    """The state of one destination."""

    wants_taken = False
    """Whether each delivered event is to be told; else it is one below the cursor that is no exception."""

    def __init__(self, engine: Engine, destination: str) -> None:
        self.engine = engine
        self._destination = destination
        self._claims = False
        """True once it may have claims."""

    def open(self, beginning: Mapping[int, int], now_ms: int) -> Standing:
        """Return where the destination stands; a new one begins at `beginning`, other partitions at their start."""
        with writing(self.engine) as connection:
            known = select(destinations.c.started_ms).where(destinations.c.destination == self._destination)
            if connection.execute(known).first() is None:
                connection.execute(insert(destinations), {"destination": self._destination, "started_ms": now_ms})
                rows = [self._cursor(partition, head, start=head) for partition, head in beginning.items()]
                upsert(connection, cursors, rows)
            found = connection.execute(
                select(cursors.c.partition, cursors.c.next_offset).where(
                    cursors.c.destination == self._destination, cursors.c.topic == EVENTS
                )
            )
            position = {row.partition: row.next_offset for row in found}
            standing = Standing(position, [], set(), self._deferred(connection))
            mine = select(claims).where(claims.c.destination == self._destination)
            for row in connection.execute(mine.order_by(claims.c.first_offset)):
                self._claims = True
                first = position.get(row.partition, 0)
                late = self._deferred_within(connection, row) if standing.deferred else set[int]()
                offsets = [offset for offset in read_offsets(row.offsets) if offset >= first or offset in late]
                if row.delivered:
                    standing.delivered.update(Place(row.partition, offset) for offset in offsets)
                else:
                    standing.claims.append((row.partition, offsets))
            return standing

    def write(self, connection: Connection, changes: Changes) -> None:
        """Write all of `changes` in the transaction of `connection`."""
        key = self._destination
        self._claims = self._claims or bool(changes.claims)
        _CLAIMS.write(connection, [(key, *astuple(claim)) for claim in changes.claims])
        self._note_delivered(connection, changes.delivered)
        # A partition without a row came into being after the destination, so it began at 0.
        moved = [(key, EVENTS, partition, 0, offset) for partition, offset in changes.cursors.items()]
        _CURSORS.write(connection, moved)
        counted = [(key, *tally, number) for tally, number in changes.tallies.items()]
        _TALLIES.write(connection, counted)
        _ATTEMPTS.write(connection, [(key, *astuple(attempt)) for attempt in changes.attempts])
        self._delete(connection, changes.unparked, (retries, exceptions))
        _EXCEPTIONS.write(connection, [_row(key, item, changes.at_ms) for item in changes.exceptional])
        _RETRIES.write(connection, [(key, *astuple(item)) for item in changes.parked])
        _DEFERRED.write(connection, [(key, *one) for one in changes.deferred])
        self._delete(connection, changes.undeferred, (deferred,))
        for partition, offset in changes.cursors.items() if self._claims else ():
            connection.execute(delete(claims).where(claims.c.destination == key, _is_over(partition, offset)))
        self._note_more(connection, changes)

    def due(self, now_ms: int, limit: int) -> list[Parked]:
        """Return parked events whose time has come, those that wait longest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(*_PARKED)
                .where(retries.c.destination == self._destination, retries.c.next_at_ms <= now_ms)
                .order_by(retries.c.next_at_ms, retries.c.partition, retries.c.offset)
                .limit(limit)
            )
            return [Parked(*row) for row in rows]

    def next_due_ms(self) -> int | None:
        """Return when the next parked event is to be tried, or None when none is parked."""
        with self.engine.connect() as connection:
            mine = retries.c.destination == self._destination
            return connection.execute(select(func.min(retries.c.next_at_ms)).where(mine)).scalar()

    def deferred_after(self, partition: int, person: str, offset: int, limit: int) -> list[Parked]:
        """Return a person's first deferred events after `offset`."""
        table = deferred.c
        mine = table.destination == self._destination, table.partition == partition, table.person == person
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(table.offset, table.message_id, table.source)
                .where(*mine, table.offset > offset)
                .order_by(table.offset)
                .limit(limit)
            )
            return [Parked(partition, row.offset, row.message_id, row.source, 0, 0, "") for row in rows]

    def held_from(self, position: Mapping[int, int]) -> dict[int, int]:
        """Return from where on the log is needed: `position`, or the first deferred event."""
        found = dict(position)
        with self.engine.connect() as connection:
            for partition in position:
                mine = deferred.c.destination == self._destination, deferred.c.partition == partition
                first = connection.execute(select(func.min(deferred.c.offset)).where(*mine)).scalar()
                if first is not None:
                    found[partition] = min(found[partition], first)
        return found

    def _deferred_within(self, connection: Connection, claim: Row[Any]) -> set[int]:
        """Return the deferred events among those that a claim may have."""
        place = deferred.c.destination == self._destination, deferred.c.partition == claim.partition
        span = deferred.c.offset.between(claim.first_offset, claim.last_offset)
        return set(connection.execute(select(deferred.c.offset).where(*place, span)).scalars())

    def _deferred(self, connection: Connection) -> list[tuple[int, str, int]]:
        by = deferred.c.partition, deferred.c.person
        mine = deferred.c.destination == self._destination
        found = connection.execute(select(*by, func.count()).where(mine).group_by(*by))
        return [(partition, person, number) for partition, person, number in found]

    def _note_more(self, connection: Connection, changes: Changes) -> None:
        """Write what a kind of store keeps besides, in the same transaction."""

    def _note_delivered(self, connection: Connection, places: Sequence[Place]) -> None:
        if places:
            place = and_(
                claims.c.destination == self._destination,
                claims.c.partition == bindparam("at"),
                claims.c.first_offset == bindparam("number"),
            )
            values = [{"at": partition, "number": offset} for partition, offset in places]
            connection.execute(update(claims).where(place).values(delivered=True), values)

    def _delete(self, connection: Connection, places: Sequence[Place], tables: Sequence[Table]) -> None:
        values = [{"of": self._destination, "at": partition, "number": offset} for partition, offset in places]
        for table in tables if values else ():
            place = and_(
                table.c.destination == bindparam("of"),
                table.c.partition == bindparam("at"),
                table.c.offset == bindparam("number"),
            )
            connection.execute(delete(table).where(place), values)

    def _cursor(self, partition: int, offset: int, *, start: int) -> dict[str, Any]:
        return {
            "destination": self._destination,
            "topic": EVENTS,
            "partition": partition,
            "start_offset": start,
            "next_offset": offset,
        }


def _is_over(partition: int, cursor: int) -> ColumnElement[bool]:
    """Say of claims whether all their events have ended: below the cursor, and none deferred."""
    late = exists().where(
        deferred.c.destination == claims.c.destination,
        deferred.c.partition == claims.c.partition,
        deferred.c.offset.between(claims.c.first_offset, claims.c.last_offset),
    )
    return and_(claims.c.partition == partition, claims.c.last_offset < cursor, ~late)


def destinations_due(engine: Engine, now_ms: int) -> set[str]:
    """Return the destinations that have parked events whose time has come."""
    with engine.connect() as connection:
        due = select(retries.c.destination).where(
            retries.c.destination == destinations.c.destination, retries.c.next_at_ms <= now_ms
        )
        return set(connection.execute(select(destinations.c.destination).where(due.exists())).scalars())


def prune(engine: Engine, *, before_ms: int, attempts_kept: int, most: int = 5000) -> bool:
    """Delete up to `most` of the oldest attempts and of each destination's exceptions; return whether there are more.

    Attempts go when they are older than `before_ms` or not among the last `attempts_kept`; exceptions when they are
    older than `before_ms`, unless their event still waits for another try. Tallies stay.
    """
    with writing(engine) as connection:
        more = _prune_attempts(connection, before_ms, attempts_kept, most)
        for destination in connection.execute(select(destinations.c.destination)).scalars().all():
            for outcome in ("discarded", "failed"):
                more |= _prune_exceptions(connection, destination, outcome, before_ms, most)
    return more


def _prune_attempts(connection: Connection, before_ms: int, kept: int, most: int) -> bool:
    newest = connection.execute(select(func.max(attempts.c.id))).scalar() or 0
    oldest = select(attempts.c.id, attempts.c.started_ms).order_by(attempts.c.id).limit(most)
    old = [row.id for row in connection.execute(oldest) if row.id <= newest - kept or row.started_ms < before_ms]
    if old:
        connection.execute(delete(attempts).where(attempts.c.id <= old[-1]))
    return len(old) == most


def _prune_exceptions(connection: Connection, destination: str, outcome: str, before_ms: int, most: int) -> bool:
    old = and_(exceptions.c.destination == destination, exceptions.c.outcome == outcome, exceptions.c.at_ms < before_ms)
    times = select(exceptions.c.at_ms).where(old).order_by(exceptions.c.at_ms).offset(most).limit(1)
    until_ms = connection.execute(times).scalar()
    within = old if until_ms is None else and_(old, exceptions.c.at_ms <= until_ms)
    connection.execute(delete(exceptions).where(within))
    return until_ms is not None


_PARKED = (
    retries.c.partition,
    retries.c.offset,
    retries.c.message_id,
    retries.c.source,
    retries.c.tries,
    retries.c.next_at_ms,
    retries.c.reason,
)


_CLAIMS = Writing(claims, ("destination", *Claim.__struct_fields__))
_CURSORS = Writing(
    cursors, ("destination", "topic", "partition", "start_offset", "next_offset"), keep=("start_offset",)
)
_TALLIES = Writing(tallies, ("destination", "source", "outcome", "reason", "count"), add=("count",))
_ATTEMPTS = Writing(attempts, ("destination", *Attempt.__struct_fields__))
_EXCEPTIONS = Writing(exceptions, tuple(exceptions.c.keys()))
_DEFERRED = Writing(deferred, ("destination", *Deferred._fields))
_RETRIES = Writing(retries, ("destination", *Parked.__struct_fields__))


def _row(destination: str, item: Exceptional, at_ms: int) -> tuple[Any, ...]:
    outcome, reason, detail, request, answer = item.end
    place = destination, item.partition, item.offset, item.message_id, item.source
    return (*place, outcome, reason, detail, at_ms, request, answer)
