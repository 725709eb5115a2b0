"""The loader: every event of the log once, whatever breaks on the way."""

import logging
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.running import poll_until
from tests.warehouse.children import child, keep_loading
from tests.warehouse.making import event
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, encode
from trackway.log.sqlite import SqliteLog
from trackway.log.sqlite_reader import SqliteReader
from trackway.warehouse import duckdb, duckdb_tables, loader, waiting
from trackway.warehouse.contract import LoadReport
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.loader import LoaderStatus, WarehouseLoader, linger_s
from trackway.workspace.model import Warehouse as Settings
from trackway.workspace.units import Duration


def eager(rows: int = 20_000) -> Settings:
    return Settings(load_every=Duration(0.01), rows=rows)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log", CLEAN_TOPICS)
    yield log
    log.close()


def wait_for(condition: Callable[[], Any], *, deadline_s: float = 20.0) -> None:
    ends = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > ends:
            raise AssertionError("waited in vain")
        time.sleep(0.01)


def append(log: SqliteLog, *records: EventRecord, partition: int = 0) -> None:
    with log.writer(partition) as writer:
        writer.append({EVENTS: [encode(record) for record in records]})


def caught_up(loading: WarehouseLoader, events: int) -> Callable[[], bool]:
    return lambda: sum(loading.status().positions.values()) >= events and loading.status().lag == 0


def stored_ids(warehouse: DuckDBWarehouse) -> list[str]:
    return [row[0] for row in warehouse.query("SELECT id FROM tracks ORDER BY id", limit=1_000_000).rows]


def many(count: int, *, start: int = 0) -> list[EventRecord]:
    """Events that make new tables and columns and widen some, on and on."""
    values: list[Any] = [1, 2.5, "x", True, [1], "2026-01-01T00:00:00Z"]
    return [
        event(
            message_id=f"m{number:07}",
            event=f"Seen {number % 4}",
            userId=f"u{number % 7}",
            properties={f"p{number // 25 % 6}": values[number // 15 % 6], "n": number},
        )
        for number in range(start, start + count)
    ]


class TestLoading:
    def test_what_is_appended_is_loaded(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        append(log, *many(10))
        loading = WarehouseLoader("main", warehouse, log, eager())
        assert loading.status() == LoaderStatus(name="main", lag=10)
        loading.start()
        wait_for(caught_up(loading, 10))
        append(log, *many(5, start=10), event("identify", userId="u1", integrations={"Warehouses": False}), partition=1)
        wait_for(caught_up(loading, 16))
        status = loading.status()
        assert loading.stop() or loading.stop(timeout_s=60)
        assert stored_ids(warehouse) == [f"m{number:07}" for number in range(15)]
        assert (status.events, status.left_out, status.error, status.missed) == (16, 1, None, 0)
        assert status.positions == {0: 10, 1: 6} == warehouse.positions(EVENTS)
        assert status.rows["shop.tracks"] == 15
        assert status.last_load is not None
        assert log.consumers(EVENTS) == {"warehouse:main": {0: 10, 1: 6}}
        assert loading.status().state == "stopped"

    def test_events_that_come_together_are_loaded_together(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        loading = WarehouseLoader("main", warehouse, log, Settings(load_every=Duration(0.4)))
        loading.start()
        wait_for(lambda: loading.status().state == "idle")
        for number in range(10):
            append(log, *many(1, start=number))
        wait_for(caught_up(loading, 10))
        assert loading.status().loads <= 2
        loading.stop()

    def test_a_load_takes_no_more_than_its_rows(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        append(log, *many(100))
        loading = WarehouseLoader("main", warehouse, log, eager(rows=30))
        loading.start()
        wait_for(caught_up(loading, 100))
        loading.stop()
        assert loading.status().loads >= 4
        assert stored_ids(warehouse) == [f"m{number:07}" for number in range(100)]

    @pytest.mark.parametrize("large", [False, True])
    def test_a_full_load_does_not_wait_for_more(self, warehouse: DuckDBWarehouse, log: SqliteLog, *, large: bool):
        text = "x" * (1 << 20 if large else 1)
        append(log, *(event(event="Seen", properties={"text": text}) for _ in range(20)))
        loading = WarehouseLoader("main", warehouse, log, Settings(load_every=Duration(3600), rows=15))
        loading.start()
        wait_for(lambda: loading.status().events > 0)
        loading.stop()
        assert 8 <= loading.status().events <= 20

    def test_the_position_in_the_warehouse_counts_not_the_logs(self, tmp_path: Path, log: SqliteLog):
        append(log, *many(10))
        for path in ("one.duckdb", "one.duckdb", "two.duckdb"):
            with DuckDBWarehouse(tmp_path / path) as warehouse:
                loading = WarehouseLoader("main", warehouse, log, eager())
                loading.start()
                wait_for(caught_up(loading, 10))
                loading.stop()
                assert len(stored_ids(warehouse)) == 10

    def test_unread_events_are_held_in_the_log(self, tmp_path: Path, warehouse: DuckDBWarehouse):
        log = SqliteLog(tmp_path / "small", CLEAN_TOPICS, segment_bytes=4096)
        loading = WarehouseLoader("main", warehouse, log, eager())
        loading.start()
        wait_for(lambda: loading.status().state == "idle")
        loading.stop()
        for number in range(0, 200, 20):
            append(log, *many(20, start=number))
        assert log.retain(max_bytes=0) == 0
        again = WarehouseLoader("main", warehouse, log, eager())
        again.start()
        wait_for(caught_up(again, 200))
        again.stop()
        assert log.retain(max_bytes=0) > 0
        log.close()


def test_memory_is_given_back_when_nothing_is_left_to_load(
    tmp_path: Path, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
):
    given: list[int] = []
    with DuckDBWarehouse(tmp_path / "w.duckdb") as warehouse:
        loading = WarehouseLoader("w", warehouse, log, eager(rows=50))
        monkeypatch.setattr(loader, "give_back", lambda: given.append(loading.status().lag))
        append(log, *many(300))
        loading.start()
        try:
            wait_for(lambda: given)
            append(log, *many(10, start=300))
            wait_for(lambda: len(given) == 2)
        finally:
            loading.stop()
        assert len(stored_ids(warehouse)) == 310
    assert given == [0, 0], "not between loads that follow each other"


def test_it_tells_when_the_next_load_begins(warehouse: DuckDBWarehouse, log: SqliteLog):
    loading = WarehouseLoader("main", warehouse, log, Settings(load_every=Duration(3600)))
    loading.start()
    began = datetime.now(UTC)
    append(log, *many(5))
    wait_for(lambda: loading.status().next_at)
    loading.stop()
    due = loading.status().next_at
    assert due is not None and due - began >= timedelta(seconds=3600)


class TestStopping:
    @pytest.mark.parametrize("busy", [False, True])
    def test_is_prompt(self, warehouse: DuckDBWarehouse, log: SqliteLog, *, busy: bool):
        loading = WarehouseLoader("main", warehouse, log, Settings(load_every=Duration(3600)))
        loading.start()
        if busy:
            append(log, *many(5))
        wait_for(lambda: loading.status().state == "idle" or busy)
        began = time.monotonic()
        assert loading.stop(timeout_s=60)
        assert time.monotonic() - began < 45, "it was not taken back, but ended by itself"
        assert stored_or_none(warehouse) in ([], None)

    def test_takes_back_a_load_that_lasts(
        self, warehouse: DuckDBWarehouse, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
    ):
        append(log, *many(5))

        def slow(self: Any, *_: Any) -> None:
            self._connection.execute(
                "SELECT count(*) FROM range(100_000_000) a, range(100_000) b WHERE a.range + b.range = 7"
            ).fetchall()

        monkeypatch.setattr(duckdb_tables.Tables, "write", slow)
        loading = WarehouseLoader("main", warehouse, log, eager())
        loading.start()
        wait_for(lambda: loading.status().state == "loading")
        assert loading.stop() or loading.stop(timeout_s=60)
        assert warehouse.positions(EVENTS) == {}

    def test_before_starting_is_nothing(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        assert WarehouseLoader("main", warehouse, log, eager()).stop()


def stored_or_none(warehouse: DuckDBWarehouse) -> list[str] | None:
    return stored_ids(warehouse) if ["tracks"] in warehouse.query("SHOW TABLES").rows else None


class Once:
    """Makes a function fail the `nth` time it is called; before its work, or `after` it."""

    def __init__(self, nth: int, error: type[BaseException], *, after: bool = False) -> None:
        self._left = nth
        self._error = error
        self._after = after

    def into(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def failing(*args: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise self._error("no luck")
            result = original(*args, **options)
            if self._left == 0:
                raise self._error("no luck")
            return result

        monkeypatch.setattr(owner, name, failing)


class Crash(BaseException):
    """The end of the process, as far as the loader can tell."""


STEPS: list[tuple[Any, str, int, bool]] = [
    (DuckDBWarehouse, "positions", 1, True),
    (SqliteReader, "poll", 1, True),
    (waiting, "decode_event", 25, False),
    (DuckDBWarehouse, "load", 1, False),
    (DuckDBWarehouse, "load", 2, False),
    (duckdb, "build", 1, True),
    *[(duckdb_tables.Tables, "write", number, after) for number in (1, 7) for after in (False, True)],
    (duckdb_tables.Tables, "_alter", 3, True),
    (DuckDBWarehouse, "load", 1, True),
    (DuckDBWarehouse, "load", 2, True),
    (SqliteReader, "commit", 1, False),
    (SqliteReader, "commit", 1, True),
    (WarehouseLoader, "_note_load", 1, False),
]


@pytest.mark.parametrize(("owner", "name", "nth", "after"), STEPS)
class TestOnce:
    def test_after_a_crash_at(
        self, tmp_path: Path, log: SqliteLog, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, nth: int,
        *, after: bool,
    ):  # fmt: skip
        append(log, *many(30))
        append(log, *many(30, start=30), partition=1)
        with monkeypatch.context() as patch, DuckDBWarehouse(tmp_path / "w.duckdb") as warehouse:
            Once(nth, Crash, after=after).into(patch, owner, name)
            with pytest.raises(Crash):
                WarehouseLoader("main", warehouse, log, eager(rows=20))._run()
        with DuckDBWarehouse(tmp_path / "w.duckdb") as warehouse:
            loading = WarehouseLoader("main", warehouse, log, eager(rows=20))
            loading.start()
            wait_for(caught_up(loading, 60))
            loading.stop()
            self._is_complete(warehouse)

    def test_after_an_error_at(
        self, warehouse: DuckDBWarehouse, log: SqliteLog, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str,
        nth: int, *, after: bool,
    ):  # fmt: skip
        monkeypatch.setattr(loader, "_FIRST_PAUSE_S", 0.05)
        append(log, *many(30))
        append(log, *many(30, start=30), partition=1)
        Once(nth, OSError, after=after).into(monkeypatch, owner, name)
        loading = WarehouseLoader("main", warehouse, log, eager(rows=20))
        loading.start()
        wait_for(caught_up(loading, 60))
        loading.stop()
        assert loading.status().error is None
        self._is_complete(warehouse)

    def _is_complete(self, warehouse: DuckDBWarehouse) -> None:
        assert stored_ids(warehouse) == [f"m{number:07}" for number in range(60)]
        for table in range(4):
            found = warehouse.query(f"SELECT count(*), count(DISTINCT id), sum(n) FROM seen_{table}").rows
            assert found == [[15, 15, sum(range(table, 60, 4))]]


class TestFailing:
    def test_is_visible_and_goes_on(
        self, warehouse: DuckDBWarehouse, log: SqliteLog, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ):  # fmt: skip
        monkeypatch.setattr(loader, "_FIRST_PAUSE_S", 0.01)
        append(log, *many(5))
        loading = WarehouseLoader("main", warehouse, log, eager())
        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):

            def full(*_: Any) -> None:
                raise OSError("no space left")

            patch.setattr(duckdb_tables.Tables, "write", full)
            loading.start()

            def pausing() -> LoaderStatus | None:
                found = loading.status()
                return found if found.failures >= 3 and found.next_at else None

            status = poll_until(pausing, what="the pause after a third failure", timeout_s=60)
        assert status.error == "no space left"
        assert status.error_at is not None and status.next_at is not None
        assert status.next_at >= status.error_at
        assert status.lag == 5
        assert "no space left" in caplog.text
        wait_for(caught_up(loading, 5))
        loading.stop()
        assert (loading.status().error, loading.status().failures) == (None, 0)

    def test_pauses_grow(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        loading = WarehouseLoader("main", warehouse, log, eager())
        pauses = [loading._note_failure(OSError("x")) for _ in range(20)]
        assert pauses[:3] == [0.5, 1.0, 2.0]
        assert pauses[-1] == 30.0

    def test_takes_fewer_events_where_many_do_not_pass(
        self, warehouse: DuckDBWarehouse, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(loader, "_FIRST_PAUSE_S", 0.001)
        load = DuckDBWarehouse.load

        def narrow(self: DuckDBWarehouse, records: list[EventRecord], *args: Any) -> Any:
            if len(records) > 10:
                raise MemoryError
            return load(self, records, *args)

        monkeypatch.setattr(DuckDBWarehouse, "load", narrow)
        append(log, *many(40))
        loading = WarehouseLoader("main", warehouse, log, eager())
        loading.start()
        wait_for(caught_up(loading, 40))
        loading.stop()
        assert len(stored_ids(warehouse)) == 40

    def test_another_log_is_refused(self, tmp_path: Path, warehouse: DuckDBWarehouse):
        warehouse.load([event()], EVENTS, {0: 1000})
        log = SqliteLog(tmp_path / "new", CLEAN_TOPICS)
        append(log, *many(10))
        loading = WarehouseLoader("main", warehouse, log, eager())
        loading.start()
        wait_for(lambda: loading.status().error)
        loading.stop()
        assert "not the log it was loaded from" in str(loading.status().error)
        log.close()

    def test_events_that_retention_took_are_counted(self, tmp_path: Path, warehouse: DuckDBWarehouse):
        log = SqliteLog(tmp_path / "small", CLEAN_TOPICS, segment_bytes=4096)
        for number in range(0, 200, 20):
            append(log, *many(20, start=number))
        log.retain(max_bytes=0)
        gone = log.starts(EVENTS)[0]
        append(log, *many(1, start=200))
        warehouse.load([event()], EVENTS, {0: 5})
        loading = WarehouseLoader("main", warehouse, log, eager())
        loading.start()
        wait_for(caught_up(loading, 201))
        loading.stop()
        assert loading.status().missed == gone - 5 > 0
        log.close()


def test_every_event_is_there_once_after_sigkill_at_any_moment(tmp_path: Path):
    chance = random.Random(7)
    log = SqliteLog(tmp_path / "log", CLEAN_TOPICS)
    written = 0
    for _ in range(4):
        with child(keep_loading, tmp_path) as loading:
            loads, enough = 0, written + 1500
            while loads < 2:  # then it is in the midst of another
                if written < enough:
                    append(log, *many(50, start=written), partition=written // 50 % 2)
                    written += 50
                loads += loading.said.poll(0.01) and loading.said.recv()
            time.sleep(chance.uniform(0, 0.1))
            loading.kill()
    with DuckDBWarehouse(tmp_path / "w.duckdb", ["shop"]) as warehouse:
        begun = sum(warehouse.positions(EVENTS).values())
        assert len(stored_ids(warehouse)) == begun
        last = WarehouseLoader("main", warehouse, log, eager())
        last.start()
        wait_for(caught_up(last, written), deadline_s=60)
        last.stop()
        assert begun > 0
        assert warehouse.positions(EVENTS) == log.heads(EVENTS)
        assert stored_ids(warehouse) == [f"m{number:07}" for number in range(written)]
        for table in range(4):
            found = warehouse.query(f"SELECT count(*), count(DISTINCT id), sum(n) FROM seen_{table}").rows
            numbers = range(table, written, 4)
            assert found == [[len(numbers), len(numbers), sum(numbers)]]
    log.close()


@pytest.mark.parametrize(("took_s", "expected_s"), [(0.1, 2.0), (1.0, 3.0), (60.0, 30.0)])
def test_loads_that_take_long_are_made_less_often(took_s: float, expected_s: float):
    report = LoadReport(at=datetime.now(UTC), duration_s=took_s, events=1, rows={})
    assert linger_s(2.0, report) == expected_s
    assert linger_s(2.0, None) == 2.0
