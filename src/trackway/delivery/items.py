"""Events on their way to one destination, from the log to their end."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trackway.destinations.kit import Outcome, Request, Response, Row
from trackway.events.records import EventRecord, Place


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


class Item:
    """One event at one destination, or a hole in the log (`record` None) that stands for `span` lost events."""

    __slots__ = (
        "arrived_s",
        "claim",
        "end",
        "line",
        "message_id",
        "offset",
        "partition",
        "record",
        "refused",
        "rows",
        "size",
        "source",
        "span",
        "successes_before",
        "tries",
    )

    def __init__(self, partition: int, offset: int, record: EventRecord | None, *, span: int = 1) -> None:
        self.partition = partition
        self.offset = offset
        self.record = record
        self.source = record.source if record else ""
        self.message_id = record.message_id if record else ""
        self.span = span
        self.size = len(record.body) if record else 0
        """Bytes that it takes in a request."""
        self.rows: Sequence[Row] = ()
        """What is still to be sent of it."""
        self.arrived_s = 0.0
        self.claim: object = None
        """The batch that it belonged to before a restart."""
        self.refused: Verdict | None = None
        """Set when one of its rows was rejected, while others are still to be sent."""
        self.tries = 0
        """Failed tries that may be the event's own fault."""
        self.successes_before = -1
        """How many requests had succeeded when this event first failed; -1 before."""
        self.end: End | None = None
        """Set once, when nothing more is to be done."""
        self.line: Line | None = None


class Line:
    """One person's events in a partition, oldest first."""

    __slots__ = ("busy", "items", "person", "ready", "size")

    def __init__(self, person: str) -> None:
        self.person = person
        self.items: deque[Item] = deque()
        self.size = 0
        self.busy = False
        """True while one or more events before these are on their way."""
        self.ready = False
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
        self._items: dict[int, deque[Item]] = {}

    def add(self, items: Iterable[Item]) -> None:
        """Take in items, each above all others of its partition."""
        for item in items:
            self._items.setdefault(item.partition, deque()).append(item)
            self.count += 1
            self.size += item.size

    def take_ended(self) -> list[Item]:
        """Remove and return the items that the cursor can pass: those without an unended one below them."""
        ended: list[Item] = []
        for items in self._items.values():
            while items and items[0].end is not None:
                item = items.popleft()
                self.count -= 1
                self.size -= item.size
                ended.append(item)
        return ended


def write_offsets(offsets: Sequence[int]) -> str:
    """Return ascending offsets in short: `4-9,12`."""
    runs: list[list[int]] = []
    for offset in offsets:
        if runs and offset == runs[-1][1] + 1:
            runs[-1][1] = offset
        else:
            runs.append([offset, offset])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def read_offsets(text: str) -> list[int]:
    """Return what `write_offsets` wrote."""
    offsets: list[int] = []
    for run in text.split(","):
        first, _, last = run.partition("-")
        offsets.extend(range(int(first), int(last or first) + 1))
    return offsets
