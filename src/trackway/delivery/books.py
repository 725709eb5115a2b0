"""What a worker has done, on its way to the state database: collected, then committed together."""

import asyncio
from collections import Counter

from trackway.delivery.breaker import Backoff
from trackway.delivery.clock import Clock
from trackway.delivery.commits import Commits
from trackway.delivery.items import (
    DEFERRED,
    DELIVERED,
    Batch,
    Deferred,
    End,
    Item,
    Parked,
    Passing,
    Window,
    write_offsets,
)
from trackway.delivery.store import Attempt, Changes, Claim, Exceptional, Store
from trackway.events.records import Place

EVERY_S = 0.1
"""How often the cursor is committed at the most. What was sent since is sent again after a crash."""


class Books:
    """Keeps one destination's cursor, tallies, exceptions and attempts in step."""

    def __init__(self, store: Store, window: Window, commits: Commits, clock: Clock, parking: Backoff) -> None:
        """`commits` may be shared; `parking` says when parked events are tried again."""
        self.committed: dict[int, int] = {}
        """The next offset by partition, as it stands in the state database."""
        self.room = asyncio.Event()
        """Set after each commit, and whenever events were delivered: there may be room in the window."""
        self.parked = asyncio.Event()
        """Set after a commit that changed the parked events."""
        self.deferred = asyncio.Event()
        """Set after a commit of deferred events: they can be read again."""
        self.under_way: set[Place] = set()
        """Parked events that are being tried; a commit of what became of them removes them."""
        self._store = store
        self._window = window
        self._commits = commits
        self._clock = clock
        self._parking = parking
        self._changes = Changes(at_ms=0)
        self._claimed: list[asyncio.Future[None]] = []
        self._something = asyncio.Event()
        self._urgent = asyncio.Event()
        self._stopped = False

    def attempt(self, attempt: Attempt) -> None:
        """Note a request."""
        self._changes.attempts.append(attempt)
        self._something.set()

    def ended(self, batch: Batch | None = None) -> None:
        """Note that items of the window have ended; `batch`: that a claimed batch was delivered wholly."""
        if batch is not None:
            self._changes.delivered.append(batch.first)
        self.room.set()
        self._something.set()

    async def claim(self, batch: Batch) -> None:
        """Return when the state database knows `batch`, so that it is formed in the same way after a crash."""
        offsets = [item.offset for item in batch.items]
        claim = Claim(batch.items[0].partition, offsets[0], offsets[-1], write_offsets(offsets))
        self._changes.claims.append(claim)
        known = asyncio.get_running_loop().create_future()
        self._claimed.append(known)
        self._something.set()
        self._urgent.set()
        await known

    def parked_ended(self, item: Item, end: End) -> None:
        """Note how a parked event ended at last."""
        self._changes.unparked.append(Place(item.partition, item.offset))
        self._changes.count(item.source, end)
        self._except(self._changes, item, end)
        self._take(self._changes, item, end)
        self._something.set()

    def parked_again(self, item: Item, end: End) -> None:
        """Note that a parked event is to be tried again later."""
        self._park(self._changes, item, end)
        self._something.set()

    def deferred_ended(self, item: Item, end: End) -> None:
        """Note how an event that the cursor had passed ended, or that it is parked."""
        self._changes.undeferred.append(Place(item.partition, item.offset))
        self._changes.count(item.source, DEFERRED, -1)
        self._end(self._changes, item, end)
        self._something.set()

    async def run(self) -> None:
        """Commit what is noted, until `stop`; the last commit holds everything that was noted before it."""
        while not self._stopped:
            await self._something.wait()
            await self.flush()
            if not self._stopped:
                await self._clock.wait(self._urgent, EVERY_S)
        await self.flush()

    async def flush(self) -> None:
        """Commit what is noted now."""
        self._something.clear()
        self._urgent.clear()
        changes, self._changes = self._changes, Changes(at_ms=0)
        claimed, self._claimed = self._claimed, []
        changes.at_ms = self._clock.now_ms()
        self._pass_all(changes, self._window.take_ended())
        await self._commits.commit(self._store, changes)
        self.committed |= changes.cursors
        self.room.set()
        if changes.parked or changes.unparked:
            self.under_way -= {*changes.unparked, *(Place(item.partition, item.offset) for item in changes.parked)}
            self.parked.set()
        if changes.deferred:
            self.deferred.set()
        for known in claimed:
            if not known.done():
                known.set_result(None)

    def stop(self) -> None:
        """Make `run` commit once more and return."""
        self._stopped = True
        self._something.set()
        self._urgent.set()

    def _pass_all(self, changes: Changes, items: list[Item]) -> None:
        """Move the cursor past items that have ended, each partition's in order."""
        plain = not self._store.wants_taken
        delivered: list[str] = []
        cursors = changes.cursors
        for item in items:
            if plain and item.end is DELIVERED:  # nearly all of them
                delivered.append(item.source)
                cursors[item.partition] = item.offset + 1
            else:
                self._pass(changes, item)
        for source, number in Counter(delivered).items():
            changes.count(source, DELIVERED, number)

    def _pass(self, changes: Changes, item: Item) -> None:
        """Move the cursor past an item that has ended."""
        changes.cursors[item.partition] = item.offset + item.span
        if item.end is not None:
            self._end(changes, item, item.end)
        elif item.passing:
            item.passing = Passing.PASSED
            changes.deferred.append(Deferred(item.partition, item.offset, item.person, item.message_id, item.source))
            changes.count(item.source, DEFERRED)
        else:
            raise ValueError("the cursor cannot pass an event without an end")

    def _end(self, changes: Changes, item: Item, end: End) -> None:
        if end.outcome == "retrying":
            self._park(changes, item, end)
            return
        changes.count(item.source, end, item.span)
        self._except(changes, item, end)
        self._take(changes, item, end)

    def _park(self, changes: Changes, item: Item, end: End) -> None:
        next_at_ms = self._clock.now_ms() + round(self._parking.delay_s(item.tries) * 1000)
        changes.parked.append(
            Parked(item.partition, item.offset, item.message_id, item.source, item.tries, next_at_ms, end.reason)
        )
        self._except(changes, item, end)

    def _except(self, changes: Changes, item: Item, end: End) -> None:
        if end.outcome != "delivered" and item.message_id:
            changes.exceptional.append(Exceptional(item.partition, item.offset, item.message_id, item.source, end))

    def _take(self, changes: Changes, item: Item, end: End) -> None:
        if self._store.wants_taken and end.outcome == "delivered":
            changes.taken.append(Place(item.partition, item.offset))
