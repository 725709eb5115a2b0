"""The ledger of the whole product: what became of everything that was accepted, by source, stage and destination.

    raw       accepted  = events + quarantined (by reason) + dropped (by reason) + waiting
    clean     each topic holds as many records as were counted into it
    delivery  events    = delivered + discarded (by reason) + failed (by reason) + pending, for each destination
    warehouse events    = loaded + pending

Nothing here is a counter of its own: the pipeline's tallies were committed with the records, a destination's with its
cursor. What two places say about the same thing is compared, and the difference must be 0 at every moment.
"""

import time
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Engine

from trackway.delivery.ledger import Counts, DestinationCounts, destination_counts
from trackway.delivery.replay.orders import Replay, read_open
from trackway.events.records import CLEAN_TOPICS, DROPPED, EVENTS, QUARANTINE, RAW
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.node.canary import CanaryReport, last_report
from trackway.node.quarantine.release import released_counts
from trackway.pipeline.tallies import MARK, POSITION, SourceTally, Tallies, add_up
from trackway.workspace.model import Workspace

_TRIES = 20
"""How often the pipeline's counts are read again while it commits in between."""
_decode_position = msgspec.msgpack.Decoder(dict[int, int]).decode


class SourceLine(Struct, kw_only=True):
    """What became of one source's calls, as far as the pipeline has read them."""

    source: str
    accepted: int
    """Calls that the pipeline has read."""
    events: int
    quarantined: dict[str, int]
    """By reason."""
    dropped: dict[str, int]
    """By reason."""
    released: dict[str, int]
    """Of `quarantined`, those that were let out and came in once more; by the reason for which they waited."""
    faults: int
    """Of `accepted`, those that a fault of Trackway's sent through the pipeline the long way."""


class DestinationLine(Struct, kw_only=True):
    """What became of the events at one destination, or of one source's events at it."""

    destination: str
    accepted: int
    delivered: int
    discarded: dict[str, int]
    """By reason."""
    failed: dict[str, int]
    """By reason."""
    pending: int
    retrying: int
    """A part of `pending`: refused for now, while others were taken."""
    difference: int


class WarehouseLine(Struct, kw_only=True):
    """How much of the events log a warehouse has."""

    warehouse: str
    accepted: int
    loaded: int
    """As the log was told; the warehouse itself may be a moment ahead."""
    pending: int


class ReplayLine(Struct, kw_only=True):
    """What became of the events that an open replay looks at."""

    replay: int
    destination: str
    accepted: int
    delivered: int
    discarded: dict[str, int]
    """By reason; most are those that the replay passes over."""
    failed: dict[str, int]
    """By reason."""
    pending: int
    difference: int


class Ledger(Struct, kw_only=True):
    """All of it, at one moment."""

    at_ms: int
    accepted: int
    """Calls ever accepted: records of the raw log."""
    waiting: int
    """Calls that the pipeline has not read yet."""
    sources: list[SourceLine]
    destinations: list[DestinationLine]
    replays: list[ReplayLine]
    warehouses: list[WarehouseLine]
    differences: dict[str, int]
    """What two places disagree about, by its name; empty when the ledger balances."""
    canary: CanaryReport | None = None
    """How the last canary fared; None before the first one."""

    @property
    def balances(self) -> bool:
        """Whether every number agrees with every other."""
        return not self.differences


class _Counted(NamedTuple):
    """The pipeline's own counts, from one commit."""

    position: int
    tallies: Tallies


def read_ledger(
    workspace: Workspace, raw: EventLog, clean: EventLog, engine: Engine | None, *, source: str | None = None
) -> Ledger:
    """Return the ledger of this moment; `source` narrows the lines to one source, never the comparisons.

    `engine` is the state database, None while there is none. What is written meanwhile is no difference: numbers that
    only grow are read before and after those that they are compared with.
    """
    before, heads, after = _read_clean(clean)
    differences = _compare(before, heads, after)
    accepted = sum(raw.heads(RAW).values())
    if accepted < before.position:
        differences["pipeline position beyond the raw log"] = before.position - accepted
    destinations = [
        _destination_line(counts, source)
        for counts in (destination_counts(engine, clean) if engine is not None else [])
        if counts.destination in workspace.destinations
    ]
    replays = [_replay_line(replay) for replay in (read_open(engine) if engine is not None else [])]
    differences |= {f"destination {line.destination}": line.difference for line in destinations if line.difference}
    differences |= {f"replay {line.replay}": line.difference for line in replays if line.difference}
    released = released_counts(engine) if engine is not None else {}
    return Ledger(
        at_ms=time.time_ns() // 1_000_000,
        accepted=accepted,
        waiting=max(0, accepted - before.position),
        sources=[
            _source_line(name, tally, released)
            for name, tally in sorted(before.tallies.items())
            if source in (None, name)
        ],
        destinations=destinations,
        replays=replays,
        warehouses=_warehouse_lines(workspace, clean),
        differences=differences,
        canary=last_report(workspace.data),
    )


def ended(tally: SourceTally) -> int:
    """Return how many calls have the ends that `tally` counts."""
    return tally.events + sum(tally.quarantine.values()) + sum(tally.dropped.values()) - tally.split


def _read_clean(clean: EventLog) -> tuple[_Counted, dict[str, int], _Counted]:
    """Return the pipeline's counts, what the topics hold, and the counts again: the same, unless it never rests."""
    before = _count(clean)
    for _ in range(_TRIES):
        heads = {topic: sum(clean.heads(topic).values()) for topic in CLEAN_TOPICS}
        after = _count(clean)
        if after == before:
            break
        before = after
    else:
        heads = {topic: sum(clean.heads(topic).values()) for topic in CLEAN_TOPICS}
        after = _count(clean)
    return before, heads, after


def _count(clean: EventLog) -> _Counted:
    while True:
        position = _position(clean)
        tallies = add_up(list(clean.marks(MARK).values()))
        if _position(clean) == position:
            return _Counted(position, tallies)


def _position(clean: EventLog) -> int:
    return sum(sum(_decode_position(mark).values()) for mark in clean.marks(POSITION).values())


def _compare(before: _Counted, heads: Mapping[str, int], after: _Counted) -> dict[str, int]:
    """Return by how much the clean log's records and the pipeline's counts and position disagree."""
    found = {"pipeline position": before.position - sum(map(ended, before.tallies.values()))}
    least, most = _by_topic(before.tallies), _by_topic(after.tallies)
    for topic, head in heads.items():
        found[f"records in {topic}"] = max(0, head - most[topic]) - max(0, least[topic] - head)
    return {name: difference for name, difference in found.items() if difference}


def _by_topic(tallies: Tallies) -> dict[str, int]:
    counts = tallies.values()
    return {
        EVENTS: sum(tally.events for tally in counts),
        QUARANTINE: sum(sum(tally.quarantine.values()) for tally in counts),
        DROPPED: sum(sum(tally.dropped.values()) for tally in counts),
    }


def _source_line(name: str, tally: SourceTally, released: Mapping[tuple[str, str], int]) -> SourceLine:
    return SourceLine(
        source=name,
        accepted=ended(tally),
        events=tally.events,
        quarantined=tally.quarantine,
        dropped=tally.dropped,
        released={reason: number for (source, reason), number in sorted(released.items()) if source == name},
        faults=tally.faults,
    )


def _replay_line(replay: Replay) -> ReplayLine:
    counts = replay.counts
    return ReplayLine(
        replay=replay.id,
        destination=replay.destination,
        accepted=counts.accepted,
        delivered=counts.delivered,
        discarded=counts.discarded,
        failed=counts.failed,
        pending=counts.pending,
        difference=counts.difference,
    )


def _destination_line(counts: DestinationCounts, source: str | None) -> DestinationLine:
    part = counts if source is None else counts.by_source.get(source, Counts())
    return DestinationLine(
        destination=counts.destination,
        accepted=part.accepted,
        delivered=part.delivered,
        discarded=part.discarded,
        failed=part.failed,
        pending=part.pending,
        retrying=part.retrying,
        difference=counts.difference,
    )


def _warehouse_lines(workspace: Workspace, clean: EventLog) -> list[WarehouseLine]:
    told, heads = clean.consumers(EVENTS), clean.heads(EVENTS)
    lines: list[WarehouseLine] = []
    for name, settings in workspace.warehouses.items():
        if settings.enabled:
            position = told.get(consumers.warehouse(name), {})
            loaded = sum(position.values())
            accepted = sum(max(head, position.get(partition, 0)) for partition, head in heads.items())
            lines.append(WarehouseLine(warehouse=name, accepted=accepted, loaded=loaded, pending=accepted - loaded))
    return lines
