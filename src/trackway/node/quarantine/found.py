"""The calls in quarantine, newest first, and which of them were let out."""

from collections.abc import Collection, Iterator
from typing import Any, cast

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, select

from trackway.events import lenient_json
from trackway.events.records import QUARANTINE, Place, QuarantineRecord, decode_quarantine
from trackway.log.contract import EventLog, Slice
from trackway.state.tables import releases

_CHUNK = 2_000
_NEARBY = 500


class Quarantined(Struct, kw_only=True):
    """A refused call."""

    place: Place
    record: QuarantineRecord
    name: str
    """Event name of a track call, `name` of another, `""` when it cannot be told."""
    released: bool


class Wanted(Struct, frozen=True, kw_only=True):
    """Which calls; an empty member asks nothing."""

    source: str = ""
    reason: str = ""
    name: str = ""
    """The whole name."""
    pointer: str | None = None
    """Where the fault is; `""` is the call as a whole."""
    since_ms: int | None = None
    """Received at or after."""
    released: bool = False
    """Also those that were let out already."""

    def wants(self, one: Quarantined) -> bool:
        """Return whether it is one of them."""
        record = one.record
        return (
            (not self.source or record.source == self.source)
            and (not self.reason or record.refusal.reason == self.reason)
            and (not self.name or one.name == self.name)
            and (self.pointer is None or record.refusal.pointer == self.pointer)
            and (self.since_ms is None or record.received_at_ms >= self.since_ms)
            and (self.released or not one.released)
        )


class Nearby:
    """Reads records of a topic at places that lie close together, many at a time."""

    def __init__(self, log: EventLog, topic: str) -> None:
        self._log = log
        self._topic = topic
        self._partition = -1
        self._slices: list[Slice] = []

    def read(self, place: Place) -> bytes | None:
        """Return the record at `place`, None when it is deleted or was never there."""
        found = self._held(place)
        if found is None:
            self._partition = place.partition
            read = self._log.read(self._topic, place.partition, place.offset, max_records=_NEARBY)
            self._slices = list(read)
            found = self._held(place)
        return found

    def _held(self, place: Place) -> bytes | None:
        for part in self._slices if place.partition == self._partition else ():
            if part.first <= place.offset < part.next:
                return part.records[place.offset - part.first]
        return None


def find(clean: EventLog, engine: Engine | None, wanted: Wanted) -> Iterator[Quarantined]:
    """Yield the wanted calls, of each partition the newest first; `engine` is the state, None while there is none."""
    released = released_places(engine)
    starts = clean.starts(QUARANTINE)
    for partition, head in sorted(clean.heads(QUARANTINE).items()):
        end, start = head, starts.get(partition, 0)
        while end > start:
            first = max(start, end - _CHUNK)
            for one in reversed(_read(clean, partition, first, end, released)):
                if wanted.wants(one):
                    yield one
            end = first


def read_one(clean: EventLog, engine: Engine | None, place: Place) -> Quarantined | None:
    """Return the call at `place` of the topic `quarantine`; None when it is deleted, or was never there."""
    found = _read(clean, place.partition, place.offset, place.offset + 1, released_places(engine))
    return found[0] if found else None


def released_places(engine: Engine | None) -> set[Place]:
    """Return the places of all calls that were let out."""
    if engine is None:
        return set()
    with engine.connect() as connection:
        return {Place(*row) for row in connection.execute(select(releases.c.partition, releases.c.offset))}


def _read(clean: EventLog, partition: int, first: int, end: int, released: Collection[Place]) -> list[Quarantined]:
    return [
        _open(Place(partition, offset), decode_quarantine(record), released)
        for part in clean.read(QUARANTINE, partition, first, max_records=end - first)
        for offset, record in enumerate(part.records, part.first)
    ]


def _open(place: Place, record: QuarantineRecord, released: Collection[Place]) -> Quarantined:
    return Quarantined(place=place, record=record, name=name_of(record.body), released=place in released)


def name_of(body: bytes) -> str:
    """Return the name of a call, however broken it is."""
    call = call_of(body)
    found = call.get("event") or call.get("name") if call else None
    return found if isinstance(found, str) else ""


def call_of(body: bytes) -> dict[str, Any] | None:
    """Return a call as JSON values; None when it is no object."""
    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        try:
            value, _ = lenient_json.loads(body)
        except lenient_json.NotJson:
            return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
