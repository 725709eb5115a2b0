"""What the catalogue says, for the command line and other parts that show it. Times are epoch ms."""

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, Select, func, select

from trackway.catalogue.blocked import BlockedEntry, BlockedLedger
from trackway.catalogue.findings import CatalogueFinding
from trackway.catalogue.shapes import SHOWN_FROM
from trackway.events.records import Place
from trackway.state.tables import catalogue_beyond, catalogue_events, catalogue_findings, catalogue_paths

_decode_counts = msgspec.json.Decoder(dict[str, int]).decode


class PathEntry(Struct, frozen=True, kw_only=True):
    """A property or trait of an event."""

    path: str
    """Such as `properties.products.$.sku`: `$` is each member of an array, `*` stands for keys that are data."""
    types: dict[str, int]
    """How many values had which type, the most frequent first."""
    first_ms: int
    last_ms: int
    samples: list[str]
    """Values of a small vocabulary, the most frequent first; empty when they are none, or may be somebody's own."""
    looks: dict[str, int]
    """How many of the texts that were looked at look like personal data, by kind."""


class EventEntry(Struct, frozen=True, kw_only=True):
    """An event of a source."""

    source: str
    type: str
    name: str
    """`""` for calls that have none."""
    count: int
    first_ms: int
    last_ms: int
    unlisted: int
    """Events that had values at paths beyond those listed."""
    paths: list[PathEntry]


class BeyondEntry(Struct, frozen=True, kw_only=True):
    """Events of a source and type whose names are too many to be listed."""

    source: str
    type: str
    count: int
    first_ms: int
    last_ms: int


class CatalogueReader:
    """Reads the catalogue in a state database, whoever writes it; from any thread.

    `source` is a source's key in the workspace, `event` a name, or the type of calls without one; None asks for all.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def events(self, *, source: str | None = None, event: str | None = None) -> list[EventEntry]:
        """Return what sources send, by source, type and name."""
        columns = catalogue_events.c
        events = _wanted(select(catalogue_events), catalogue_events, source, event)
        paths = _wanted(select(catalogue_paths).join(catalogue_events), catalogue_events, source, event)
        found: dict[int, list[PathEntry]] = {}
        with self._engine.connect() as connection:
            rows = connection.execute(events.order_by(columns.source, columns.type, columns.name)).mappings().all()
            for row in connection.execute(paths.order_by(catalogue_paths.c.path)):
                found.setdefault(row.event, []).append(_path_entry(row))
        said = [{name: value for name, value in row.items() if name != "id"} for row in rows]
        return [EventEntry(**one, paths=found.get(row["id"], [])) for one, row in zip(said, rows, strict=True)]

    def beyond(self, *, source: str | None = None) -> list[BeyondEntry]:
        """Return how many events have names that are not listed."""
        columns = catalogue_beyond.c
        query = _wanted(select(catalogue_beyond), catalogue_beyond, source, None).order_by(columns.source, columns.type)
        with self._engine.connect() as connection:
            return [BeyondEntry(**row) for row in connection.execute(query).mappings()]

    def blocked(self, *, source: str | None = None, event: str | None = None) -> list[BlockedEntry]:
        """Return what sources send and their `block` leaves out."""
        return BlockedLedger(self._engine).read(source=source, event=event)

    def findings(
        self, *, source: str | None = None, event: str | None = None, limit: int = 100
    ) -> list[CatalogueFinding]:
        """Return the newest `limit` findings, oldest first."""
        query = _wanted(select(catalogue_findings), catalogue_findings, source, event)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(catalogue_findings.c.id.desc()).limit(limit)).mappings().all()
        return [_finding(row) for row in reversed(rows)]


def _wanted(query: Select[Any], table: Any, source: str | None, event: str | None) -> Select[Any]:
    if source is not None:
        query = query.where(table.c.source == source)
    if event is not None:
        query = query.where(func.coalesce(func.nullif(table.c.name, ""), table.c.type) == event)
    return query


def _path_entry(row: Any) -> PathEntry:
    samples = _decode_counts(row.samples) if row.samples else {}
    return PathEntry(
        path=row.path,
        types=_frequent_first(_decode_counts(row.types)),
        first_ms=row.first_ms,
        last_ms=row.last_ms,
        samples=[text for text, count in _frequent_first(samples).items() if count >= SHOWN_FROM],
        looks=_frequent_first(_decode_counts(row.looks)) if row.looks else {},
    )


def _frequent_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _finding(row: Any) -> CatalogueFinding:
    said = {name: row[name] for name in CatalogueFinding.__struct_fields__ if name != "place"}
    return CatalogueFinding(**said, place=Place(row["partition"], row["offset"]))
