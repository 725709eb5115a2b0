"""Questions to the warehouse: what is answered and how, and what is refused."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.warehouse.making import Loading, event
from trackway.warehouse.contract import QueryError, QueryRefused, QueryTimeout, WarehouseError
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.duckdb_questions import ReadOnlyDuckDB, open_readonly

SLOW = "SELECT count(*) FROM range(100_000_000) a, range(100_000) b WHERE a.range + b.range = 7"
not_needed_by_any_query = [1, 2, 3]


class Inside(NamedTuple):
    """A warehouse and the folder that it is in."""

    asked: DuckDBWarehouse | ReadOnlyDuckDB
    folder: Path


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBWarehouse]:
    """A warehouse with one event, for questions that must change nothing."""
    with DuckDBWarehouse(tmp_path_factory.mktemp("asked") / "warehouse.duckdb", ["shop"]) as warehouse:
        Loading(warehouse)(event(event="Seen"))
        warehouse._connection.execute("CREATE SEQUENCE shop.numbers")
        yield warehouse


@pytest.fixture(scope="module", params=["serving", "readonly"])
def closed_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A warehouse that is asked, in either way, and the folder that it is in."""
    folder = tmp_path_factory.mktemp("closed")
    (folder / "secret.csv").write_text("a,b\n1,2\n")
    path = folder / "warehouse.duckdb"
    DuckDBWarehouse(path).close()
    with DuckDBWarehouse(path) if request.param == "serving" else open_readonly(path) as asked:
        yield Inside(asked, folder)


class TestAnswers:
    def test_a_table_without_schema_is_found_in_the_order_of_the_sources(
        self, warehouse: DuckDBWarehouse, load: Loading
    ):
        load(
            event(source="app", event="Seen", properties={"from": "app"}),
            event(source="shop", event="Seen", properties={"from": "shop"}),
            event(source="app", event="Opened"),
            event(source="gone", event="Forgotten"),
        )
        assert warehouse.query("SELECT _from FROM seen").rows == [["shop"]]
        assert warehouse.query("SELECT _from FROM app.seen").rows == [["app"]]
        assert warehouse.query("SELECT event_text FROM opened").rows == [["Opened"]]
        assert warehouse.query("SELECT event_text FROM forgotten").rows == [["Forgotten"]]

    @pytest.mark.parametrize(
        ("expression", "kind", "value"),
        [
            ("1", "INTEGER", 1),
            ("sum(2)", "HUGEINT", 2),
            ("9007199254740993", "BIGINT", "9007199254740993"),
            ("1.50", "DECIMAL(3,2)", 1.5),
            ("0.12345678901234567890123::DECIMAL(30,23)", "DECIMAL(30,23)", "0.12345678901234567890123"),
            ("'nan'::DOUBLE", "DOUBLE", "nan"),
            ("true", "BOOLEAN", True),
            ("NULL", '"NULL"', None),
            ("TIMESTAMP '2026-01-01 00:00:00'", "TIMESTAMP", "2026-01-01T00:00:00.000Z"),
            ("TIMESTAMP '2026-01-01 00:00:00.000001'", "TIMESTAMP", "2026-01-01T00:00:00.000001Z"),
            ("DATE '2026-01-01'", "DATE", "2026-01-01"),
            ("[1, NULL]", "INTEGER[]", [1, None]),
            ("{'a': [TIMESTAMP '2026-01-01']}", "STRUCT(a TIMESTAMP[])", {"a": ["2026-01-01T00:00:00.000Z"]}),
            ("MAP {1: 'x'}", "MAP(INTEGER, VARCHAR)", {"1": "x"}),
            ("'ab'::BLOB", "BLOB", "6162"),
            ("INTERVAL 1 DAY", "INTERVAL", "1 day, 0:00:00"),
            ("current_setting('TimeZone')", "VARCHAR", "UTC"),
        ],
    )
    def test_values_are_what_json_has(self, asked: DuckDBWarehouse, expression: str, kind: str, value: Any):
        result = asked.query(f"SELECT {expression} AS v")
        assert (result.columns, result.types, result.rows) == (["v"], [kind], [[value]])
        json.dumps(result.rows, allow_nan=False)

    @pytest.mark.parametrize(("limit", "rows", "truncated"), [(4, 4, True), (5, 5, False), (6, 5, False), (0, 0, True)])
    def test_rows_beyond_the_limit_are_left_out(
        self, asked: DuckDBWarehouse, limit: int, rows: int, *, truncated: bool
    ):
        result = asked.query("SELECT * FROM range(5)", limit=limit)
        assert (len(result.rows), result.truncated) == (rows, truncated)

    @pytest.mark.parametrize(
        "sql",
        [
            "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
            "FROM seen",
            "VALUES (1)",
            "SHOW TABLES",
            "DESCRIBE seen",
            "SUMMARIZE seen",
            "EXPLAIN SELECT 1",
            "EXPLAIN ANALYZE SELECT 1",
            " explain (analyze, format json) (SELECT 1)",
            "SELECT 1; -- and no more",
        ],
    )
    def test_all_that_reads_is_answered(self, asked: DuckDBWarehouse, sql: str):
        assert asked.query(sql).rows

    def test_a_load_does_not_wait_for_a_query(self, warehouse: DuckDBWarehouse, load: Loading):
        load(event(event="Seen"))
        failed: list[BaseException] = []

        def ask() -> None:
            try:
                warehouse.query(SLOW, timeout_s=1.0)
            except QueryTimeout as error:
                failed.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        load(event(event="Seen", properties={"new": 1}))
        assert asking.is_alive()
        assert warehouse.query("SELECT count(new) FROM seen").rows == [[1]]
        asking.join()
        assert len(failed) == 1

    def test_what_does_not_fit_in_memory_spills(self, tmp_path: Path):
        with DuckDBWarehouse(tmp_path / "warehouse.duckdb", memory_bytes=24_000_000) as warehouse:
            sql = "SELECT count(*) FROM (SELECT DISTINCT md5(range::VARCHAR) FROM range(600_000))"
            assert warehouse.query(sql).rows == [[600_000]]


class TestRefusals:
    @pytest.mark.parametrize(
        "sql",
        [
            "", "  -- nothing", "SELECT 1; SELECT 2", "INSERT INTO seen (id) VALUES ('x')", "UPDATE seen SET id = 'x'",
            "DELETE FROM seen", "DROP TABLE seen", "TRUNCATE seen", "CREATE TABLE x AS SELECT 1",
            "CREATE TEMP TABLE x AS SELECT 1", "CREATE MACRO f(a) AS a", "ALTER TABLE seen ADD COLUMN x INTEGER",
            "COPY seen TO 'x.csv'", "COPY (SELECT 1) TO 'x.csv'", "EXPORT DATABASE 'x'", "IMPORT DATABASE 'x'",
            "ATTACH 'other.duckdb'", "DETACH warehouse", "USE shop", "INSTALL httpfs", "LOAD httpfs",
            "PRAGMA database_size", "SET threads = 1", "RESET threads", "CALL pragma_version()", "CHECKPOINT", "VACUUM",
            "BEGIN", "COMMIT", "PREPARE p AS SELECT 1", "EXECUTE p",
            "MERGE INTO seen USING (SELECT 1) ON true WHEN MATCHED THEN DELETE", "SELECT 1; DROP TABLE seen",
        ],
    )  # fmt: skip
    def test_only_one_reading_statement(self, asked: DuckDBWarehouse, sql: str):
        with pytest.raises(QueryRefused):
            asked.query(sql)
        assert asked.query("SELECT count(*) FROM seen").rows == [[1]]

    @pytest.mark.parametrize(
        "sql",
        [
            "EXPLAIN ANALYZE DELETE FROM seen",
            "EXPLAIN ANALYZE SET GLOBAL threads = 3",
            "EXPLAIN (ANALYZE) PRAGMA threads = 3",
            "EXPLAIN ANALYZE CHECKPOINT",
            "EXPLAIN /* /* */ SELECT 1 -- */ ANALYZE SET GLOBAL threads = 3",
            "EXPLAIN (ANALYZE /* ) SELECT 1 -- */ ) SET GLOBAL threads = 3",
            "EXPLAIN ANALYZE INSERT INTO seen (id) VALUES ('x')",
            "EXPLAIN ANALYZE CREATE TABLE shop.x AS SELECT 1",
            "WITH gone AS (DELETE FROM seen RETURNING id) SELECT * FROM gone",
            "SELECT * FROM query('DELETE FROM seen')",
            "SELECT nextval('shop.numbers')",
        ],
    )
    def test_what_hides_a_write_fails(self, asked: DuckDBWarehouse, sql: str):
        with pytest.raises(QueryError):
            asked.query(sql)
        assert asked.query("SELECT count(*) FROM seen").rows == [[1]]
        assert asked.query("SELECT current_setting('threads')").rows == [[1]]

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT * FROM read_csv('{file}')", "SELECT * FROM read_text('{file}')",
            "SELECT * FROM read_blob('{file}')",
            "SELECT * FROM '{file}'", "SELECT * FROM read_json('{file}')", "SELECT * FROM glob('{folder}/*')",
            "SELECT * FROM sniff_csv('{file}')", "SELECT * FROM read_parquet('https://127.0.0.1:1/x')",
            "SELECT getenv('HOME')", "SELECT * FROM not_needed_by_any_query", "SELECT * FROM duckdb_secrets()",
            "SELECT * FROM query('SELECT * FROM read_text(''{file}'')')",
            "EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/out.csv'",
        ],
    )  # fmt: skip
    def test_nothing_outside_is_reached(self, closed_in: Inside, sql: str):
        folder = closed_in.folder
        with pytest.raises(QueryError):
            closed_in.asked.query(sql.format(file=folder / "secret.csv", folder=folder))
        assert {file.name for file in folder.iterdir()} <= {"secret.csv", "warehouse.duckdb", "warehouse.duckdb.wal"}


class TestErrors:
    @pytest.mark.parametrize(
        ("sql", "at"),
        [
            ("SELECT nope FROM range(3)", "nope"),
            ("SELECT 1,\n  2 FROM\n range(3) WHERE nope = 1", "nope"),
            ("SELEC 1", "SELEC"),
            ("SELECT 1 FROM nowhere", "nowhere"),
            ("SELECT " + ", ".join(f"{number} AS c{number}" for number in range(60)) + ", nope FROM range(3)", "nope"),
        ],
    )
    def test_point_at_the_place(self, asked: DuckDBWarehouse, sql: str, at: str):
        with pytest.raises(QueryError) as found:
            asked.query(sql)
        assert found.value.position == sql.index(at)
        assert at in str(found.value)

    def test_without_a_place_have_no_position(self, warehouse: DuckDBWarehouse):
        with pytest.raises(QueryError, match="Out of Range") as found:
            warehouse.query("SELECT 9223372036854775807 + x::BIGINT FROM (VALUES (1)) t(x)")
        assert found.value.position is None

    @pytest.mark.parametrize("timeout_s", [0, 0.2])
    def test_a_slow_query_is_stopped(self, warehouse: DuckDBWarehouse, timeout_s: float):
        began = time.monotonic()
        with pytest.raises(QueryTimeout, match=rf"after {timeout_s} s"):
            warehouse.query(SLOW, timeout_s=timeout_s)
        assert time.monotonic() - began < 60
        assert warehouse.query("SELECT 1").rows == [[1]]

    def test_a_closed_warehouse_says_so(self, tmp_path: Path):
        warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
        warehouse.close()
        with pytest.raises(WarehouseError, match="does not answer"):
            warehouse.query("SELECT 1")
