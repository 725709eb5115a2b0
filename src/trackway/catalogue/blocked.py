"""Which calls were blocked, and how often, by source, type and name; counted in bounded space."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import Engine, func, select

from trackway.catalogue.model import MAX_NAMES, shown_name
from trackway.events.records import DROPPED, DroppedRecord, Place, decode_dropped
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.log.event_feed import Feed
from trackway.state import upsert, writing
from trackway.state.tables import catalogue_blocked, catalogue_blocked_positions

_LINGER_S = 1.0
_Key = tuple[str, str, str]


class BlockedEntry(Struct, frozen=True, kw_only=True):
    """Calls of a source, type and name that its `block` left out. Times are epoch ms."""

    source: str
    type: str
    name: str
    """`""` for calls that have none, and for those whose names are too many."""
    count: int
    first_ms: int
    last_ms: int


class BlockedLedger:
    """Counts what was blocked. One thread writes; any may read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def positions(self) -> dict[int, int]:
        """Return the next offset of topic `dropped` to count, by partition."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(catalogue_blocked_positions))
            return {row.partition: row.next_offset for row in rows}

    def take(self, records: Iterable[tuple[DroppedRecord, Place]], position: Mapping[int, int]) -> None:
        """Count the blocked ones of `records`, and note how far the log is counted, in one transaction."""
        found: dict[_Key, list[int]] = {}
        for record, _ in records:
            if record.reason == "blocked":
                at = record.received_at_ms
                row = found.setdefault((record.source, record.type, shown_name(record.name)), [0, at, at])
                row[:] = row[0] + 1, min(row[1], at), max(row[2], at)
        with writing(self._engine) as connection:
            known = {(row.source, row.type, row.name): row for row in connection.execute(select(catalogue_blocked))}
            rows: dict[_Key, dict[str, Any]] = {}
            for key, (count, first, last) in found.items():
                if key not in known and len(known) + len(rows) >= MAX_NAMES:
                    key = (*key[:2], "")
                row = rows.setdefault(key, {"count": 0, "first_ms": first, "last_ms": last})
                before = known.get(key)
                row["count"] += count
                row["first_ms"] = min(row["first_ms"], first, before.first_ms if before else first)
                row["last_ms"] = max(row["last_ms"], last, before.last_ms if before else last)
            named = [{"source": key[0], "type": key[1], "name": key[2], **row} for key, row in rows.items()]
            upsert(connection, catalogue_blocked, named, add=["count"])
            places = [{"partition": partition, "next_offset": offset} for partition, offset in position.items()]
            upsert(connection, catalogue_blocked_positions, places)

    def read(self, *, source: str | None = None, event: str | None = None) -> list[BlockedEntry]:
        """Return what was blocked, by source, type and name; `event` is a name, or the type of calls without one."""
        columns = catalogue_blocked.c
        query = select(catalogue_blocked).order_by(columns.source, columns.type, columns.name)
        if source is not None:
            query = query.where(columns.source == source)
        if event is not None:
            query = query.where(func.coalesce(func.nullif(columns.name, ""), columns.type) == event)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings()
            return [BlockedEntry(**{str(name): value for name, value in row.items()}) for row in rows]


def blocked_feed(ledger: BlockedLedger, log: EventLog) -> Feed[DroppedRecord]:
    """Return the thread that counts the blocked calls of `log`."""
    return Feed(
        log,
        consumers.BLOCKED,
        ledger.take,
        topic=DROPPED,
        decode=decode_dropped,
        positions=ledger.positions,
        linger_s=_LINGER_S,
    )
