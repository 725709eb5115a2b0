"""Loaders in processes of their own, for tests that kill them.

They are forked from a process that has imported everything: half a second each is what a new interpreter would take.
"""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from tests.warehouse.making import event
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord
from trackway.log.sqlite import SqliteLog
from trackway.warehouse import files_tables
from trackway.warehouse.contract import Warehouse, WarehouseError
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.files import FilesWarehouse
from trackway.warehouse.loader import WarehouseLoader
from trackway.warehouse.postgres import PostgresWarehouse
from trackway.workspace.model import Warehouse as Settings
from trackway.workspace.units import Duration

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__])


class Child(NamedTuple):
    """A process that tells how far it is."""

    process: BaseProcess
    said: Connection

    def kill(self) -> None:
        """End it as a crash would; where the test was slow it may have done all it had to do."""
        self.process.kill()
        self.process.join(60)
        assert self.process.exitcode in (-signal.SIGKILL, 0)

    def finish(self) -> None:
        """Wait until it has done all it had to do."""
        while self.process.is_alive():
            with contextlib.suppress(EOFError):
                if self.said.poll(0.05):
                    self.said.recv()
        assert self.process.exitcode == 0


@contextlib.contextmanager
def child(work: Callable[..., None], *args: Any) -> Iterator[Child]:
    """Give a process that does `work(said, *args)`, `said` being what it tells by; it is gone afterwards."""
    ours, theirs = _forks.Pipe(duplex=False)
    process = _forks.Process(target=work, args=(theirs, *args), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Child(process, ours)
    finally:
        process.kill()
        process.join(60)
        ours.close()


def load_postgres(said: Connection, dsn: str, total: int) -> None:
    """Load events into PostgreSQL until there are `total`, whatever fails, and tell the position after each load."""
    with PostgresWarehouse(dsn, ["shop"]) as warehouse:
        done = 0
        while done < total:
            with contextlib.suppress(WarehouseError):
                done = warehouse.positions(EVENTS).get(0, 0)
                while done < total:
                    done = _load_more(said, warehouse, done, min(total, done + 40), [1, 2.5, "text", True, _MOMENT])


def load_files(said: Connection, place: Path, total: int) -> None:
    """Load events into files until there are `total`, and tell the position after each load."""
    os.fsync = lambda _: None  # type: ignore[assignment]
    files_tables.COMPACT_FILES = 3
    with FilesWarehouse(place, ["shop"]) as warehouse:
        done = warehouse.positions(EVENTS).get(0, 0)
        while done < total:
            done = _load_more(said, warehouse, done, min(total, done + 20), [1, 2.5, "text"])


_MOMENT = "2026-01-01T00:00:00Z"


def _load_more(said: Connection, warehouse: Warehouse, done: int, last: int, values: Sequence[Any]) -> int:
    """Load the events up to `last`: what a column holds depends on the offset, so that it is widened now and then."""
    records: list[EventRecord] = []
    for number in range(done, last):
        value = values[number // 60 % len(values)]
        own: dict[str, Any] = {"event": f"Seen {number % 5}", "properties": {f"p{number % 11}": value}}
        if number % 3 == 0:
            own = {"userId": f"u{number % 7}", "traits": {f"t{number % 11}": value}}
        records.append(event("track" if number % 3 else "identify", message_id=f"m{number}", **own))
    warehouse.load(records, EVENTS, {0: last})
    said.send(last)
    return last


def keep_loading(said: Connection, folder: Path) -> None:
    """Load what comes into the log in `folder` into a DuckDB file beside it, for ever; say 1 after each load."""
    warehouse = DuckDBWarehouse(folder / "w.duckdb", ["shop"])
    settings = Settings(load_every=Duration(0.005), rows=150)
    log = SqliteLog(folder / "log", CLEAN_TOPICS)
    WarehouseLoader("main", warehouse, log, settings, on_load=lambda *_: said.send(1)).start()
    signal.pause()
