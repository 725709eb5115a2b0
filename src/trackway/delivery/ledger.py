"""The ledger: what became of every event, per destination; it always balances."""

from msgspec import Struct, field
from sqlalchemy import Connection, Engine, func, select

from trackway.delivery.items import DEFERRED
from trackway.events.records import EVENTS
from trackway.log.contract import EventLog
from trackway.state.tables import cursors, destinations, retries, tallies


class Counts(Struct, kw_only=True):
    """Numbers of events since the destination's first start.

    `accepted = delivered + Σ discarded + Σ failed + pending`, and `retrying` is a part of `pending`.
    """

    accepted: int = 0
    """Events that the log has taken since then."""
    delivered: int = 0
    discarded: dict[str, int] = field(default_factory=dict[str, int])
    """By reason."""
    failed: dict[str, int] = field(default_factory=dict[str, int])
    """By reason."""
    retrying: int = 0
    """Events that others have overtaken: refused for now while those were taken, or waiting for many of one person."""
    pending: int = 0
    """Events that have no end yet."""

    @property
    def difference(self) -> int:
        """What the ledger is out by: 0, or a defect."""
        ended = self.delivered + sum(self.discarded.values()) + sum(self.failed.values())
        return self.accepted - ended - self.pending


class DestinationCounts(Counts, kw_only=True):
    """A destination's numbers, whole and by source."""

    destination: str
    by_source: dict[str, Counts] = field(default_factory=dict[str, Counts])
    """Of events below the cursor only: which sources the events above it are from is not known without reading them."""


def destination_counts(engine: Engine, log: EventLog) -> list[DestinationCounts]:
    """Return the counts of every destination that has ever run, by name.

    The state is read in one transaction and the log's end after it, so the sums hold at any moment.
    """
    with engine.connect() as connection:
        names = connection.execute(select(destinations.c.destination).order_by(destinations.c.destination))
        found = {name: DestinationCounts(destination=name) for name in names.scalars()}
        ended = connection.execute(select(tallies)).all()
        waiting = connection.execute(
            select(retries.c.destination, retries.c.source, func.count()).group_by(
                retries.c.destination, retries.c.source
            )
        ).all()
        spans = connection.execute(select(cursors).where(cursors.c.topic == EVENTS)).all()
    for row in ended:
        counts = found[row.destination]
        for part in (counts, counts.by_source.setdefault(row.source, Counts())):
            _add(part, row.outcome, row.reason, row[-1])
            if row.outcome == DEFERRED.outcome:
                part.pending += row[-1]
        if row.outcome == DEFERRED.outcome:
            part.accepted += row[-1]
    for destination, source, number in waiting:
        counts = found[destination]
        counts.retrying += number
        counts.pending += number
        part = counts.by_source.setdefault(source, Counts())
        part.retrying += number
        part.pending += number
        part.accepted += number
    heads = log.heads(EVENTS)
    ranges = {(row.destination, row.partition): (row.start_offset, row.next_offset) for row in spans}
    for counts in found.values():
        for partition, head in heads.items():
            start, next_ = ranges.get((counts.destination, partition), (0, 0))
            counts.accepted += max(head, next_) - start
            counts.pending += max(head, next_) - next_
    return list(found.values())


def tallied(connection: Connection, key: str) -> Counts:
    """Return how the events of one destination or replay ended, and how many are retrying; no more than that."""
    counts = Counts()
    for row in connection.execute(select(tallies).where(tallies.c.destination == key)):
        _add(counts, row.outcome, row.reason, row[-1])
    waiting = select(func.count()).select_from(retries).where(retries.c.destination == key)
    counts.retrying = connection.execute(waiting).scalar_one()
    return counts


def _add(counts: Counts, outcome: str, reason: str, number: int) -> None:
    if outcome == "delivered":
        counts.delivered += number
    elif outcome == DEFERRED.outcome:
        counts.retrying += number
    else:
        reasons = counts.discarded if outcome == "discarded" else counts.failed
        reasons[reason] = reasons.get(reason, 0) + number
