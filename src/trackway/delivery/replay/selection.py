"""Which events a replay sends: those its order names, but for what the destination has, or gets anyway."""

from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, select

from trackway.delivery.items import read_offsets
from trackway.delivery.replay.orders import Order
from trackway.events import fql
from trackway.events.records import EVENTS, EventRecord
from trackway.state.tables import cursors, deferred, exceptions, replayed

NOT_SELECTED = "NOT_SELECTED"
ALREADY_DELIVERED = "ALREADY_DELIVERED"
NOT_DUE = "NOT_DUE"

_decode = msgspec.json.Decoder(dict[str, object]).decode


class Had(NamedTuple):
    """What a destination has done with a stretch of the log."""

    start: int
    """Where it began; it never got what is below."""
    following: int
    """Its cursor: what is here and above it gets in its time."""
    exceptions: dict[int, str]
    """Outcomes other than delivered, by offset."""
    replayed: Collection[int]
    """Offsets that replays have delivered."""

    def reason(self, offset: int, *, again: bool) -> str | None:
        """Return why the event at `offset` is not to be sent, or None."""
        if offset >= self.following:
            return NOT_DUE
        outcome = self.exceptions.get(offset, "delivered") if offset >= self.start else "earlier"
        if outcome == "retrying":
            return NOT_DUE
        delivered = outcome == "delivered" or offset in self.replayed
        return ALREADY_DELIVERED if delivered and not again else None

    def outcome(self, offset: int) -> str:
        """Return how the event at `offset` stands there: an outcome, `pending`, or `earlier` than its start."""
        if offset >= self.following:
            return "pending"
        if offset in self.replayed:
            return "delivered"
        return self.exceptions.get(offset, "delivered") if offset >= self.start else "earlier"


class Selection:
    """The choice of one order."""

    def __init__(self, engine: Engine, destination: str, order: Order) -> None:
        """Make the order's filter ready.

        Raises:
            FqlError: the filter is wrong; the message points at the character.
        """
        self._engine = engine
        self._destination = destination
        self._order = order
        self._sources = frozenset(order.sources)
        self._matches: Callable[[dict[str, object]], bool] | None = (
            fql.compile(order.where).matches if order.where else None
        )

    def asked(self, event: EventRecord) -> bool:
        """Return whether the order names the event."""
        order = self._order
        if self._sources and event.source not in self._sources:
            return False
        if order.from_ms is not None and event.received_at_ms < order.from_ms:
            return False
        if order.to_ms is not None and event.received_at_ms >= order.to_ms:
            return False
        return self._matches is None or self._matches(_decode(event.body))

    def had(self, partition: int, first: int, following: int) -> Had:
        """Return what the destination has done with the offsets from `first` to before `following`."""
        with self._engine.connect() as connection:
            span = connection.execute(
                select(cursors.c.start_offset, cursors.c.next_offset).where(
                    cursors.c.destination == self._destination,
                    cursors.c.topic == EVENTS,
                    cursors.c.partition == partition,
                )
            ).first()
            odd = connection.execute(
                select(exceptions.c.offset, exceptions.c.outcome).where(
                    exceptions.c.destination == self._destination,
                    exceptions.c.partition == partition,
                    exceptions.c.offset >= first,
                    exceptions.c.offset < following,
                )
            )
            outcomes = {row.offset: row.outcome for row in odd}
            waiting = connection.execute(
                select(deferred.c.offset).where(
                    deferred.c.destination == self._destination,
                    deferred.c.partition == partition,
                    deferred.c.offset >= first,
                    deferred.c.offset < following,
                )
            )
            outcomes |= dict.fromkeys(waiting.scalars(), "retrying")
            start, cursor = (span.start_offset, span.next_offset) if span else (0, 0)
            return Had(start, cursor, outcomes, self._replayed(connection, partition, first, following))

    def _replayed(self, connection: Connection, partition: int, first: int, following: int) -> set[int]:
        runs = connection.execute(
            select(replayed.c.offsets).where(
                replayed.c.destination == self._destination,
                replayed.c.partition == partition,
                replayed.c.first_offset < following,
                replayed.c.last_offset >= first,
            )
        )
        return {offset for row in runs for offset in read_offsets(row.offsets)}
