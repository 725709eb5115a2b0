"""Recounting and rebuilding a warehouse of files from the log."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from tests.warehouse.backends import rows_of, value_of
from tests.warehouse.making import RECEIVED_MS, batched, event, put, silent
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord
from trackway.log.sqlite import SqliteLog
from trackway.warehouse.columns import Kind
from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.files import FilesWarehouse
from trackway.warehouse.files_store import LocalStore
from trackway.warehouse.history import History
from trackway.warehouse.upkeep import Maintained

HOUR_MS = 3600 * 1000


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses power, and a sync for each file of each tiny load takes long."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log", CLEAN_TOPICS, segment_bytes=4096)
    yield log
    log.close()


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[FilesWarehouse]:
    with FilesWarehouse(tmp_path / "lake", ["shop"]) as lake:
        yield lake


def some(count: int = 20) -> list[EventRecord]:
    """Calls of several days."""
    calls: list[EventRecord] = []
    for number in range(count):
        here = [
            event(event=f"Seen {number % 2}", userId="u", properties={"v": number if number % 4 else f"{number}x"}),
            event("identify", userId=f"u{number % 5}", traits={"age": number, "at": "2026-01-01T00:00:00Z"}),
            event("group", userId="u1", groupId=number % 3, traits={"seats": number / 2}),
            event(event="Hidden", integrations={"Warehouses": False}),
        ]
        calls += [msgspec.structs.replace(one, received_at_ms=RECEIVED_MS + number * 9 * HOUR_MS) for one in here]
    return calls


def differences(lake: FilesWarehouse, log: SqliteLog) -> dict[str, tuple[int, int]]:
    counts = lake.recount(History(log), silent)
    return {one.table: (one.missing, one.surplus) for one in counts if one.differences}


def test_it_has_upkeep(lake: FilesWarehouse):
    assert isinstance(lake, Maintained)
    with pytest.raises(WarehouseError, match="any tool may read"):
        lake.snapshot(Path("x"))
    assert lake.recount(History(SqliteLog(lake._place / "none", CLEAN_TOPICS)), silent) == []  # type: ignore[operator]


class TestRecount:
    def test_nothing_is_missing_until_somebody_meddles(self, lake: FilesWarehouse, log: SqliteLog, tmp_path: Path):
        put(log, lake, *some())
        put(log, lake, *some(3))
        counts = {one.table: one for one in lake.recount(History(log), silent)}
        assert differences(lake, log) == {} and len(counts) == 7
        assert counts["shop.tracks"].log == counts["shop.tracks"].rows == 23
        assert counts["shop.users"].rows == 5
        victim = next((tmp_path / "lake" / "shop" / "seen_1").rglob("*.parquet"))
        with duckdb.connect() as connection:
            [[lost]] = connection.execute(f"SELECT count(*) FROM read_parquet('{victim}')").fetchall()
        victim.with_name("again.parquet").write_bytes(victim.read_bytes())
        assert differences(lake, log) == {"shop.seen_1": (0, lost)}
        victim.with_name("again.parquet").unlink()
        victim.unlink()
        assert differences(lake, log) == {"shop.seen_1": (lost, 0)}
        lake.rebuild("seen_1", History(log), silent)
        assert differences(lake, log) == {}


class TestRebuild:
    def test_rebuilt_tables_are_the_same(self, lake: FilesWarehouse, log: SqliteLog, tmp_path: Path):
        put(log, lake, *some())
        put(log, lake, *some(3))
        for table in ("tracks", "seen_1", "identifies", "users", "accounts"):
            before = rows_of(lake, table)
            report = lake.rebuild(table, History(log), silent)
            assert rows_of(lake, table) == before
            assert (report.rows, report.carried) == (len(before), 0)
        put(log, lake, *some(2))
        lake.close()
        with FilesWarehouse(tmp_path / "lake", ["shop"]) as again:
            assert differences(again, log) == {}
            assert len(rows_of(again, "tracks")) == 25

    def test_a_given_type_stays(self, lake: FilesWarehouse, log: SqliteLog, tmp_path: Path):
        values: list[Any] = [0, 1, "many", "7"]
        calls = (event(message_id=f"m{n}", event="Seen", properties={"v": value}) for n, value in enumerate(values))
        put(log, lake, *calls, event("identify", userId="u", traits={"v": "5"}))
        assert lake.retype("seen", "v", Kind.INTEGER, History(log), silent).diverted == 1
        assert lake.retype("users", "v", Kind.INTEGER, History(log), silent).rows == 1
        lake.close()
        with FilesWarehouse(tmp_path / "lake", ["shop"]) as again:
            put(log, again, event(message_id="m4", event="Seen", properties={"v": 2.5}))
            put(log, again, event("identify", userId="w", traits={"v": "x"}))
            found = again.query("SELECT v, typeof(v) FROM seen ORDER BY id").rows
            assert found == [[0, "BIGINT"], [1, "BIGINT"], [None, "BIGINT"], [7, "BIGINT"], [None, "BIGINT"]]
            assert [value_of(row, "v") for row in rows_of(again, "seen")] == [0, 1, "many", 7, 2.5]
            assert [value_of(row, "v") for row in rows_of(again, "users")] == [5, "x"]
            again.retype("seen", "v", None, History(log), silent)
            assert [row["v"] for row in rows_of(again, "seen")] == ["0", "1", "many", "7", "2.5"]
            assert differences(again, log) == {}

    @pytest.mark.parametrize(
        ("table", "column", "says"),
        [
            ("nothing", "v", "no table nothing"),
            ("shop.nothing", "v", "no column v"),
            ("seen_1", "w", "no column w"),
            ("seen_1", "received_at", "cannot be changed"),
        ],
    )
    def test_what_is_not_there_says_so(self, lake: FilesWarehouse, log: SqliteLog, table: str, column: str, says: str):
        put(log, lake, *some(2))
        with pytest.raises(WarehouseError, match=says):
            lake.retype(table, column, Kind.TEXT, History(log), silent)

    def test_rows_that_the_log_lost_are_carried_over(self, lake: FilesWarehouse, log: SqliteLog):
        for part in batched(range(60), 20):
            calls = [event(message_id=f"m{n:03}", event="Seen", properties={"n": str(n), "f": n / 4}) for n in part]
            people = [event("identify", userId=f"u{n % 9}", traits={f"t{n % 7}": n}) for n in part]
            put(log, lake, *calls, *people)
        log.retain(max_bytes=0)
        assert log.starts(EVENTS)[0] > 0
        rows, people_before = rows_of(lake, "seen"), rows_of(lake, "users")
        assert lake.retype("seen", "n", Kind.INTEGER, History(log), silent).carried > 0
        assert rows_of(lake, "seen") == [row | {"n": int(row["n"])} for row in rows]
        lake.rebuild("users", History(log), silent)
        assert rows_of(lake, "users") == people_before

    def test_loads_go_on_meanwhile(self, lake: FilesWarehouse, log: SqliteLog):
        put(log, lake, *some())
        rebuilding = threading.Thread(target=lambda: lake.rebuild("tracks", History(log), silent))
        rebuilding.start()
        while rebuilding.is_alive():
            put(log, lake, *some(1))
        rebuilding.join()
        put(log, lake, *some(1))
        assert differences(lake, log) == {}

    def test_a_rebuild_that_is_cut_off_at_any_step_changes_all_or_nothing(self, log: SqliteLog, tmp_path: Path):
        place = tmp_path / "lake"
        with FilesWarehouse(place, ["shop"]) as lake:
            put(log, lake, *some(4))
            before = rows_of(lake, "tracks")
        done, steps = False, 0
        while not done:
            with pytest.MonkeyPatch.context() as patch, FilesWarehouse(place, ["shop"]) as lake:
                assert differences(lake, log) == {}
                _break_after(steps, patch)
                try:
                    done = lake.rebuild("tracks", History(log), silent).rows > 0
                except WarehouseError:
                    steps += 1
        with FilesWarehouse(place, ["shop"]) as lake:
            assert differences(lake, log) == {}
            assert rows_of(lake, "tracks") == before
        assert steps > 4


def _break_after(steps: int, patch: pytest.MonkeyPatch) -> None:
    """Let the storage fail for good once so many changes are made."""
    left = [steps]

    def failing(call: Any) -> Any:
        def change(*args: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise OSError("the disk is gone")
            return call(*args)

        return change

    for verb in ("write", "create", "move", "delete"):
        patch.setattr(LocalStore, verb, failing(getattr(LocalStore, verb)))
