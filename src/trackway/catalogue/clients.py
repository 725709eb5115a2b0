"""Which client libraries, and which versions of them, each source's events come from; counted in bounded space."""

import threading
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, select

from trackway.events.records import EventRecord, Place
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.log.event_feed import EventFeed
from trackway.state import upsert, writing
from trackway.state.tables import client_positions, clients

MOST_PER_SOURCE = 100
"""Libraries and versions; what comes beyond is counted in one row without a name."""
_MOST_CHARS = 100
_LINGER_S = 1.0


class Client(Struct, kw_only=True):
    """A version of a library, and how much of it was seen."""

    source: str
    library: str
    """`""`: calls that name no library, and those beyond the bound (then `version` is `""`, too)."""
    version: str
    count: int
    first_ms: int
    last_ms: int


class _Context(Struct):
    library: Any = None


class _Event(Struct):
    context: _Context | None = None


_decode = msgspec.json.Decoder(_Event).decode
_Key = tuple[str, str, str]


class ClientLedger:
    """Counts the clients of all sources. Any thread may use it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._known: dict[str, set[tuple[str, str]]] | None = None

    def positions(self) -> dict[int, int]:
        """Return the next offset to count by partition."""
        with self._engine.connect() as connection:
            return {row.partition: row.next_offset for row in connection.execute(select(client_positions))}

    def take(self, events: Iterable[tuple[EventRecord, Place]], position: Mapping[int, int]) -> None:
        """Count events, and note how far the log is counted, in one transaction."""
        with self._lock:
            known = self._read_known() if self._known is None else self._known
            found: dict[_Key, list[int]] = {}
            for event, _ in events:
                key = _bounded(known, event)
                at = event.received_at_ms
                if (row := found.get(key)) is None:
                    found[key] = [1, at, at]
                else:
                    row[0] += 1
                    row[1], row[2] = min(row[1], at), max(row[2], at)
            try:
                self._write(found, position)
            except BaseException:
                self._known = None  # what was added to it may not be in the table
                raise
            self._known = known

    def read(self, source: str | None = None) -> list[Client]:
        """Return the clients of a source, or of all, the most used first."""
        rows = select(clients).order_by(clients.c["count"].desc(), clients.c.library, clients.c.version)
        with self._engine.connect() as connection:
            found = connection.execute(rows if source is None else rows.where(clients.c.source == source)).mappings()
            return [Client(**{str(name): value for name, value in row.items()}) for row in found]

    def _read_known(self) -> dict[str, set[tuple[str, str]]]:
        known: dict[str, set[tuple[str, str]]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(select(clients.c.source, clients.c.library, clients.c.version)):
                known.setdefault(row.source, set()).add((row.library, row.version))
        return known

    def _write(self, found: Mapping[_Key, list[int]], position: Mapping[int, int]) -> None:
        with writing(self._engine) as connection:
            had = {
                (row.source, row.library, row.version): row
                for row in connection.execute(
                    select(clients).where(clients.c.source.in_({source for source, _, _ in found}))
                )
            }
            rows = [
                {
                    "source": key[0],
                    "library": key[1],
                    "version": key[2],
                    "count": count,
                    "first_ms": min(first, had[key].first_ms) if key in had else first,
                    "last_ms": max(last, had[key].last_ms) if key in had else last,
                }
                for key, (count, first, last) in found.items()
            ]
            upsert(connection, clients, rows, add=["count"])
            places = [{"partition": partition, "next_offset": offset} for partition, offset in position.items()]
            upsert(connection, client_positions, places)


def client_feed(ledger: ClientLedger, log: EventLog) -> EventFeed:
    """Return the thread that counts the clients of the events of `log`."""
    return EventFeed(log, consumers.CLIENTS, ledger.take, positions=ledger.positions, linger_s=_LINGER_S)


def _bounded(known: dict[str, set[tuple[str, str]]], event: EventRecord) -> _Key:
    named = _library(event.body)
    listed = known.setdefault(event.source, set())
    if named not in listed:
        if len(listed) >= MOST_PER_SOURCE:
            named = ("", "")
        listed.add(named)
    return event.source, named[0], named[1]


def _library(body: bytes) -> tuple[str, str]:
    """Return name and version of an event's library; what is no text there is none."""
    try:
        context = _decode(body).context
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ("", "")
    library = context.library if context is not None else None
    if not isinstance(library, dict):
        return ("", "")
    told = cast("dict[str, Any]", library)
    name, version = told.get("name"), told.get("version")
    if not isinstance(name, str) or not name:
        return ("", "")
    return _short(name), _short(version) if isinstance(version, str) else ""


def _short(text: str) -> str:
    return text[:_MOST_CHARS].replace("\x00", "\N{REPLACEMENT CHARACTER}")
