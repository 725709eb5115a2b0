"""What events had that their source's tracking plan does not foresee: grouped, counted by day, with the newest samples.

The pipeline remarks on violations as findings `plan_…`. What it put into quarantine for its plan is not an event, and
is not here.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, delete, func, select, tuple_

from trackway.catalogue.model import shown_name
from trackway.events.records import EventRecord, Place
from trackway.state.engine import upsert
from trackway.state.tables import plan_violations

DAY_MS = 86_400_000
KEPT_DAYS = 30
MOST_SAMPLES = 10
MOST_GROUPS = 5_000
"""Kinds of violations in a day; beyond, those of further events are counted together, without a name."""
_PREFIX = "plan_"
_ITEM = re.compile(r"/\d+(?=/|$)")
_MOST_CHARS = 300
_ASKED_AT_ONCE = 1_000
"""Databases bound the number of values in a query."""

Key = tuple[str, str, str, str, str, int]
"""Source, type, name, code, pointer and day."""


class Sample(Struct, frozen=True, array_like=True):
    """An event with a violation."""

    message_id: str
    partition: int
    offset: int


class Violations(Struct, kw_only=True):
    """Violations of one kind, the days together."""

    source: str
    type: str
    name: str
    code: str
    """`plan_` and the kind of the violation."""
    pointer: str
    """Members of arrays are `/*`."""
    detail: str
    """What the newest one was."""
    count: int
    first_ms: int
    last_ms: int
    days: dict[int, int]
    """How many on which day since 1970."""
    samples: list[dict[str, Any]]
    """The newest, newest first: `message_id`, `partition` and `offset`."""


class _Found(Struct):
    count: int
    first_ms: int
    last_ms: int
    detail: str
    samples: list[Sample]


_decode_samples = msgspec.json.Decoder(list[Sample]).decode


def gather(events: Iterable[tuple[EventRecord, Place]]) -> dict[Key, _Found]:
    """Return the violations of events by kind; an event counts once for each."""
    found: dict[Key, _Found] = {}
    for event, place in events:
        seen: set[Key] = set()
        for finding in event.findings:
            if not finding.code.startswith(_PREFIX):
                continue
            pointer = _ITEM.sub("/*", finding.pointer)[:_MOST_CHARS].replace("\x00", "\N{REPLACEMENT CHARACTER}")
            at_ms = event.received_at_ms
            key = (event.source, event.type, shown_name(event.name), finding.code, pointer, at_ms // DAY_MS)
            if key in seen:
                continue
            seen.add(key)
            detail = finding.detail[:_MOST_CHARS].replace("\x00", "\N{REPLACEMENT CHARACTER}")
            one = found.setdefault(key, _Found(0, at_ms, at_ms, detail, []))
            one.count += 1
            one.first_ms, one.last_ms = min(one.first_ms, at_ms), max(one.last_ms, at_ms)
            one.detail = detail
            one.samples.append(Sample(event.message_id, place.partition, place.offset))
            del one.samples[:-MOST_SAMPLES]
    return found


def add(connection: Connection, found: dict[Key, _Found]) -> None:
    """Add what a batch has to the table, and remove what is too old."""
    if not found:
        return
    found = _bounded(connection, found)
    table = plan_violations.c
    columns = (table.source, table.type, table.name, table.code, table.pointer, table.day)
    keys = list(found)
    before = {
        tuple(row[:6]): row
        for first in range(0, len(keys), _ASKED_AT_ONCE)
        for row in connection.execute(
            select(plan_violations).where(tuple_(*columns).in_(keys[first : first + _ASKED_AT_ONCE]))
        )
    }
    rows = [_row(key, one, before.get(key)) for key, one in found.items()]
    upsert(connection, plan_violations, rows)
    newest = max(key[5] for key in found)
    connection.execute(delete(plan_violations).where(table.day <= newest - KEPT_DAYS))


def _bounded(connection: Connection, found: dict[Key, _Found]) -> dict[Key, _Found]:
    held = connection.execute(select(func.count()).select_from(plan_violations)).scalar_one()
    if held + len(found) <= MOST_GROUPS * KEPT_DAYS:
        return found
    together: dict[Key, _Found] = {}
    for (source, type_, _, code, _, day), one in found.items():
        into = together.setdefault((source, type_, "", code, "", day), _Found(0, one.first_ms, one.last_ms, "", []))
        into.count += one.count
        into.last_ms = max(into.last_ms, one.last_ms)
    return together


def _row(key: Key, one: _Found, before: Any) -> dict[str, Any]:
    samples = one.samples
    if before is not None:
        samples = [*_decode_samples(before.samples), *samples][-MOST_SAMPLES:]
    names = ("source", "type", "name", "code", "pointer", "day")
    return {
        **dict(zip(names, key, strict=True)),
        "count": one.count + (before.count if before is not None else 0),
        "first_ms": min(one.first_ms, before.first_ms) if before is not None else one.first_ms,
        "last_ms": max(one.last_ms, before.last_ms) if before is not None else one.last_ms,
        "detail": one.detail,
        "samples": msgspec.json.encode(samples).decode(),
    }


def read(engine: Engine, *, source: str | None = None, since_day: int = 0) -> list[Violations]:
    """Return the violations since a day, of a source or of all, the most frequent first."""
    table = plan_violations.c
    query = select(plan_violations).where(table.day >= since_day).order_by(table.day)
    if source is not None:
        query = query.where(table.source == source)
    found: dict[tuple[Any, ...], Violations] = {}
    with engine.connect() as connection:
        for row in connection.execute(query):
            kind = tuple(row[:5])
            samples = [msgspec.structs.asdict(one) for one in reversed(_decode_samples(row.samples))]
            one = found.get(kind)
            if one is None:
                source_, type_, name, code, pointer = kind
                one = found[kind] = Violations(
                    source=source_, type=type_, name=name, code=code, pointer=pointer, detail=row.detail, count=0,
                    first_ms=row.first_ms, last_ms=row.last_ms, days={}, samples=[],
                )  # fmt: skip
            day, number = row[5], row[6]
            one.count += number
            one.days[day] = number
            one.detail, one.last_ms = row.detail, max(one.last_ms, row.last_ms)
            one.samples = [*samples, *one.samples][:MOST_SAMPLES]
    return sorted(found.values(), key=lambda one: (-one.count, one.name, one.pointer))
