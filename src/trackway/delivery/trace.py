"""What became of one event at each destination: its outcome, and every request that carried it."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection, Engine, Row, and_, or_, select

from trackway.delivery.items import read_offsets
from trackway.events.reasons import EARLIER_FIRST
from trackway.events.records import EVENTS, Place
from trackway.state.tables import attempts, cursors, deferred, destinations, exceptions, replayed, replays, retries

_SPAN = 100_000
"""No request carries events that are further apart: a worker's window is smaller."""


class AttemptStory(Struct, kw_only=True):
    """One request that carried the event."""

    at_ms: int
    duration_ms: int
    status: int | None
    """None when no answer came."""
    outcome: str
    """`delivered`, `rejected`, `retry`, `partial` or `continued`."""
    reason: str
    events: int
    """Events that the request carried."""
    answer: str
    """The beginning of the answer, free of secrets."""
    idempotency_key: str


class DestinationStory(Struct, kw_only=True):
    """What became of the event at one destination, live or by a replay."""

    destination: str
    outcome: str
    """`delivered`, `discarded`, `failed`, `retrying`, `pending`, or `earlier` than the destination's first start."""
    reason: str = ""
    detail: str = ""
    at_ms: int | None = None
    """When it was written down; only for what is not delivered."""
    request: str = ""
    """The beginning of the last request, free of secrets; only for what is not delivered, as is `answer`."""
    answer: str = ""
    tries: int = 0
    next_try_ms: int | None = None
    replay: int | None = None
    """The replay's number, when it is not the live delivery."""
    attempts: list[AttemptStory] = field(default_factory=list[AttemptStory])


def stories(engine: Engine, place: Place, wanted: Iterable[str]) -> list[DestinationStory]:
    """Return what became of the event at `place` of the events log, at the `wanted` destinations and in replays."""
    with engine.connect() as connection:
        known = set(connection.execute(select(destinations.c.destination)).scalars())
        found = [_live(connection, key, place) for key in wanted if key in known]
        return found + _in_replays(connection, place)


def replay_key(destination: str, replay: int) -> str:
    """Return the name under which a replay keeps its books: no destination in trackway.yaml can have it."""
    return f"{destination}#{replay}"


def _live(connection: Connection, key: str, place: Place) -> DestinationStory:
    span = connection.execute(
        select(cursors.c.start_offset, cursors.c.next_offset).where(
            cursors.c.destination == key, cursors.c.topic == EVENTS, cursors.c.partition == place.partition
        )
    ).first()
    start, following = (span.start_offset, span.next_offset) if span else (0, 0)
    story = DestinationStory(destination=key, outcome="delivered", attempts=_attempts(connection, key, place))
    if place.offset < start:
        story.outcome = "earlier"
    elif place.offset >= following:
        story.outcome = "pending"
    elif not _add_exception(connection, key, place, story) and _at(connection, deferred, key, place) is not None:
        story.outcome, story.reason = "retrying", EARLIER_FIRST
    return story


def _add_exception(connection: Connection, key: str, place: Place, story: DestinationStory) -> bool:
    """Put into `story` how the event ended if that is not delivered; return whether it did."""
    row = _at(connection, exceptions, key, place)
    if row is None:
        return False
    story.outcome, story.reason, story.detail = row.outcome, row.reason, row.detail
    story.at_ms, story.request, story.answer = row.at_ms, row.request, row.answer
    if (waiting := _at(connection, retries, key, place)) is not None:
        story.tries, story.next_try_ms = waiting.tries, waiting.next_at_ms
    return True


def _at(connection: Connection, table: Any, key: str, place: Place) -> Row[Any] | None:
    here = and_(table.c.destination == key, table.c.partition == place.partition, table.c.offset == place.offset)
    return connection.execute(select(table).where(here)).first()


def _attempts(connection: Connection, key: str, place: Place) -> list[AttemptStory]:
    first, last = attempts.c.first_offset, attempts.c.last_offset
    near = or_(
        first == place.offset,
        and_(first < place.offset, first > place.offset - _SPAN, last >= place.offset),
    )
    rows = connection.execute(
        select(attempts, attempts.c["count"].label("events"))
        .where(attempts.c.destination == key, attempts.c.partition == place.partition, near)
        .order_by(attempts.c.id)
    )
    return [_attempt(row) for row in rows if row.offsets is None or place.offset in read_offsets(row.offsets)]


def _attempt(row: Row[Any]) -> AttemptStory:
    return AttemptStory(
        at_ms=row.started_ms,
        duration_ms=row.duration_ms,
        status=row.status,
        outcome=row.outcome,
        reason=row.reason,
        events=row.events,
        answer=row.answer,
        idempotency_key=row.idempotency_key,
    )


def _in_replays(connection: Connection, place: Place) -> list[DestinationStory]:
    """Return what replays made of the event; those that passed it over are left out."""
    found: list[DestinationStory] = []
    for row in connection.execute(select(replays.c.id, replays.c.destination).order_by(replays.c.id)):
        key = replay_key(row.destination, row.id)
        story = DestinationStory(destination=row.destination, outcome="delivered", replay=row.id)
        if place.offset in _delivered(connection, row.id, row.destination, place) or _add_exception(
            connection, key, place, story
        ):
            story.attempts = _attempts(connection, key, place)
            found.append(story)
    return found


def _delivered(connection: Connection, replay: int, destination: str, place: Place) -> Sequence[int]:
    runs = connection.execute(
        select(replayed.c.offsets).where(
            replayed.c.replay == replay,
            replayed.c.destination == destination,
            replayed.c.partition == place.partition,
            replayed.c.first_offset <= place.offset,
            replayed.c.last_offset >= place.offset,
        )
    )
    return [offset for row in runs for offset in read_offsets(row.offsets)]
