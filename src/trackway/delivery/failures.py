"""Dead letters: events that a destination will not have, with what was sent and answered, and their release.

A failed event stands among the exceptions. Released, it is one that waits for another try, which is due at once: the
destination's worker makes its request anew from the event, with today's settings. In the ledger it moves from failed to
pending in one transaction, and from there to wherever it ends.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, bindparam, delete, func, insert, select, update

from trackway.delivery.items import read_offsets
from trackway.events.records import EVENTS, Place
from trackway.log.contract import EventLog
from trackway.state import upsert, writing
from trackway.state.tables import exceptions, replayed, retries, tallies

_AT_ONCE = 2000
"""Events released in one transaction, so that the worker need not wait long for its turn."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which failed events; what is empty asks nothing."""

    destination: str = ""
    reason: str = ""
    source: str = ""
    message_id: str = ""
    since_ms: int | None = None
    """Failed at or after."""
    place: Place | None = None


class Failure(Struct, frozen=True, kw_only=True):
    """One failed event."""

    destination: str
    place: Place
    """In the topic `events`."""
    message_id: str
    source: str
    reason: str
    detail: str
    at_ms: int
    request: str
    """The beginning of the last request, free of secrets, as is `answer`."""
    answer: str


class Group(Struct, frozen=True, kw_only=True):
    """Failed events of one destination with one reason."""

    destination: str
    reason: str
    events: int
    first_ms: int
    last_ms: int
    sample: Failure
    """The newest."""


class Released(Struct, kw_only=True):
    """What a release did."""

    released: int = 0
    """Events that will be tried again."""
    replayed: int = 0
    """Those left as they are, because a replay has delivered them since."""
    expired: int = 0
    """Those left as they are, because the log no longer has them."""


class _Event(NamedTuple):
    """What the books know a failed event by."""

    destination: str
    partition: int
    offset: int
    message_id: str
    source: str
    reason: str


def find(engine: Engine, wanted: Wanted, *, limit: int) -> list[Failure]:
    """Return failed events, the newest first."""
    with engine.connect() as connection:
        newest = exceptions.c.at_ms.desc(), exceptions.c.partition.desc(), exceptions.c.offset.desc()
        rows = connection.execute(select(exceptions).where(_fits(wanted)).order_by(*newest).limit(limit))
        return [_failure(row) for row in rows]


def group(engine: Engine, wanted: Wanted) -> list[Group]:
    """Return how many failed events there are by destination and reason, the largest group first."""
    number, first, last = func.count(), func.min(exceptions.c.at_ms), func.max(exceptions.c.at_ms)
    by = exceptions.c.destination, exceptions.c.reason
    with engine.connect() as connection:
        rows = connection.execute(
            select(*by, number, first, last).where(_fits(wanted)).group_by(*by).order_by(number.desc(), *by)
        ).all()
        return [
            Group(
                destination=destination,
                reason=reason,
                events=events,
                first_ms=first_ms,
                last_ms=last_ms,
                sample=_sample(connection, wanted, destination, reason, last_ms),
            )
            for destination, reason, events, first_ms, last_ms in rows
        ]


def release(
    engine: Engine, log: EventLog, wanted: Wanted, *, now_ms: int, advance: Callable[[int], None] | None = None
) -> Released:
    """Have the failed events that are wanted tried again; durable on return.

    `log` is the clean log; `advance` is told of so many more events after each transaction, and ends the release there
    by raising. Events are tried alone and in no particular order: their destination may have newer ones of the same
    people already. What fails again is among the failed events again.
    """
    starts = log.starts(EVENTS)
    done = Released()
    after: _Event | None = None
    while True:
        with writing(engine) as connection:
            rows = _next(connection, wanted, after)
            if not rows:
                return done
            after = rows[-1]
            kept = [row for row in rows if row.offset >= starts.get(row.partition, 0)]
            done.expired += len(rows) - len(kept)
            had = _replayed(connection, kept)
            again = [row for row in kept if (row.destination, row.partition, row.offset) not in had]
            done.replayed += len(kept) - len(again)
            done.released += len(again)
            _move(connection, again, now_ms)
        if advance is not None:
            advance(len(rows))


def _move(connection: Connection, rows: Sequence[_Event], now_ms: int) -> None:
    """Turn failed events into ones that wait for a try, in all books."""
    if not rows:
        return
    counts: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row.destination, row.source, row.reason)
        counts[key] = counts.get(key, 0) - 1
    connection.execute(
        insert(retries),
        [row._asdict() | {"tries": 0, "next_at_ms": now_ms} for row in rows],
    )
    place = and_(
        exceptions.c.destination == bindparam("of"),
        exceptions.c.partition == bindparam("at"),
        exceptions.c.offset == bindparam("number"),
    )
    connection.execute(
        update(exceptions).where(place).values(outcome="retrying"),
        [{"of": row.destination, "at": row.partition, "number": row.offset} for row in rows],
    )
    upsert(
        connection,
        tallies,
        [
            {"destination": destination, "source": source, "outcome": "failed", "reason": reason, "count": less}
            for (destination, source, reason), less in counts.items()
        ],
        add=["count"],
    )
    connection.execute(delete(tallies).where(tallies.c.outcome == "failed", tallies.c["count"] == 0))


def _next(connection: Connection, wanted: Wanted, after: _Event | None) -> list[_Event]:
    key = exceptions.c.destination, exceptions.c.partition, exceptions.c.offset
    beyond: list[ColumnElement[bool]] = []
    if after is not None:
        destination, partition, offset = key
        later = (partition > after.partition) | and_(partition == after.partition, offset > after.offset)
        beyond.append((destination > after.destination) | and_(destination == after.destination, later))
    events = select(*key, exceptions.c.message_id, exceptions.c.source, exceptions.c.reason)
    rows = connection.execute(events.where(_fits(wanted), *beyond).order_by(*key).limit(_AT_ONCE))
    return [_Event(*row) for row in rows]


def _replayed(connection: Connection, rows: Sequence[_Event]) -> Collection[tuple[str, int, int]]:
    """Return which of the events replays have delivered."""
    spans: dict[tuple[str, int], tuple[int, int]] = {}
    for row in rows:
        low, high = spans.get((row.destination, row.partition), (row.offset, row.offset))
        spans[row.destination, row.partition] = (min(low, row.offset), max(high, row.offset))
    found: set[tuple[str, int, int]] = set()
    for (destination, partition), (low, high) in spans.items():
        runs = connection.execute(
            select(replayed.c.offsets).where(
                replayed.c.destination == destination,
                replayed.c.partition == partition,
                replayed.c.first_offset <= high,
                replayed.c.last_offset >= low,
            )
        )
        found |= {(destination, partition, offset) for run in runs for offset in read_offsets(run.offsets)}
    return found


def _fits(wanted: Wanted) -> ColumnElement[bool]:
    table = exceptions.c
    # Replays keep books of their own, under names with a number sign.
    asked = [table.outcome == "failed", ~table.destination.contains("#")]
    for column, value in (
        (table.destination, wanted.destination),
        (table.reason, wanted.reason),
        (table.source, wanted.source),
        (table.message_id, wanted.message_id),
    ):
        if value:
            asked.append(column == value)
    if wanted.since_ms is not None:
        asked.append(table.at_ms >= wanted.since_ms)
    if wanted.place is not None:
        asked += [table.partition == wanted.place.partition, table.offset == wanted.place.offset]
    return and_(*asked)


def _sample(connection: Connection, wanted: Wanted, destination: str, reason: str, at_ms: int) -> Failure:
    here = exceptions.c.destination == destination, exceptions.c.reason == reason, exceptions.c.at_ms == at_ms
    row = connection.execute(select(exceptions).where(_fits(wanted), *here).limit(1)).one()
    return _failure(row)


def _failure(row: Row[Any]) -> Failure:
    return Failure(
        destination=row.destination,
        place=Place(row.partition, row.offset),
        message_id=row.message_id,
        source=row.source,
        reason=row.reason,
        detail=row.detail,
        at_ms=row.at_ms,
        request=row.request,
        answer=row.answer,
    )
