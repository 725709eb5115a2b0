"""Read the events log for one destination: filtered, and in the destination's terms."""

from collections.abc import Iterator, Mapping, Sequence

from trackway.delivery.deletion.deleted import DELETED, Deleted
from trackway.delivery.filters import Filter
from trackway.delivery.items import DELIVERED, End, Item, Parked
from trackway.delivery.shared import Decode, decode_alone
from trackway.destinations import kit
from trackway.destinations.destination import Destination
from trackway.events.records import EVENTS, EventRecord, Place, decode_event
from trackway.log.contract import EventLog, LogReader

_NEAR = 100
"""Events between two that are read together at the most."""
EXPIRED = End("failed", "expired", "the log no longer has the event")


class Intake:
    """Makes items of records. All of it blocks; all but `wake` belongs to one thread."""

    def __init__(
        self,
        log: EventLog,
        consumer: str,
        destination: Destination,
        filter_: Filter,
        *,
        decode: Decode = decode_alone,
        deleted: Deleted | None = None,
    ) -> None:
        """`consumer` is the name under which the log keeps what this destination has not passed.

        Parked events of people who were `deleted` are not sent. What is on its way in its turn is sent: the deletion
        waits for it.

        `decode` may give the same events to others too.
        """
        self._log = log
        self._consumer = consumer
        self._destination = destination
        self._filter = filter_
        self._decode = decode
        self._deleted = deleted
        # What changes an event changes it for itself alone; an own destination's code may do so by mistake.
        self._shares = destination.trusted and destination.maps and not filter_.changing
        self._changes = filter_.changing
        self._outlines = self._shares and filter_.asks_outline
        self._reader: LogReader | None = None
        self._next: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._delivered: set[Place] = set()

    @property
    def name(self) -> str:
        """The destination's name in an event's `integrations`."""
        return self._destination.name

    def beginning(self) -> dict[int, int]:
        """Return where a new destination begins: what the log holds for it already, else the end of the log."""
        held = self._log.consumers(EVENTS).get(self._consumer)
        return self._log.heads(EVENTS) if held is None else held

    def open(self, position: Mapping[int, int], delivered: set[Place]) -> list[Item]:
        """Read on from `position`, and return what the log has lost meanwhile.

        The events in `delivered` are above the position, and known to be delivered.
        """
        self._delivered = delivered
        self._reader = self._log.reader(EVENTS, consumer=self._consumer, start=position)
        starts = self._log.starts(EVENTS)
        lost = {partition: first for partition, first in starts.items() if first > position.get(partition, 0)}
        self._next = {**position, **lost}
        return [_hole(partition, position.get(partition, 0), first) for partition, first in lost.items()]

    def read(self, max_records: int, timeout_s: float) -> list[Item]:
        """Return the next items, waiting up to `timeout_s` for the first; those that are not to be sent have ended."""
        if self._reader is None:
            raise ValueError("the intake is not open")
        items: list[Item] = []
        for found in self._reader.poll(max_records=max_records, timeout_s=timeout_s):
            expected = self._next.get(found.partition, 0)
            if found.first > expected:
                items.append(_hole(found.partition, expected, found.first))
            self._next[found.partition] = found.next
            partition, shares, name = found.partition, self._shares, self._destination.name
            outlines = self._outlines and self._destination.shortens
            for offset, shared in enumerate(self._decode(found), found.first):
                event = shared.record
                message_id = event.message_id
                item = Item(
                    partition, offset, event.source, message_id, event.user_id or event.anonymous_id or message_id
                )
                items.append(item)
                if not self._delivered or not self._was_delivered(item):
                    outline = shared.outline() if outlines else None
                    plain = shared.json() if shares and outline is None else None
                    whole = shared.json if shared.shared and shares else None
                    self._judge(item, kit.Event(event, name, plain, outline, whole))
        return items

    def read_again(self, parked: Sequence[Parked]) -> list[Item]:
        """Return parked or deferred events as new items, not filtered a second time.

        Those that the log has lost have ended; so have those of people whose deletion was asked for meanwhile.
        """
        items: list[Item] = []
        if self._deleted is not None:
            self._deleted.look()
        for one, record in self._records(parked):
            if record is None:
                items.append(Item(one.partition, one.offset, one.source, one.message_id, tries=one.tries, end=EXPIRED))
                continue
            item = Item.of(one.partition, one.offset, decode_event(record))
            item.tries = one.tries
            if self._is_deleted(item.record):
                item.end = End("discarded", DELETED)
            elif (event := self._ready(item)) is not None:
                self._render(item, kit.Event(event, self._destination.name))
            items.append(item)
        return items

    def _records(self, parked: Sequence[Parked]) -> Iterator[tuple[Parked, bytes | None]]:
        """Yield events with their records, None for those that the log has lost; neighbours are read together."""
        for run in _runs(parked):
            wanted = {one.offset for one in run}
            first, last = run[0].offset, run[-1].offset
            found = {
                offset: record
                for part in self._log.read(EVENTS, run[0].partition, first, max_records=last - first + 1)
                for offset, record in enumerate(part.records, part.first)
                if offset in wanted
            }
            if found or len(run) == 1:
                yield from ((one, found.get(one.offset)) for one in run)
            else:  # the first is lost, the others need not be
                for one in run:
                    yield from self._records([one])

    def commit(self, position: Mapping[int, int]) -> None:
        """Let the log delete what is below `position`, where the destination stands."""
        if self._reader is not None and position != self._committed:
            self._reader.commit(position)
            self._committed = dict(position)

    def wake(self) -> None:
        """Make a waiting `read` return at once. Safe from any thread."""
        if self._reader is not None:
            self._reader.wake()

    def close(self) -> None:
        """Free the reader's files."""
        if self._reader is not None:
            self._reader.close()

    def judged(self, item: Item) -> Item:
        """Return an item that has its record with what is to be sent of it, ended if nothing is."""
        if not self._was_delivered(item) and (event := self._ready(item)) is not None:
            self._judge(item, kit.Event(event, self._destination.name))
        return item

    def _was_delivered(self, item: Item) -> bool:
        """End an item that was delivered before a restart; return whether it was."""
        if (place := Place(item.partition, item.offset)) not in self._delivered:
            return False
        self._delivered.discard(place)
        item.end = DELIVERED
        return True

    def _judge(self, item: Item, event: kit.Event) -> None:
        if reason := self._filter.reason(event.record, event.plain, event.outline):
            item.end = End("discarded", reason)
        else:
            self._render(item, event)

    def _ready(self, item: Item) -> EventRecord | None:
        """Return the event as it is to be sent, None when there is none: the log's own."""
        return item.record

    def _is_deleted(self, record: EventRecord | None) -> bool:
        return self._deleted is not None and record is not None and self._deleted.has(record)

    def _render(self, item: Item, event: kit.Event) -> None:
        if self._changes:
            prepared = self._filter.prepared(event.record)
            if isinstance(prepared, End):
                item.end = prepared
                return
            event = kit.Event(prepared, self._destination.name)
        rows = self._destination.rows(event)
        if isinstance(rows, kit.Skipped):
            item.end = End("discarded", rows.reason)
        elif isinstance(rows, kit.Rejected):
            item.end = End("failed", rows.reason, rows.detail)
        else:
            item.rows = rows
            item.size = len(rows[0].value) if len(rows) == 1 else sum([row.size for row in rows])
            item.held_bytes += item.size


def _runs(parked: Sequence[Parked]) -> Iterator[list[Parked]]:
    """Yield neighbours together, in order: they mostly stand in one block, which is decoded as a whole."""
    run: list[Parked] = []
    for one in parked:
        if run and not (one.partition == run[-1].partition and 0 < one.offset - run[-1].offset <= _NEAR):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _hole(partition: int, first: int, next_: int) -> Item:
    """Return an item for records that the log has deleted before they were read."""
    return Item(partition, first, span=next_ - first, end=EXPIRED)
