"""Events that several destinations read: each is decoded once for all that come by while it is remembered.

At the end of the log all destinations read the same blocks within moments; then the first one decodes, the others find.
One that is far behind reads alone, and what it reads soon makes room for what follows.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from trackway.destinations.kit.outlines import Outline, read_outline
from trackway.events.records import EventRecord, decode_event
from trackway.log.contract import Slice

REMEMBERED_BYTES = 2 << 20
"""Bodies of the events that are remembered, together; as Python's objects they take about six times as much."""


_decode = msgspec.json.Decoder(dict[str, Any]).decode


class SharedEvent(Struct, gc=False, eq=False):
    """An event of the log, and its JSON once somebody has asked for it."""

    record: EventRecord
    shared: bool
    """Whether anyone else will ask: else nothing is remembered."""
    _json: dict[str, Any] | None = None
    _outline: Outline | None = None

    def json(self) -> dict[str, Any] | None:
        """Return the body as plain data that nobody may change; None if it cannot be read."""
        found = self._json
        if found is None:
            try:
                found = _decode(self.record.body)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return None
            if self.shared:
                self._json = found
        return found

    def outline(self) -> Outline | None:
        """Return the body as an outline, which nobody may change; None if it cannot be read."""
        found = self._outline or read_outline(self.record.body)
        if self.shared:
            self._outline = found
        return found


class _Block(Struct):
    """Events that have been read lately."""

    events: list[SharedEvent]
    size_bytes: int
    readers: int = 1
    """Who have had them."""


class SharedEvents:
    """Decodes what is read from topic `events`, and remembers a little of it. Safe from any thread."""

    def __init__(self, remembered_bytes: int = REMEMBERED_BYTES) -> None:
        self.readers = 1
        """How many come by; what all of them have had is forgotten."""
        self._most = remembered_bytes
        self._size = 0
        self._blocks: OrderedDict[tuple[int, int, int], _Block] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, found: Slice) -> Sequence[SharedEvent]:
        """Return the events of a slice, the same objects for everyone who comes with it."""
        if self.readers < 2:
            return decode_alone(found)
        key = (found.partition, found.first, len(found.records))
        with self._lock:
            known = self._blocks.get(key)
            if known is not None:
                known.readers += 1
                if known.readers >= self.readers:
                    self._forget(key)
                return known.events
        events = [SharedEvent(decode_event(record), True) for record in found.records]
        self._remember(key, _Block(events, sum(map(len, found.records))))
        return events

    def _remember(self, key: tuple[int, int, int], block: _Block) -> None:
        with self._lock:
            self._forget(key)
            self._blocks[key] = block
            self._size += block.size_bytes
            while self._size > self._most:
                self._forget(next(iter(self._blocks)))

    def _forget(self, key: tuple[int, int, int]) -> None:
        gone = self._blocks.pop(key, None)
        if gone is not None:
            self._size -= gone.size_bytes


Decode = Callable[[Slice], Sequence[SharedEvent]]


def decode_alone(found: Slice) -> Sequence[SharedEvent]:
    """Return the events of a slice, shared with nobody."""
    return [SharedEvent(decode_event(record), False) for record in found.records]
