"""Events on their way to one destination, from the log to their end."""

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

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


OVERHEAD_BYTES = 800
"""What the objects of one event take in memory besides its body and rows, about."""


# Thousands wait at a time, so the garbage collector does not look at them: who drops a backlog clears it.
class Item(Struct, gc=False, eq=False):
    """One event at one destination, or a hole in the log (`record` None) that stands for `span` lost events."""

    partition: int
    offset: int
    record: EventRecord | None
    source: str = ""
    """The event's; `""` for a hole."""
    span: int = 1
    size: int = 0
    """Bytes that it takes in a request."""
    held_bytes: int = OVERHEAD_BYTES
    """Memory that it takes, about."""
    rows: Sequence[Row] = ()
    """What is still to be sent of it."""
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
    line: "Line | None" = None
    parked: Parked | None = None
    """What the state database has of it, if it waited there."""

    @property
    def message_id(self) -> str:
        """The event's message id; `""` for a hole."""
        return self.record.message_id if self.record else self.parked.message_id if self.parked else ""


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

    def add(self, items: Iterable[Item]) -> None:
        """Take in items, each above all others of its partition."""
        waiting, partition, held = deque[Item](), -1, 0
        for item in items:
            if item.partition != partition:
                partition = item.partition
                waiting = self._items.setdefault(partition, deque())
            waiting.append(item)
            held += item.held_bytes
            self.count += 1
        self.size += held

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
        """Remove and return the items that the cursor can pass: those without an unended one below them."""
        ended: list[Item] = []
        for items in self._items.values():
            while items and items[0].end is not None:
                item = items.popleft()
                self.count -= 1
                self.size -= item.held_bytes
                ended.append(item)
        return ended


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
