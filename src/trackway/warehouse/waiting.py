"""Events that wait for a load, as the log has them: decoded they take more than twice the memory."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from trackway.events.records import EventRecord, decode_event


class Waiting(Sequence[EventRecord]):
    """Events in the order of the log, each decoded whenever it is looked at."""

    def __init__(self) -> None:
        self._encoded: list[bytes] = []
        self.size_bytes = 0
        self.oldest_ms: int | None = None
        """When the first of those was received that `take` took."""

    def add(self, encoded: Iterable[bytes]) -> None:
        """Append events as `records.encode` makes them."""
        before = len(self._encoded)
        self._encoded += encoded
        self.size_bytes += sum(map(len, itertools.islice(self._encoded, before, None)))

    def take(self, most: int, most_bytes: int) -> Iterator[list[EventRecord]]:
        """Yield all events in parts, each of at least one, and let go of them: there are none afterwards."""
        while self._encoded:
            part = self._encoded[:most]
            if sum(map(len, part)) > most_bytes:
                ends = itertools.accumulate(map(len, part))
                part = part[: sum(1 for end in ends if end <= most_bytes) or 1]
            del self._encoded[: len(part)]
            events = [decode_event(one) for one in part]
            oldest_ms = min(event.received_at_ms for event in events)
            self.oldest_ms = oldest_ms if self.oldest_ms is None else min(self.oldest_ms, oldest_ms)
            yield events

    def __len__(self) -> int:
        return len(self._encoded)

    @overload
    def __getitem__(self, index: int) -> EventRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[EventRecord]: ...
    def __getitem__(self, index: int | slice) -> EventRecord | list[EventRecord]:
        found = self._encoded[index]
        return decode_event(found) if isinstance(found, bytes) else [decode_event(one) for one in found]
