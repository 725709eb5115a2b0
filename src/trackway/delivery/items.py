"""Events on their way to one destination, from the log to their end."""

import itertools
import operator
from collections import deque
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple, Self

from msgspec import Struct

from trackway.destinations.kit import Outcome, Request, Response, Row
from trackway.events.records import EventRecord, Place


class Parked(Struct):
    """An event below the cursor that is tried again from time to time."""

    partition: int
    offset: int
    message_id: str
    source: str
    tries: int
    next_at_ms: int
    reason: str


class Deferred(NamedTuple):
    """An event below the cursor that waits for earlier ones of the same person."""

    partition: int
    offset: int
    person: str
    message_id: str
    source: str


class Verdict(NamedTuple):
    """What became of one event in a try, and what was sent and answered."""

    outcome: Outcome
    row: Row | None = None
    request: Request | None = None
    answer: Response | None = None


class End(NamedTuple):
    """How an event ended at a destination."""

    outcome: str
    """`delivered`, `discarded`, `failed`, or `retrying` when it is parked for other tries."""
    reason: str = ""
    detail: str = ""
    request: str = ""
    answer: str = ""


DELIVERED = End("delivered")
DEFERRED = End("deferred")
"""No end, but counted as one: an event that the cursor has passed and that waits for its person's earlier ones."""
_by_partition = operator.attrgetter("partition")
_by_held_bytes = operator.attrgetter("held_bytes")


class Passing(IntEnum):
    """How an item that has no end stands to the cursor."""

    ABOVE = 0
    """The cursor waits for its end."""
    PASSABLE = 1
    """The cursor may pass it."""
    PASSED = 2
    """It is deferred: a row of the state database says that it has no end."""


OVERHEAD_BYTES = 800
"""What the objects of one event take in memory besides its rows, about."""


# Thousands wait at a time, so the garbage collector does not look at them: who drops a backlog clears it.
class Item(Struct, gc=False, eq=False):
    """One event at one destination, or a hole in the log that stands for `span` lost events.

    It holds what its turn, its request and the books need. The event itself is in the log, and needed no more.
    """

    partition: int
    offset: int
    source: str = ""
    """The event's, as are the next two; `""` for a hole."""
    message_id: str = ""
    person: str = ""
    rows: Sequence[Row] = ()
    """What is still to be sent of it."""
    size: int = 0
    """Bytes that it takes in a request."""
    held_bytes: int = OVERHEAD_BYTES
    """Memory that it takes, about."""
    span: int = 1
    record: EventRecord | None = None
    """Of parked and replayed events: before they are sent it is looked whether their person was deleted meanwhile."""
    arrived_s: float = 0.0
    claim: object = None
    """The batch that it belonged to before a restart."""
    refused: Verdict | None = None
    """Set when one of its rows was rejected, while others are still to be sent."""
    tries: int = 0
    """Failed tries that may be the event's own fault."""
    successes_before: int = -1
    """How many requests had succeeded when this event first failed; -1 before."""
    end: End | None = None
    """Set once, when nothing more is to be done."""
    passing: int = 0
    """A `Passing`."""
    line: "Line | None" = None

    @classmethod
    def of(cls, partition: int, offset: int, record: EventRecord) -> Self:
        """Return an item that keeps its record."""
        held_bytes = OVERHEAD_BYTES + len(record.body)
        return cls(
            partition, offset, record.source, record.message_id, record.person, held_bytes=held_bytes, record=record
        )


# As many as there are people: nothing of Python's own is run to make one.
class Line(Struct, gc=False, eq=False):
    """One person's events in a partition, oldest first."""

    person: str
    items: list[Item] = []
    """Mostly one or two: a deque would take ten times the memory and half of the time."""
    size: int = 0
    busy: bool = False
    """True while one or more events before these are on their way."""
    ready: bool = False
    """True while its first event may be taken into any batch."""


class Batch:
    """Items that are sent together, in order of their offsets, all of one partition."""

    __slots__ = ("claimed", "first", "items", "parked", "tries", "wholly")

    def __init__(self, items: list[Item], *, claimed: bool = False, parked: bool = False) -> None:
        self.items = items
        self.first = Place(items[0].partition, items[0].offset)
        """Of its items when it was formed: the name of its claim."""
        self.claimed = claimed
        """Already known to the state database as a batch."""
        self.wholly = True
        """False once one of its items has ended otherwise than delivered."""
        self.parked = parked
        """Taken from the parked events: its items are below the cursor."""
        self.tries = 0


class Window:
    """All items above the cursor, by partition in offset order; the cursor follows the ends of the oldest."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        """Bytes of memory, about, that those take which have not been delivered."""
        self._items: dict[int, deque[Item]] = {}

    def add(self, items: Sequence[Item]) -> None:
        """Take in items, each above all others of its partition."""
        for partition, own in itertools.groupby(items, _by_partition):
            self._items.setdefault(partition, deque()).extend(own)
        self.count += len(items)
        self.size += sum(map(_by_held_bytes, items))

    def deliver(self, items: Iterable[Item]) -> None:
        """End items as delivered, and let go of their events: the cursor may take long to pass them."""
        freed = 0
        for item in items:
            item.end = DELIVERED
            freed += item.held_bytes
            item.held_bytes = 0
            item.record = None
            item.rows = ()
        self.size -= freed

    def take_ended(self) -> list[Item]:
        """Remove and return the items that the cursor can pass: none below them keeps it."""
        ended: list[Item] = []
        for items in self._items.values():
            while items and (items[0].end is not None or items[0].passing):
                item = items.popleft()
                self.count -= 1
                self.size -= item.held_bytes
                if item.passing:
                    item.held_bytes = 0
                ended.append(item)
        return ended

    def crowd(self) -> dict[tuple[int, str], list[Item]]:
        """Return the items that the cursor waits for, by partition and person, each in order."""
        found: dict[tuple[int, str], list[Item]] = {}
        for partition, items in self._items.items():
            for item in items:
                if item.end is None and not item.passing:
                    found.setdefault((partition, item.person), []).append(item)
        return found

    def pins(self) -> list[Item]:
        """Return the lowest items that the cursor waits for while half of all could be passed if it did not.

        So many that with their ends half of those could be.
        """
        found: list[Item] = []
        idle = sum(not _keeps(item) for items in self._items.values() for item in items)
        if 2 * idle <= self.count:
            return found
        for items in self._items.values():
            passed = 0
            for item in items:
                if _keeps(item):
                    found.append(item)
                elif 2 * (passed := passed + 1) >= idle:
                    break
        return found

    def let_go(self, item: Item) -> None:
        """Keep of an item no more than the cursor needs to pass it."""
        if not item.passing:
            item.passing = Passing.PASSABLE
        self.size -= item.held_bytes
        item.held_bytes, item.rows, item.record, item.line = 0, (), None, None


def _keeps(item: Item) -> bool:
    """Say whether the cursor waits for an item."""
    return item.end is None and not item.passing


def write_offsets(offsets: Sequence[int]) -> str:
    """Return ascending offsets in short: `4-9,12`."""
    breaks = [at for at, (one, other) in enumerate(itertools.pairwise(offsets), 1) if other != one + 1]
    firsts, afters = [0, *breaks], [*breaks, len(offsets)]
    return ",".join(
        str(offsets[first]) if after - first == 1 else f"{offsets[first]}-{offsets[after - 1]}"
        for first, after in zip(firsts, afters, strict=True)
    )


def read_offsets(text: str) -> list[int]:
    """Return what `write_offsets` wrote."""
    offsets: list[int] = []
    for run in text.split(","):
        first, _, last = run.partition("-")
        offsets.extend(range(int(first), int(last or first) + 1))
    return offsets
