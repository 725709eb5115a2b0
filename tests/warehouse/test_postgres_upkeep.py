"""Recounting and rebuilding a PostgreSQL warehouse from the log."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from tests.warehouse.backends import meaning, rows_of, value_of
from tests.warehouse.making import RECEIVED_MS, batched, event, put, silent
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord
from trackway.log.sqlite import SqliteLog
from trackway.warehouse.columns import Kind
from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.history import History
from trackway.warehouse.layout import Layouts
from trackway.warehouse.postgres import PostgresWarehouse
from trackway.warehouse.upkeep import Maintained
from trackway.workspace.model import WarehouseTable

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log", CLEAN_TOPICS, segment_bytes=4096)
    yield log
    log.close()


@pytest.fixture
def pg(database: str) -> Iterator[PostgresWarehouse]:
    with PostgresWarehouse(database, ["shop"]) as warehouse:
        yield warehouse


def some(count: int = 30) -> list[EventRecord]:
    calls: list[EventRecord] = []
    for number in range(count):
        calls += [
            event(event=f"Seen {number % 3}", userId="u", properties={"v": number if number % 4 else f"{number}x"}),
            event("identify", userId=f"u{number % 5}", traits={"age": number, "name": f"n{number}\x00"}),
            event("group", userId="u1", groupId=number % 3, traits={"seats": number}),
            event(event="Hidden", integrations={"Warehouses": False}),
        ]
    return calls


def differences(warehouse: PostgresWarehouse, log: SqliteLog) -> dict[str, tuple[int, int]]:
    counts = warehouse.recount(History(log), silent)
    return {one.table: (one.missing, one.surplus) for one in counts if one.differences}


def stop(count: int) -> None:
    raise KeyError("stop")


def test_it_has_upkeep(pg: PostgresWarehouse):
    assert isinstance(pg, Maintained)
    with pytest.raises(WarehouseError, match="pg_dump"):
        pg.snapshot(Path("x"))


class TestRecount:
    def test_nothing_is_missing_until_somebody_meddles(self, pg: PostgresWarehouse, log: SqliteLog, database: str):
        put(log, pg, *some())
        put(log, pg, *some(3), event("alias", userId="u\x00", previousId="v"), event(event="日本", message_id="m\x00"))
        counts = {one.table: one for one in pg.recount(History(log), silent)}
        assert differences(pg, log) == {} and len(counts) == 10
        assert counts["shop.tracks"].log == counts["shop.tracks"].rows == 34
        assert counts["shop.users"].rows == 5
        with psycopg.connect(database) as connection:
            connection.execute("DELETE FROM shop.seen_1 WHERE id = (SELECT min(id) FROM shop.seen_1)")
            connection.execute("INSERT INTO shop.groups SELECT * FROM shop.groups LIMIT 2")
            connection.execute("UPDATE shop.seen_2 SET id = 'other' WHERE id = (SELECT min(id) FROM shop.seen_2)")
            connection.execute("DROP TABLE shop.users")
        assert differences(pg, log) == {
            "shop.seen_1": (1, 0), "shop.groups": (0, 2), "shop.seen_2": (1, 1), "shop.users": (5, 0),
        }  # fmt: skip
        for table in ("seen_1", "groups", "seen_2"):
            pg.rebuild(table, History(log), silent)
        assert differences(pg, log) == {"shop.users": (5, 0)}


class TestRebuild:
    @pytest.mark.parametrize("partition", ["none", "day"])
    def test_rebuilt_tables_are_the_same(self, database: str, log: SqliteLog, partition: Any):
        layouts = Layouts({"*": WarehouseTable(partition=partition)})
        with PostgresWarehouse(database, ["shop"], layouts=layouts) as pg:
            put(log, pg, *some())
            put(log, pg, *some(3))
            for table in ("tracks", "seen_1", "identifies", "users", "accounts"):
                before = rows_of(pg, table)
                report = pg.rebuild(table, History(log), silent)
                assert rows_of(pg, table) == before
                assert (report.rows, report.carried) == (len(before), 0)
            put(log, pg, *some(2))
            assert differences(pg, log) == {}

    def test_a_retyped_column_takes_what_fits_from_now_on(self, pg: PostgresWarehouse, log: SqliteLog, database: str):
        values: list[Any] = [0, 1, "many", "7"]
        put(
            log,
            pg,
            *(event(message_id=f"m{n}", event="Seen", properties={"v": value}) for n, value in enumerate(values)),
        )
        assert pg.query("SELECT v FROM seen ORDER BY id").types == ["text"]
        with psycopg.connect(database) as connection:
            connection.execute("CREATE ROLE reading; GRANT SELECT ON shop.seen TO reading")
        report = pg.retype("seen", "v", Kind.INTEGER, History(log), silent)
        assert report.diverted == 1
        put(log, pg, event(message_id="m4", event="Seen", properties={"v": 2.5}))
        answer = pg.query("SELECT v, has_table_privilege('reading', 'shop.seen', 'SELECT') FROM seen ORDER BY id")
        assert answer.rows == [[0, True], [1, True], [None, True], [7, True], [None, True]]
        assert [value_of(row, "v") for row in rows_of(pg, "seen")] == [0, 1, "many", 7, 2.5]
        with pytest.raises(KeyError):
            pg.retype("seen", "v", Kind.TEXT, History(log), stop)
        pg.rebuild("seen", History(log), silent)
        assert pg.query("SELECT v FROM seen").types == ["bigint"]
        pg.retype("seen", "v", None, History(log), silent)
        assert [meaning(row["v"]) for row in rows_of(pg, "seen")] == ["0", "1", "many", "7", "2.5"]
        with psycopg.connect(database) as connection:
            connection.execute("DROP OWNED BY reading; DROP ROLE reading")

    def test_rows_that_the_log_lost_are_carried_over(self, pg: PostgresWarehouse, log: SqliteLog):
        for part in batched(range(100), 20):
            records: list[EventRecord] = []
            for number in part:
                named = {"n": number, "at": "2026-01-01T00:00:00.5Z", "f": number / 4}
                both = [
                    event(message_id=f"m{number:03}", event="Seen", properties=named),
                    event("identify", message_id=f"i{number:03}", userId=f"u{number % 9}", traits=named),
                ]
                records += [msgspec.structs.replace(one, received_at_ms=RECEIVED_MS + number * 1000) for one in both]
            put(log, pg, *records)
        log.retain(max_bytes=0)
        assert log.starts(EVENTS)[0] > 0
        for table in ("seen", "users"):
            before = rows_of(pg, table)
            assert pg.rebuild(table, History(log), silent).carried > 0
            assert rows_of(pg, table) == before
        assert differences(pg, log) == {}

    def test_loads_go_on_meanwhile(self, pg: PostgresWarehouse, log: SqliteLog):
        put(log, pg, *some())
        rebuilding = threading.Thread(target=lambda: pg.rebuild("tracks", History(log), silent))
        rebuilding.start()
        while rebuilding.is_alive():
            put(log, pg, *some(2))
        rebuilding.join()
        put(log, pg, *some(2))
        assert differences(pg, log) == {}

    def test_views_are_named_and_nothing_is_left_behind(self, pg: PostgresWarehouse, log: SqliteLog, database: str):
        put(log, pg, *some(3))
        with psycopg.connect(database) as connection:
            connection.execute("CREATE VIEW shown AS SELECT id FROM shop.tracks")
        with pytest.raises(WarehouseError, match=r"view public\.shown depends on table shop\.tracks.*make them anew"):
            pg.rebuild("shop.tracks", History(log), silent)
        with pytest.raises(WarehouseError, match=r"no table shop\.nope"):
            pg.rebuild("shop.nope", History(log), silent)
        assert pg.query("SELECT count(*) FROM pg_class WHERE relname LIKE 'rebuilt %'").rows == [[0]]
        put(log, pg, *some(1))
        assert differences(pg, log) == {}
