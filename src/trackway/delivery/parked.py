"""Events that a destination refused for now while it took others: tried again alone, until the log forgets them."""

import asyncio
from concurrent.futures import Executor

from trackway.delivery.backlog import Backlog
from trackway.delivery.books import Books
from trackway.delivery.clock import Clock
from trackway.delivery.intake import Intake
from trackway.delivery.items import Batch, Parked
from trackway.delivery.store import Store
from trackway.events.records import Place


class ParkedEvents:
    """Brings parked events back into the backlog when their time has come."""

    def __init__(
        self,
        store: Store,
        books: Books,
        backlog: Backlog,
        intake: Intake,
        clock: Clock,
        *,
        most: int,
        state: Executor,
        reader: Executor,
    ) -> None:
        """At most `most` are under way at once. `state` and `reader` run what blocks."""
        self._store = store
        self._books = books
        self._backlog = backlog
        self._intake = intake
        self._clock = clock
        self._most = most
        self._state = state
        self._reader = reader
        self._stopped = False

    async def run(self) -> None:
        """Offer parked events when they are due, until `stop`."""
        loop = asyncio.get_running_loop()
        while not self._stopped:
            self._books.parked.clear()
            under_way = self._books.under_way
            room = self._most - len(under_way)
            if room > 0:
                limit = room + len(under_way)
                due = await loop.run_in_executor(self._state, self._store.due, self._clock.now_ms(), limit)
                await self._offer([found for found in due if _place(found) not in under_way][:room])
            next_ms = await loop.run_in_executor(self._state, self._store.next_due_ms)
            await self._clock.wait(self._books.parked, self._pause_s(next_ms))

    def stop(self) -> None:
        """Make `run` return."""
        self._stopped = True
        self._books.parked.set()

    async def _offer(self, due: list[Parked]) -> None:
        if not due:
            return
        # The reader's thread may be waiting for new events.
        self._intake.wake()
        items = await asyncio.get_running_loop().run_in_executor(self._reader, self._intake.read_again, due)
        for item in items:
            self._books.under_way.add(Place(item.partition, item.offset))
            if item.end is not None:
                self._books.parked_ended(item, item.end)
            else:
                self._backlog.later(Batch([item], parked=True), 0.0)

    def _pause_s(self, next_ms: int | None) -> float | None:
        """Return how long nothing is due, unless a commit changes that."""
        if next_ms is None or len(self._books.under_way) >= self._most:
            return None
        # Events that are under way stay due in the table until their end is committed, which wakes this up anyway.
        least_s = 1.0 if self._books.under_way else 0.0
        return max(least_s, (next_ms - self._clock.now_ms()) / 1000)


def _place(parked: Parked) -> Place:
    return Place(parked.partition, parked.offset)
