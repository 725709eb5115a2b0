"""Recounting and rebuilding a warehouse from the log."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from tests.warehouse.making import RECEIVED_MS, batched, column_of, event, put, rows_of, silent, types_of
from trackway.events import canary
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord
from trackway.log.sqlite import SqliteLog
from trackway.warehouse.columns import Kind
from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.duckdb_questions import open_readonly
from trackway.warehouse.history import History


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log", CLEAN_TOPICS)
    yield log
    log.close()


def some(count: int = 40) -> list[EventRecord]:
    calls: list[EventRecord] = []
    for number in range(count):
        calls += [
            event(event=f"Seen {number % 3}", userId="u", properties={"v": number if number % 4 else f"{number}x"}),
            event("identify", userId=f"u{number % 5}", traits={"age": number, "name": f"n{number}"}),
            event("page", name="Home"),
            event("group", userId="u1", groupId=number % 3, traits={"seats": number}),
            event(event="Hidden", integrations={"Warehouses": False}),
        ]
    return calls


class TestRecount:
    def test_nothing_is_missing(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        put(log, warehouse, *some())
        put(log, warehouse, *some(), event("alias", userId="u", previousId="v"), event(event="日本"))
        counts = {count.table: count for count in warehouse.recount(History(log), silent)}
        assert {name: count.differences for name, count in counts.items()} == dict.fromkeys(counts, 0)
        assert counts["shop.tracks"].log == counts["shop.tracks"].rows == 81
        assert counts["shop.users"].rows == 5
        assert set(counts) == {
            f"shop.{name}" for name in (
                "tracks", "seen_0", "seen_1", "seen_2", "identifies", "users", "pages", "groups", "accounts", "aliases",
                *[table for [table] in warehouse.query("SHOW TABLES").rows if table.startswith("_x")],
            )
        }  # fmt: skip

    def test_a_canary_is_not_missing(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        """The server sends one a minute: every recount of a running product would find a difference."""
        put(log, warehouse, event(event="Seen"), event(source=canary.SOURCE, event=canary.EVENT))
        counts = {count.table: count for count in warehouse.recount(History(log), silent)}
        assert {name: (count.log, count.rows) for name, count in counts.items()} == {
            "shop.tracks": (1, 1),
            "shop.seen": (1, 1),
        }

    def test_a_difference_is_seen(self, tmp_path: Path, log: SqliteLog):
        path = tmp_path / "w.duckdb"
        with DuckDBWarehouse(path, ["shop"]) as warehouse:
            put(log, warehouse, *some())
        with duckdb.connect(path) as connection:
            connection.execute("DELETE FROM shop.seen_1 WHERE id = (SELECT min(id) FROM shop.seen_1)")
            connection.execute("INSERT INTO shop.pages FROM shop.pages LIMIT 2")
            connection.execute("UPDATE shop.seen_2 SET id = 'other' WHERE id = (SELECT min(id) FROM shop.seen_2)")
            connection.execute("DROP TABLE shop.users")
        with DuckDBWarehouse(path, ["shop"]) as warehouse:
            found = {count.table: (count.missing, count.surplus) for count in warehouse.recount(History(log), silent)}
        wrong = {table: count for table, count in found.items() if count != (0, 0)}
        assert wrong == {"shop.seen_1": (1, 0), "shop.pages": (0, 2), "shop.seen_2": (1, 1), "shop.users": (5, 0)}

    def test_a_log_that_lost_its_beginning_says_nothing_of_older_rows(self, tmp_path: Path, warehouse: DuckDBWarehouse):
        log = SqliteLog(tmp_path / "small", CLEAN_TOPICS, segment_bytes=4096)
        for part in batched(range(120), 15):
            calls = [event(message_id=f"m{number}", event="Seen", properties={"n": number}) for number in part]
            put(log, warehouse, *map(_aged, calls, part))
        log.retain(max_bytes=0)
        assert log.starts(EVENTS)[0] > 0
        counts = warehouse.recount(History(log), silent)
        assert [count.differences for count in counts] == [0] * len(counts)
        log.close()


def _aged(record: EventRecord, seconds: int) -> EventRecord:
    return msgspec.structs.replace(record, received_at_ms=RECEIVED_MS + seconds * 1000)


class TestRebuild:
    @pytest.mark.parametrize("table", ["tracks", "seen_1", "identifies", "users", "accounts", "pages"])
    def test_a_rebuilt_table_is_the_same(self, warehouse: DuckDBWarehouse, log: SqliteLog, table: str):
        put(log, warehouse, *some())
        put(log, warehouse, *some(3))
        before, types = rows_of(warehouse, table), types_of(warehouse, table)
        report = warehouse.rebuild(table, History(log), silent)
        assert rows_of(warehouse, table) == before
        assert dict(sorted(types_of(warehouse, table).items())) == dict(sorted(types.items()))
        assert (report.rows, report.carried) == (len(before), 0)
        # And it goes on to be loaded.
        put(log, warehouse, *some(2))
        assert [count.differences for count in warehouse.recount(History(log), silent)].count(0) == 9

    def test_a_given_type_takes_what_fits(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        put(log, warehouse, *(event(message_id=f"m{n}", event="Seen", properties={"v": n}) for n in range(3)))
        put(log, warehouse, event(message_id="m3", event="Seen", properties={"v": "many"}))
        put(log, warehouse, event(message_id="m4", event="Seen", properties={"v": "7"}))
        assert column_of(warehouse, "seen", "v") == ("VARCHAR", ["0", "1", "2", "many", "7"])
        report = warehouse.retype("seen", "v", Kind.INTEGER, History(log), silent)
        assert column_of(warehouse, "seen", "v") == ("BIGINT", [0, 1, 2, None, 7])
        assert column_of(warehouse, "seen", "_rest")[1] == [None, None, None, '{"v":"many"}', None]
        assert report.diverted == 1
        # The type stays, also for what comes, and after opening again.
        put(log, warehouse, event(message_id="m5", event="Seen", properties={"v": 2.5}))
        assert column_of(warehouse, "seen", "v")[1] == [0, 1, 2, None, 7, None]
        warehouse.close()
        warehouse._open()
        put(log, warehouse, event(message_id="m6", event="Seen", properties={"v": True}))
        assert column_of(warehouse, "seen", "v")[0] == "BIGINT"
        # `auto` gives it back.
        warehouse.retype("seen", "v", None, History(log), silent)
        assert column_of(warehouse, "seen", "v") == ("VARCHAR", ["0", "1", "2", "many", "7", "2.5", "true"])

    def test_a_type_that_was_called_off_is_forgotten(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        put(log, warehouse, *(event(message_id=f"m{n}", event="Seen", properties={"v": str(n)}) for n in range(3)))
        warehouse.retype("seen", "v", Kind.FLOAT, History(log), silent)

        def stop(count: int) -> None:
            raise KeyError("stop")

        with pytest.raises(KeyError):
            warehouse.retype("seen", "v", Kind.INTEGER, History(log), stop)
        warehouse.rebuild("seen", History(log), silent)
        assert column_of(warehouse, "seen", "v") == ("DOUBLE", [0.0, 1.0, 2.0])

    def test_rows_whose_events_are_gone_are_taken_over(self, tmp_path: Path, warehouse: DuckDBWarehouse):
        log = SqliteLog(tmp_path / "small", CLEAN_TOPICS, segment_bytes=4096)
        for part in batched(range(120), 15):
            calls = [
                (
                    event(message_id=f"m{number:03}", event="Seen", properties={"n": str(number), "k": number % 7}),
                    event("identify", userId=f"u{number % 10}", traits={f"t{number % 20}": number}),
                )
                for number in part
            ]
            put(log, warehouse, *(_aged(call, n) for pair, n in zip(calls, part, strict=True) for call in pair))
        log.retain(max_bytes=0)
        assert log.starts(EVENTS)[0] > 0
        rows, people = rows_of(warehouse, "seen"), rows_of(warehouse, "users")
        report = warehouse.retype("seen", "n", Kind.INTEGER, History(log), silent)
        assert report.carried > 0
        assert rows_of(warehouse, "seen") == [row | {"n": int(row["n"])} for row in rows]
        warehouse.rebuild("users", History(log), silent)
        assert rows_of(warehouse, "users") == people
        log.close()

    def test_loads_go_on_meanwhile(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        put(log, warehouse, *some(100))
        done = threading.Event()
        loads: list[int] = []

        def load() -> None:
            while not done.is_set() or not loads:
                put(log, warehouse, *some(1))
                loads.append(1)

        loader = threading.Thread(target=load)
        loader.start()
        try:
            for table in ("tracks", "users", "seen_1"):
                warehouse.rebuild(table, History(log), silent)
        finally:
            done.set()
            loader.join()
        counts = warehouse.recount(History(log), silent)
        assert {count.table: count.differences for count in counts} == {count.table: 0 for count in counts}

    def test_an_interrupted_rebuild_changes_nothing(self, warehouse: DuckDBWarehouse, log: SqliteLog):
        put(log, warehouse, *some())
        before = rows_of(warehouse, "seen_0")

        def stop(count: int) -> None:
            raise KeyError("stop")

        with pytest.raises(KeyError):
            warehouse.rebuild("seen_0", History(log), stop)
        assert rows_of(warehouse, "seen_0") == before
        assert not [name for [name] in warehouse.query("SHOW TABLES").rows if " " in name]

    @pytest.mark.parametrize(
        ("table", "column", "says"),
        [
            ("nothing", "v", "no table nothing"),
            ("shop.nothing", "v", "no column v"),
            ("seen_1", "w", "no column w"),
            ("seen_1", "received_at", "cannot be changed"),
        ],
    )
    def test_what_is_not_there_says_so(
        self, warehouse: DuckDBWarehouse, log: SqliteLog, table: str, column: str, says: str
    ):
        put(log, warehouse, *some(3))
        with pytest.raises(WarehouseError, match=says):
            warehouse.retype(table, column, Kind.TEXT, History(log), silent)


def test_a_snapshot_is_a_database_of_its_own(tmp_path: Path, warehouse: DuckDBWarehouse, log: SqliteLog):
    put(log, warehouse, *some(5))
    path = tmp_path / "copy.duckdb"
    for rows in (5, 10):
        warehouse.snapshot(path)
        with open_readonly(path, ["shop"]) as copy:
            found: Any = copy.query("SELECT count(*) FROM pages").rows
            assert found == [[rows]]
        put(log, warehouse, *some(5))


def test_a_snapshot_tells_how_far_it_is_and_one_that_is_called_off_leaves_the_last(
    tmp_path: Path, warehouse: DuckDBWarehouse, log: SqliteLog
):
    put(log, warehouse, *some(5))
    path = tmp_path / "copy.duckdb"
    total: list[int] = []
    copied: list[int] = []
    warehouse.snapshot(path, begin=total.append, step=copied.append)
    assert total == [sum(copied)] == [path.stat().st_size]
    put(log, warehouse, *some(5))

    def stop(count: int) -> None:
        raise KeyError("stop")

    with pytest.raises(KeyError):
        warehouse.snapshot(path, step=stop)
    assert sorted(one.name for one in tmp_path.iterdir() if "copy" in one.name) == ["copy.duckdb"]
    with open_readonly(path, ["shop"]) as copy:
        assert copy.query("SELECT count(*) FROM pages").rows == [[5]]
