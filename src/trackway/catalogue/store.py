"""The catalogue in the state database.

The tables hold what `SourceModel` holds in memory, which is read from them at the first batch. What a batch of events
changed, and the position behind it, are one transaction; so an event counts once whatever happens. After an error the
memory may be ahead of the tables, and is read again.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, select

from trackway.catalogue import violations, volumes
from trackway.catalogue.findings import CatalogueFinding
from trackway.catalogue.model import Beyond, SourceModel
from trackway.catalogue.shapes import KINDS, EventShape, Node
from trackway.errors import TrackwayError
from trackway.events import canary
from trackway.events.records import EventRecord, Place
from trackway.state.engine import upsert, writing
from trackway.state.tables import (
    catalogue_beyond,
    catalogue_events,
    catalogue_findings,
    catalogue_paths,
    catalogue_positions,
)

MAX_FINDINGS = 10_000
"""The newest that are kept."""
_encode = msgspec.json.encode
_decode_types = msgspec.json.Decoder(dict[str, int]).decode


class CatalogueError(TrackwayError):
    """Another process enters events into the same catalogue."""


class _Memory:
    """What the tables hold, as far as a batch needs it."""

    def __init__(self, positions: dict[int, int]) -> None:
        self.positions = positions
        self.sources: dict[str, SourceModel] = {}
        self.numbers: dict[tuple[str, str, str], int] = {}
        """The row of each event, by source, type and name."""
        self.last_number = 0

    def source(self, name: str) -> SourceModel:
        """Return a source, which may be new."""
        found = self.sources.get(name)
        if found is None:
            found = self.sources[name] = SourceModel(name)
        return found

    def number(self, key: tuple[str, str, str]) -> int:
        """Return the row of an event, which may be new."""
        if key not in self.numbers:
            self.last_number += 1
            self.numbers[key] = self.last_number
        return self.numbers[key]


class Catalogue:
    """Enters events into the catalogue; one thread of one process does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._memory: _Memory | None = None

    def positions(self) -> dict[int, int]:
        """Return the next offset of topic `events` to take, by partition."""
        with self._engine.connect() as connection:
            return _positions(connection)

    def take(self, events: Iterable[tuple[EventRecord, Place]], positions: Mapping[int, int]) -> None:
        """Enter events, those from the last positions on, and that all below `positions` are entered.

        Raises:
            CatalogueError: another process has entered some of them; nothing was changed.
        """
        memory, self._memory = self._memory or _read(self._engine), None
        batch = [(event, place) for event, place in events if event.source != canary.SOURCE]
        findings = [finding for event, place in batch for finding in memory.source(event.source).add(event, place)]
        with writing(self._engine) as connection:
            if _positions(connection) != memory.positions:
                raise CatalogueError("another process enters events into this catalogue; stop one of the two")
            _write(connection, memory, findings)
            volumes.add(connection, memory.numbers, volumes.count(batch))
            violations.add(connection, violations.gather(batch))
            memory.positions = dict(positions)
            rows = [{"partition": partition, "next_offset": offset} for partition, offset in positions.items()]
            upsert(connection, catalogue_positions, rows)
        self._memory = memory


def _positions(connection: Connection) -> dict[int, int]:
    return {row.partition: row.next_offset for row in connection.execute(select(catalogue_positions))}


def _write(connection: Connection, memory: _Memory, findings: list[CatalogueFinding]) -> None:
    events: list[dict[str, Any]] = []
    paths: list[dict[str, Any]] = []
    beyond: list[dict[str, Any]] = []
    for source in memory.sources.values():
        for type_, name, shape in source.changed():
            number = memory.number((source.source, type_, name))
            events.append(_event_row(number, source.source, type_, name, shape))
            paths += [_path_row(number, node) for node in shape.take_changed()]
        for type_, one in source.beyond.items():
            if one.changed:
                one.changed = False
                times = {"first_ms": one.first_ms, "last_ms": one.last_ms}
                beyond.append({"source": source.source, "type": type_, "count": one.count, **times})
    upsert(connection, catalogue_events, events)
    upsert(connection, catalogue_paths, paths)
    upsert(connection, catalogue_beyond, beyond)
    _add_findings(connection, findings)


def _event_row(number: int, source: str, type_: str, name: str, shape: EventShape) -> dict[str, Any]:
    return {
        "id": number,
        "source": source,
        "type": type_,
        "name": name,
        "count": shape.count,
        "first_ms": shape.first_ms,
        "last_ms": shape.last_ms,
        "unlisted": shape.unlisted,
    }


def _path_row(number: int, node: Node) -> dict[str, Any]:
    return {
        "event": number,
        "path": node.path,
        "types": _encode(node.types()).decode(),
        "first_ms": node.first_ms,
        "last_ms": node.last_ms,
        "samples": None if node.samples is None else _encode(node.samples).decode(),
        "looks": _encode(node.looks).decode() if node.looks else None,
    }


def _add_findings(connection: Connection, findings: list[CatalogueFinding]) -> None:
    if not findings:
        return
    rows = [
        {
            **{name: getattr(one, name) for name in one.__struct_fields__ if name != "place"},
            "partition": one.place.partition,
            "offset": one.place.offset,
        }
        for one in findings[-MAX_FINDINGS:]
    ]
    connection.execute(insert(catalogue_findings), rows)
    newest = connection.execute(select(func.max(catalogue_findings.c.id))).scalar_one()
    connection.execute(delete(catalogue_findings).where(catalogue_findings.c.id <= newest - MAX_FINDINGS))


def _read(engine: Engine) -> _Memory:
    """Return what the tables hold."""
    with engine.connect() as connection:
        memory = _Memory(_positions(connection))
        shapes: dict[int, EventShape] = {}
        for row in connection.execute(select(catalogue_events).order_by(catalogue_events.c.id)).mappings():
            source, type_, name = row["source"], row["type"], row["name"]
            shape = memory.source(source).add_shape(type_, name, at_ms=row["first_ms"])
            shape.count, shape.last_ms, shape.unlisted = row["count"], row["last_ms"], row["unlisted"]
            memory.numbers[source, type_, name] = memory.last_number = row["id"]
            shapes[row["id"]] = shape
        for row in connection.execute(
            select(catalogue_paths).order_by(catalogue_paths.c.event, catalogue_paths.c.path)
        ):
            _restore(shapes[row.event].restore(row.path), row)
        for row in connection.execute(select(catalogue_beyond)).mappings():
            beyond = Beyond(at_ms=row["first_ms"], count=row["count"])
            beyond.last_ms = row["last_ms"]
            memory.source(row["source"]).beyond[row["type"]] = beyond
    return memory


def _restore(node: Node, row: Any) -> None:
    types = _decode_types(row.types)
    node.counts = [types.get(kind, 0) for kind in KINDS]
    node.first_ms, node.last_ms = row.first_ms, row.last_ms
    if node.samples is not None:  # what an older Trackway showed may be private by now
        node.samples = None if row.samples is None else _decode_types(row.samples)
    node.looks = {} if row.looks is None else _decode_types(row.looks)
