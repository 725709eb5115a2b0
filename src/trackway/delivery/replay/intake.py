"""Read a part of the events log for a replay: what its order names, made anew if asked, and marked."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from trackway.delivery.deletion.deleted import DELETED, Deleted
from trackway.delivery.filters import Filter
from trackway.delivery.intake import Intake
from trackway.delivery.items import End, Item
from trackway.delivery.replay.marking import Remake, mark
from trackway.delivery.replay.orders import Order
from trackway.delivery.replay.selection import NOT_SELECTED, Selection
from trackway.destinations.destination import Destination
from trackway.events.records import EVENTS, EventRecord, Place, decode_event
from trackway.log.contract import EventLog, Slice

_LARGEST_GAP = 100_000
"""Events passed over as one; more would be one long step of the cursor."""


class ReplayIntake(Intake):
    """The events of one order. What is not to be sent comes as holes, so that it costs no record of its own."""

    def __init__(
        self,
        log: EventLog,
        consumer: str,
        destination: Destination,
        filter_: Filter,
        *,
        order: Order,
        replay: int,
        selection: Selection,
        remake: Remake | None,
        deleted: Deleted,
    ) -> None:
        """`consumer` is the name under which the log keeps the part; `remake` makes events anew, if that is ordered.

        Events of people who were `deleted` are passed over.
        """
        super().__init__(log, consumer, destination, filter_, deleted=deleted)
        self._order = order
        self._replay = replay
        self._selection = selection
        self._remake = remake
        self._gone = deleted
        self._woken = threading.Event()
        self._began_s = 0.0
        self._given = 0

    def beginning(self) -> dict[int, int]:
        """Return the first offsets of the order."""
        return {partition: start for partition, (start, _) in self._order.spans.items()}

    def open(self, position: Mapping[int, int], delivered: set[Place]) -> list[Item]:
        """Read on from `position`; see `Intake.open`."""
        spans = self._order.spans
        holes = super().open(
            {partition: position.get(partition, spans[partition][0]) for partition in spans}, delivered
        )
        self._began_s = time.monotonic()
        if self._reader is not None:
            # Without a word about the other partitions, the log would keep all of them for this replay.
            self._reader.commit({**self._log.heads(EVENTS), **self._next})
        return [hole for hole in holes if hole.partition in spans]

    def look(self) -> None:
        """Begin to read from the start of the order without holding anything in the log: for a preview."""
        starts = self._log.starts(EVENTS)
        self._next = {
            partition: max(start, starts.get(partition, 0)) for partition, (start, _) in self._order.spans.items()
        }
        self._began_s = time.monotonic()

    @property
    def left(self) -> int:
        """Events of the order that have not been read."""
        return sum(max(0, end - self._next[partition]) for partition, (_, end) in self._order.spans.items())

    def read(self, max_records: int, timeout_s: float) -> list[Item]:
        """Return the next items; none at the end of the order, and while its rate forbids."""
        room = self._room(max_records)
        for partition, (_, end) in self._order.spans.items() if room else ():
            first = self._next[partition]
            if first < end:
                return self._take(partition, first, end, room)
        self._woken.wait(timeout_s if room else min(timeout_s, 0.1))
        self._woken.clear()
        return []

    def wake(self) -> None:
        """Make a waiting `read` return at once. Safe from any thread."""
        self._woken.set()
        super().wake()

    def _take(self, partition: int, first: int, end: int, room: int) -> list[Item]:
        items: list[Item] = []
        for part in self._log.read(EVENTS, partition, first, max_records=min(room, end - first)):
            items += self._items(part)
            self._next[partition] = part.next
        if not items:
            # Deleted while the replay waited for something: passed, and said to be.
            following = min(end, max(first + 1, self._log.starts(EVENTS).get(partition, 0)))
            items.append(_gap(partition, first, following, End("failed", "expired")))
            self._next[partition] = following
        self._given += sum(item.record is not None for item in items)
        return items

    def _items(self, part: Slice) -> Iterator[Item]:
        self._gone.look()
        had = self._selection.had(part.partition, part.first, part.next)
        events = [(offset, decode_event(record)) for offset, record in enumerate(part.records, part.first)]

        def reason(pair: tuple[int, EventRecord]) -> str | None:
            offset, event = pair
            # What was delivered before a restart of this very replay is above its cursor, and has its end already.
            if Place(part.partition, offset) in self._delivered:
                return None
            if not self._selection.asked(event):
                return NOT_SELECTED
            if self._gone.has(event):
                return DELETED
            return had.reason(offset, again=self._order.again)

        for why, pairs in groupby(events, key=reason):
            if why is None:
                yield from (self.judged(Item.of(part.partition, offset, event)) for offset, event in pairs)
            else:
                yield from _gaps(part.partition, [offset for offset, _ in pairs], why)

    def _ready(self, item: Item) -> EventRecord | None:
        """Return the event as it is to be sent; None when it has ended."""
        if item.record is None:
            return None
        made = self._remake(item.record) if self._remake is not None else item.record
        if isinstance(made, End):
            item.end = made
            return None
        return mark(made, self._replay, self.name)

    def _room(self, max_records: int) -> int:
        """Return how many events may be read now."""
        if self._order.rate is None:
            return max_records
        earned = self._order.rate * (time.monotonic() - self._began_s) + 1
        return max(0, min(max_records, int(earned) - self._given))


def _gaps(partition: int, offsets: Sequence[int], why: str) -> Iterator[Item]:
    first, following = offsets[0], offsets[-1] + 1
    for start in range(first, following, _LARGEST_GAP):
        yield _gap(partition, start, min(following, start + _LARGEST_GAP), End("discarded", why))


def _gap(partition: int, first: int, following: int, end: End) -> Item:
    return Item(partition, first, span=following - first, end=end)
