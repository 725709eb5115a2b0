"""Events that others pass: what one person has waiting beyond their share stands below the cursor, not in its way.

A worker holds a bounded number of events above its cursor. Should one person's fill them, or wait in their midst for a
request that hangs, nobody behind would get a turn. So when there is no room, the cursor passes these events: they are
deferred, each a row of the state database in one transaction with the cursor. A person's first ones stay in memory and
in their line; the later ones are read again from the log as the line gets short, and what is read of the same person
meanwhile is deferred, too. So each person's order stays what it was, also over a crash.
"""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor

from msgspec import Struct

from trackway.delivery.backlog import Backlog
from trackway.delivery.books import Books
from trackway.delivery.intake import Intake
from trackway.delivery.items import Item, Passing, Window
from trackway.delivery.store import Store

_Key = tuple[int, str]
"""Partition and person."""


class Share(Struct, frozen=True, kw_only=True):
    """What one person may have in memory when there is no room for others."""

    events: int
    bytes: int
    kept: int
    """Events that stay in memory of one whose events are deferred, and are read again at a time."""
    most: int
    """Events that are deferred at the most, of all persons together."""


class _Person(Struct):
    """Somebody who has deferred events that are not in memory."""

    last: int
    """The offset of the last event that is, or was; -1 after a restart."""
    beyond: int
    """How many there are after it."""


class Overflow:
    """Defers events when there is no room, and brings them back. All but `run` is quick, and of one event loop."""

    def __init__(
        self,
        store: Store,
        books: Books,
        backlog: Backlog,
        intake: Intake,
        window: Window,
        *,
        share: Share,
        alone: bool,
        state: Executor,
        reader: Executor,
    ) -> None:
        """`alone`: each event is a request of its own. `state` and `reader` run what blocks."""
        self._store = store
        self._books = books
        self._backlog = backlog
        self._intake = intake
        self._window = window
        self._share = share
        self._alone = alone
        self._state = state
        self._reader = reader
        self._persons: dict[_Key, _Person] = {}
        self._beyond = 0
        self._stopped = False
        self.live = 0
        """Deferred events that are in memory."""

    @property
    def count(self) -> int:
        """Deferred events, wherever they are."""
        return self.live + self._beyond

    @property
    def is_full(self) -> bool:
        """True when no more may be deferred."""
        return self.count >= self._share.most

    def open(self, persons: Iterable[tuple[int, str, int]]) -> None:
        """Take over what was deferred before a restart: partition, person and number of events."""
        for partition, person, number in persons:
            self._persons[partition, person] = _Person(-1, number)
            self._beyond += number

    def divert(self, items: Sequence[Item]) -> None:
        """Defer those of new items whose persons have deferred events that are not in memory."""
        for item in items if self._persons else ():
            person = self._persons.get((item.partition, item.person)) if item.end is None else None
            # An event that was sent together with deferred ones is sent so again.
            if person is not None and not self._backlog.expects(item):
                item.passing = Passing.PASSABLE
                item.rows, item.held_bytes = (), 0
                person.beyond += 1
                self._beyond += 1

    def relieve(self) -> bool:
        """Defer events of those who keep others from being read; return whether there are any.

        These are persons with more than their share, and, where half of the room is taken by what has ended above
        events that have not, the persons of those.
        """
        crowd = self._window.crowd()
        pins = {(item.partition, item.person) for item in self._window.pins()}
        found = [self._defer(key, items) for key, items in crowd.items() if key in pins or self._is_much(items)]
        if any(found):
            self._books.ended()
        return any(found)

    def settled(self, items: Iterable[Item]) -> None:
        """Note what of these items has ended, and have more read of persons whose lines are short."""
        for item in items:
            if not item.passing or item.end is None:
                continue
            self.live -= 1
            if item.passing == Passing.PASSED:
                self._books.deferred_ended(item, item.end)
            if (item.partition, item.person) in self._persons:
                self._books.deferred.set()

    async def run(self) -> None:
        """Read deferred events again as their turn comes, until `stop`."""
        while not self._stopped:
            self._books.deferred.clear()
            for key, person in list(self._persons.items()):
                if self._backlog.waiting(*key) * 2 <= self._share.kept and not self._stopped:
                    await self._bring_back(key, person)
            await self._books.deferred.wait()

    def stop(self) -> None:
        """Make `run` return."""
        self._stopped = True
        self._books.deferred.set()

    def _is_much(self, items: Sequence[Item]) -> bool:
        return len(items) > self._share.events or sum(item.held_bytes for item in items) > self._share.bytes

    def _defer(self, key: _Key, items: Sequence[Item]) -> bool:
        """Defer a person's events, `items` being all that have not ended and can be passed no earlier."""
        line = items[0].line
        if line is None or key in self._persons or any(item.claim is not None for item in line.items):
            return False
        under_way = len(items) - sum(not item.passing for item in line.items)
        kept = _fitting(line.items, self._share)
        dropped = self._backlog.cut(line, key[0], kept)
        for item in dropped:
            if item.passing:  # it was in memory until now
                self.live -= 1
            self._window.let_go(item)
        # What is under way in one request with others keeps its place: after a crash it goes as the same request again.
        passed = [*(items[:under_way] if self._alone else ()), *(item for item in line.items if not item.passing)]
        for item in passed:
            item.passing = Passing.PASSABLE
        self.live += len(passed)
        if dropped:
            self._persons[key] = _Person(line.items[-1].offset, len(dropped))
            self._beyond += len(dropped)
        return bool(passed or dropped)

    async def _bring_back(self, key: _Key, person: _Person) -> None:
        loop = asyncio.get_running_loop()
        ask = self._store.deferred_after
        found = await loop.run_in_executor(self._state, ask, *key, person.last, self._share.kept)
        if not found:
            return  # the cursor has not passed them yet; when it has, `run` looks again
        self._intake.wake()  # the reader's thread may be waiting for new events
        items = await loop.run_in_executor(self._reader, self._intake.read_again, found)
        person.last = found[-1].offset
        person.beyond -= len(found)
        self._beyond -= len(found)
        self.live += len(items)
        if not person.beyond:
            del self._persons[key]
        for item in items:
            item.passing = Passing.PASSED
            item.record = None
        self.settled(items)
        self._backlog.add(items)


def _fitting(items: Sequence[Item], share: Share) -> int:
    """Return how many of a line's first events stay in memory, at least one."""
    size = 0
    for number, item in enumerate(items[: share.kept]):
        size += item.held_bytes
        if size > share.bytes:
            return max(1, number)
    return share.kept
