"""The transactions of many destinations as one: what waits while the disk works on one commit shares the next."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from sqlalchemy import Engine

from trackway.delivery.store import Changes, Store
from trackway.state import writing


class _Waiting(NamedTuple):
    store: Store
    changes: Changes
    known: asyncio.Future[None]


class Commits:
    """Writes the books of destinations of one event loop. One that cannot be written fails alone."""

    def __init__(self, engine: Engine, executor: Executor) -> None:
        """`executor` runs the transactions."""
        self._engine = engine
        self._executor = executor
        self._waiting: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None

    async def commit(self, store: Store, changes: Changes) -> None:
        """Return when `changes` are durable; on an error none of them is."""
        known = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(store, changes, known))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run())
        await known

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            together, self._waiting = self._waiting, []
            errors = await loop.run_in_executor(self._executor, self._write, together)
            for one, error in zip(together, errors, strict=True):
                if one.known.done():
                    continue
                if error is None:
                    one.known.set_result(None)
                else:
                    one.known.set_exception(error)

    def _write(self, together: Sequence[_Waiting]) -> list[Exception | None]:
        """Write all in one transaction or, when that fails, each in its own; return what went wrong with each."""
        try:
            with writing(self._engine) as connection:
                for one in together:
                    one.store.write(connection, one.changes)
        except Exception as error:  # noqa: BLE001  handed to whose changes they are
            if len(together) == 1:
                return [error]
            return [found for one in together for found in self._write([one])]
        return [None] * len(together)
