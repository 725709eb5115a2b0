"""Whose turn it is: events wait here, in order per person, until a batch of them may go.

An event waits in its person's line. A line is ready while none of its events is on the way; ready lines take turns, one
event at a time, so that a person with thousands of events does not hold the others up. A batch goes when it is full, or
when its oldest event has waited long enough; its lines are busy until its events have ended.
What is to be tried again waits apart with a time; its lines stay busy, so later events of its persons stay behind it.

Batches that may have been sent before a crash come back as claims: their events wait in the lines like all others, but
leave as the same batch again.
"""

import asyncio
import heapq
import itertools
import operator
from collections import deque
from collections.abc import Collection, Iterable, Sequence

from trackway.delivery.breaker import Stopped
from trackway.delivery.clock import Clock
from trackway.delivery.items import Batch, Item, Line, Passing
from trackway.destinations.kit import Limits

_by_offset = operator.attrgetter("offset")


class _Claim:
    """A batch that was formed before a restart."""

    __slots__ = ("items", "missing")

    def __init__(self, missing: int) -> None:
        self.missing = missing
        """Events that have not been read again yet."""
        self.items: list[Item] = []

    def lines(self) -> set[Line]:
        """Return the lines that its events wait in."""
        return {item.line for item in self.items if item.line is not None}

    def is_next(self) -> bool:
        """Say whether all its events are here, and it is its turn in each of their lines."""
        return not self.missing and all(not line.busy and line.items[0].claim is self for line in self.lines())


class _Pool:
    """The lines of one partition."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lines: dict[str, Line] = {}
        self._ready: deque[Line] = deque()
        self._count = 0
        self._size = 0
        self.claims: deque[_Claim] = deque()
        self.claim_of: dict[int, _Claim] = {}

    def add(self, item: Item) -> None:
        """Put an event at the end of its person's line."""
        person = item.person
        line = self._lines.get(person)
        if line is None:  # mostly
            size, ready = item.size, item.claim is None
            line = self._lines[person] = item.line = Line(person, [item], size, False, ready)
            if ready:
                self._ready.append(line)
                self._count += 1
                self._size += size
            return
        item.line = line
        line.items.append(item)
        line.size += item.size
        if line.ready:
            self._count += 1
            self._size += item.size
        elif not line.busy:
            self._open(line)

    def release(self, items: Iterable[Item], held: Collection[Line]) -> None:
        """Let the next events of the items' lines go, but for those that are `held`."""
        lines = self._lines
        for item in items:
            line = item.line
            # A line may have several items here: it moves on at the first.
            if line is not None and line.busy and not (held and line in held):
                line.busy = False
                if line.items:
                    self._open(line)
                else:
                    del lines[line.person]

    def waiting(self, person: str) -> int:
        """Return how many of a person's events wait in their line."""
        line = self._lines.get(person)
        return len(line.items) if line is not None else 0

    def cut(self, line: Line, kept: int) -> list[Item]:
        """Take all but the first `kept` events out of a line, and return them."""
        gone = line.items[kept:]
        del line.items[kept:]
        size = sum(item.size for item in gone)
        line.size -= size
        if line.ready:
            self._count -= len(gone)
            self._size -= size
        return gone

    def clear(self) -> None:
        """Let go of all events."""
        for line in self._lines.values():
            line.items.clear()
        for claim in self.claims:
            claim.items.clear()

    def due_s(self) -> float | None:
        """Return when the next batch may be taken, or None when nothing is ready."""
        if not self._ready:
            return None
        if self._count >= self._limits.events or self._size >= self._limits.bytes:
            return 0.0
        return self._ready[0].items[0].arrived_s + self._limits.wait_s

    def found(self, item: Item) -> _Claim | None:
        """Note that an item, or a hole in the log, has been read; return the claim of its first event."""
        claim = self.claim_of.get(item.offset)
        for offset in range(item.offset, item.offset + item.span):
            if (of := self.claim_of.pop(offset, None)) is not None:
                of.missing -= 1
        return claim

    def take_claim(self) -> Batch | None:
        """Return a claimed batch that can go, if there is one."""
        # Not only the first: which of two was formed first shows in the lines that they share.
        claim = next((claim for claim in self.claims if claim.is_next()), None)
        if claim is None:
            return None
        self.claims.remove(claim)
        for line in claim.lines():
            line.busy = True
            line.items = [item for item in line.items if item.claim is not claim]
            line.size = sum(item.size for item in line.items)
        claim.items.sort(key=_by_offset)  # deferred ones are read again after others
        for item in claim.items:
            item.claim = None
        return Batch(claim.items, claimed=True) if claim.items else self.take_claim()

    def take(self) -> Batch:
        """Return as many ready events as fit into a batch, at least one; there must be one.

        Each ready line gives one event in turn, and those that have more give again while there is room.
        """
        if self._limits.events == 1:
            return self._take_one()
        items: list[Item] = []
        ready, again = self._ready, deque[Line]()
        most_rows, most_bytes = self._limits.events, self._limits.bytes
        rows = size = taken = taken_size = 0
        # Thousands of times a batch: each line by line, nothing called that need not be.
        while rows < most_rows and size < most_bytes and (ready or again):
            line = ready[0] if ready else again[0]
            waiting = line.items
            item = waiting[0]
            rows += len(item.rows)
            size += item.size + 1  # for the comma
            if items and (rows > most_rows or size > most_bytes):
                break
            if line.ready:
                ready.popleft()
                line.ready, line.busy = False, True
                taken += len(waiting)
                taken_size += line.size
            else:
                again.popleft()
            items.append(item)
            del waiting[0]
            line.size -= item.size
            if waiting and waiting[0].claim is None:
                again.append(line)
        self._count -= taken
        self._size -= taken_size
        items.sort(key=_by_offset)
        return Batch(items)

    def _take_one(self) -> Batch:
        line = self._ready.popleft()
        line.ready, line.busy = False, True
        self._count -= len(line.items)
        self._size -= line.size
        item = line.items.pop(0)
        line.size -= item.size
        return Batch([item])

    def _open(self, line: Line) -> None:
        if line.items[0].claim is None:
            line.ready = True
            self._ready.append(line)
            self._count += len(line.items)
            self._size += line.size


class Backlog:
    """Forms batches of waiting events. All its methods belong to one event loop."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._pools: dict[int, _Pool] = {}
        self._turns: deque[_Pool] = deque()
        self._later: list[tuple[float, int, Batch]] = []
        self._number = itertools.count()
        self._changed = asyncio.Event()
        self._one_waits = asyncio.Lock()
        self._stopped = False

    @property
    def expecting(self) -> bool:
        """True while events of an expected batch have not been added."""
        return any(pool.claim_of for pool in self._pools.values())

    def expect(self, partition: int, offsets: Sequence[int]) -> None:
        """Form a batch of exactly these events, once they are added."""
        claim = _Claim(len(offsets))
        pool = self._pool(partition)
        pool.claims.append(claim)
        pool.claim_of.update(dict.fromkeys(offsets, claim))

    def add(self, items: Iterable[Item]) -> None:
        """Take in events in order of their offsets; those that have ended already are only taken note of."""
        now_s = self._clock.monotonic()
        pool, partition = None, -1
        for item in items:
            if pool is None or item.partition != partition:
                partition = item.partition
                pool = self._pool(partition)
            claim = pool.found(item) if pool.claim_of else None
            if item.end is not None or item.passing == Passing.PASSABLE:
                continue
            if claim is not None:
                item.claim = claim
                claim.items.append(item)
            item.arrived_s = now_s
            pool.add(item)
        self._changed.set()

    def later(self, batch: Batch, delay_s: float) -> None:
        """Offer `batch` again after `delay_s`; its lines stay as they are."""
        heapq.heappush(self._later, (self._clock.monotonic() + delay_s, next(self._number), batch))
        self._changed.set()

    def release(self, ended: Sequence[Item], still: Sequence[Item] = ()) -> None:
        """Let the lines of `ended`, all of one partition, move on, but for those that have an item among `still`."""
        if ended:
            held = {item.line for item in still if item.line is not None} if still else ()
            self._pool(ended[0].partition).release(ended, held)
        self._changed.set()

    def ready(self) -> Batch | None:
        """Return the next batch if it may go now."""
        return None if self._stopped else self._next(self._clock.monotonic())

    async def take(self) -> Batch:
        """Return the next batch, waiting for it.

        Raises:
            Stopped: the worker is stopping.
        """
        if batch := self.ready():
            return batch
        # One waits for all: else each event would wake every sender.
        async with self._one_waits:
            while True:
                if self._stopped:
                    raise Stopped
                now_s = self._clock.monotonic()
                if batch := self._next(now_s):
                    return batch
                self._changed.clear()
                due_s = self._due_s()
                await self._clock.wait(self._changed, None if due_s is None else max(0.0, due_s - now_s))

    def stop(self) -> None:
        """Give out no more batches."""
        self._stopped = True
        self._changed.set()

    def expects(self, item: Item) -> bool:
        """Say whether an item belongs to a batch from before a restart that has not come together."""
        return item.offset in self._pool(item.partition).claim_of

    def waiting(self, partition: int, person: str) -> int:
        """Return how many of a person's events wait in their line."""
        return self._pool(partition).waiting(person)

    def cut(self, line: Line, partition: int, kept: int) -> list[Item]:
        """Take all but the first `kept` events out of a line, and return them."""
        return self._pool(partition).cut(line, kept)

    def clear(self) -> None:
        """Let go of everything: what refers to itself here is none of the garbage collector's."""
        for pool in self._pools.values():
            pool.clear()
        self._later.clear()

    def _pool(self, partition: int) -> _Pool:
        pool = self._pools.get(partition)
        if pool is None:
            pool = self._pools[partition] = _Pool(self._limits)
            self._turns.append(pool)
        return pool

    def _next(self, now_s: float) -> Batch | None:
        if self._later and self._later[0][0] <= now_s:
            return heapq.heappop(self._later)[2]
        for _ in range(len(self._turns)):
            pool = self._turns[0]
            self._turns.rotate(-1)
            if pool.claims and (batch := pool.take_claim()):
                return batch
            if (due_s := pool.due_s()) is not None and due_s <= now_s:
                return pool.take()
        return None

    def _due_s(self) -> float | None:
        times = [due_s for pool in self._pools.values() if (due_s := pool.due_s()) is not None]
        if self._later:
            times.append(self._later[0][0])
        return min(times, default=None)
