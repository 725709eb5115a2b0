"""What is PostgreSQL's own: names, limits, layout, refusals, and servers and loaders that die."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from tests import postgres
from tests.running import poll_until
from tests.warehouse.backends import meaning, rows_of, value_of
from tests.warehouse.children import child, load_postgres
from tests.warehouse.making import RECEIVED_MS, Loading, event, numbered
from trackway.events.records import EVENTS, EventRecord
from trackway.warehouse import postgres_tables
from trackway.warehouse.contract import QueryCancelled, QueryError, QueryRefused, QueryTimeout, WarehouseError
from trackway.warehouse.layout import Layouts
from trackway.warehouse.naming import column_name, event_name, schema_name
from trackway.warehouse.postgres import PostgresReader, PostgresWarehouse
from trackway.warehouse.postgres_rules import POSTGRES_RULES
from trackway.workspace.model import WarehouseTable
from trackway.workspace.units import Duration

pytestmark = pytest.mark.xdist_group("postgres")
DAY_MS = 24 * 3600 * 1000


def column(warehouse: PostgresWarehouse | PostgresReader, sql: str) -> list[Any]:
    return [row[0] for row in warehouse.query(sql, limit=10_000).rows]


class TestNames:
    def test_no_word_of_the_server_needs_quotes(self, database: str):
        with psycopg.connect(database, autocommit=True) as connection:
            words = [row[0] for row in connection.execute("SELECT word FROM pg_get_keywords()")]
            words += ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "oid"]
            for word in words:
                table, name = event_name(word, POSTGRES_RULES).table, column_name([word], POSTGRES_RULES)
                connection.execute(f"CREATE TABLE {table} ({name} text)".encode())
                connection.execute(
                    f"SELECT {name}, x.{name} FROM {table} x WHERE {name} IS NULL ORDER BY {name}".encode()
                )
                connection.execute(f"DROP TABLE {table}".encode())
        assert len(words) > 400

    @pytest.mark.parametrize("source", ["pg_web", "information_schema", "public", "2fa", "user"])
    def test_a_source_of_any_name_has_a_schema(self, database: str, source: str):
        with PostgresWarehouse(database, [source]) as warehouse:
            Loading(warehouse)(event(source=source, event="Seen"))
            schema = schema_name(source, POSTGRES_RULES)
            assert column(warehouse, f"SELECT count(*) FROM {schema}.seen") == [1]
            assert column(warehouse, "SELECT count(*) FROM seen") == [1]


class TestLimits:
    def test_rows_wider_than_a_page_keep_every_value(self, database: str):
        wide = {f"p{number:04}": f"text {number} {'x' * 20}" for number in range(1100)}
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            load = Loading(warehouse)
            report = load(event(message_id="m1", event="Seen", properties=wide))
            load(event(message_id="m2", event="Seen", properties={f"n{number}": number for number in range(900)}))
            load(event("identify", userId="u", traits=wide), event("identify", userId="u", traits={"p1099": "new"}))
            first, second = rows_of(warehouse, "seen")
            assert {name: value_of(first, name) for name in wide} == wide
            assert {f"n{number}": value_of(second, f"n{number}") for number in range(900)} == {
                f"n{number}": number for number in range(900)
            }
            [user] = rows_of(warehouse, "users")
            assert {name: value_of(user, name) for name in wide} == wide | {"p1099": "new"}
        assert sum(report.diverted.values()) > 700

    def test_rests_with_nul_are_read_and_merged(self, database: str):
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            load = Loading(warehouse)
            for number in range(3):
                load(event("identify", userId="u", traits={f"a{number % 2}": f"{number}\x00", "b": "\x00"}))
            [user] = rows_of(warehouse, "users")
            assert [value_of(user, name) for name in ("a0", "a1", "b")] == ["2\x00", "1\x00", "\x00"]
            assert column(warehouse, "SELECT _rest->'a0'->>'json' FROM users") == ['"2\\u0000"']

    def test_a_column_under_a_view_keeps_its_type(self, database: str):
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            load = Loading(warehouse)
            load(event(message_id="m1", event="Seen", properties={"v": 1, "w": 1}))
            with psycopg.connect(database) as other:
                other.execute("CREATE VIEW shown AS SELECT v FROM shop.seen")
            report = load(event(message_id="m2", event="Seen", properties={"v": "x", "w": "y"}))
            assert report.columns_widened == {"shop.seen.w": "text"} and report.diverted == {"shop.seen.v": 1}
            assert column(warehouse, "SELECT _rest->>'v' FROM seen WHERE id = 'm2'") == ["x"]
            load(event(message_id="m3", event="Seen", properties={"v": 3}))
            assert column(warehouse, "SELECT v FROM shown ORDER BY 1") == [1, 3, None]

    def test_a_large_table_is_not_rewritten(self, database: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(postgres_tables, "WIDEN_BYTES", 0)
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            load = Loading(warehouse)
            load(event(message_id="m1", event="Seen", properties={"v": 1}))
            report = load(event(message_id="m2", event="Seen", properties={"v": 2.5}))
            assert report.diverted == {"shop.seen.v": 1}
            assert [value_of(row, "v") for row in rows_of(warehouse, "seen")] == [1, 2.5]

    def test_a_column_of_a_foreign_type_becomes_text(self, database: str):
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            Loading(warehouse)(event(message_id="m1", event="Seen", properties={"v": 1}))
        with psycopg.connect(database) as other:
            other.execute("ALTER TABLE shop.seen ALTER v TYPE numeric(9, 2)")
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            warehouse.load([event(message_id="m2", event="Seen", properties={"v": 0.123})], EVENTS, {0: 2})
            assert column(warehouse, "SELECT v FROM seen ORDER BY id") == ["1.00", "0.123"]


def received(days: int, **fields: Any) -> EventRecord:
    return msgspec.structs.replace(event(event="Seen", **fields), received_at_ms=RECEIVED_MS + days * DAY_MS)


class TestLayout:
    def test_sort_keys_have_brin_indexes_when_their_column_comes(self, database: str):
        tables = {"seen": WarehouseTable(sort=["amount", "timestamp"])}
        with PostgresWarehouse(database, ["shop"], layouts=Layouts(tables)) as warehouse:
            load = Loading(warehouse)
            load(event(event="Seen"))
            load(event(event="Seen", properties={"amount": 5}), event(event="Other"))
            found = column(warehouse, "SELECT indexdef FROM pg_indexes WHERE tablename = 'seen' ORDER BY indexname")
            assert [text.split("USING ")[1] for text in found] == ["brin (amount)", 'brin ("timestamp")']
            [other] = column(warehouse, "SELECT indexdef FROM pg_indexes WHERE tablename = 'other'")
            assert other.endswith("brin (received_at)")

    @pytest.mark.parametrize(("partition", "count"), [("day", 4), ("month", 2)])
    def test_partitions_are_made_as_rows_come(self, database: str, partition: Any, count: int):
        layouts = Layouts({"*": WarehouseTable(partition=partition)})
        with PostgresWarehouse(database, ["shop"], layouts=layouts) as warehouse:
            load = Loading(warehouse)
            load(received(0), received(1), received(1))
            load(received(40, properties={"late": True}), received(0), received(30), event("identify", userId="u"))
        with PostgresWarehouse(database, ["shop"], layouts=Layouts()) as warehouse:
            warehouse.load([received(30), received(0)], EVENTS, {0: 99})
            assert column(warehouse, "SELECT count(*) FROM seen") == [8]
            parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.seen'::regclass"
            assert column(warehouse, parts) == [count]
            assert column(warehouse, "SELECT count(*) FROM users") == [1]

    @pytest.mark.parametrize("partition", ["none", "day"])
    def test_old_rows_go(self, database: str, partition: Any):
        now = datetime.now(UTC)
        tables = {"seen": WarehouseTable(partition=partition, keep=Duration(7 * 24 * 3600))}
        with PostgresWarehouse(database, ["shop"], layouts=Layouts(tables)) as warehouse:
            records = [
                msgspec.structs.replace(
                    event(event=name, message_id=f"{name}{days}"),
                    received_at_ms=int((now - timedelta(days=days)).timestamp() * 1000),
                )
                for days in (0, 6, 9, 400)
                for name in ("Seen", "Other")
            ]
            Loading(warehouse)(*records, event("identify", userId="u"))
            assert column(warehouse, "SELECT id FROM seen ORDER BY 1") == ["Seen0", "Seen6"]
            assert column(warehouse, "SELECT count(*) FROM other") == [4]
            assert column(warehouse, "SELECT count(*) FROM users") == [1]


class TestRefusals:
    def test_a_wrong_password_says_so_without_showing_it(self, cluster: postgres.Cluster, database: str):
        conninfo = cluster.dsn(psycopg.conninfo.conninfo_to_dict(database)["dbname"], password="s3cret-wrong")
        with pytest.raises(
            WarehouseError, match=r"refuses the password of owner; correct warehouses\.lake\.url, or `password`"
        ) as error:
            PostgresWarehouse(conninfo, name="lake").positions(EVENTS)
        assert "s3cret" not in str(error.value)

    def test_a_user_without_rights_is_told_which(self, cluster: postgres.Cluster, database: str):
        name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
        with cluster.connect() as connection:
            connection.execute("CREATE ROLE weak LOGIN PASSWORD 'weak'")
        try:
            with pytest.raises(WarehouseError, match=f"GRANT CREATE ON DATABASE {name} TO weak"):
                PostgresWarehouse(cluster.dsn(name, user="weak", password="weak")).positions(EVENTS)
        finally:
            with cluster.connect() as connection:
                connection.execute("DROP ROLE weak")

    @pytest.mark.parametrize(
        ("conninfo", "message"),
        [
            ("host=127.0.0.1 port=1 dbname=x", "nobody answers there; start the server"),
            ("host=/nowhere dbname=x", "nobody answers there; start the server"),
        ],
    )
    def test_a_server_that_is_not_there(self, conninfo: str, message: str):
        with pytest.raises(WarehouseError, match=message):
            PostgresWarehouse(conninfo).positions(EVENTS)

    def test_two_loaders_on_one_database_are_refused(self, database: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("trackway.warehouse.postgres_session._WAIT_FOR_LOCK_S", 0.0)
        with PostgresWarehouse(database) as one:
            one.positions(EVENTS)
            with pytest.raises(WarehouseError, match=r"another Trackway loads into .*application trackway\)"):
                PostgresWarehouse(database).positions(EVENTS)
        with PostgresWarehouse(database) as other:
            assert other.positions(EVENTS) == {}

    def test_what_another_loader_committed_is_never_written_again(self, database: str):
        """As behind a pooler, where the lock is worth nothing."""
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            warehouse.load([event(event="Seen")], EVENTS, {0: 1})
            with psycopg.connect(database) as other:
                other.execute("UPDATE _trackway.positions SET next_offset = 2")
            with pytest.raises(WarehouseError, match="another Trackway has loaded"):
                warehouse.load([event(event="Seen")], EVENTS, {0: 2})
            assert warehouse.positions(EVENTS) == {0: 2}
            assert column(warehouse, "SELECT count(*) FROM seen") == [1]


class TestQuestions:
    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM tracks",
            "SELECT 1; DROP TABLE shop.tracks",
            "EXPLAIN ANALYZE DELETE FROM tracks",
            "COPY shop.tracks TO PROGRAM 'true'",
            "SELECT txid_current(), setval('seen_numbers', 7)",
            "-- SELECT\nTRUNCATE tracks",
            "",
        ],
    )
    def test_only_reading_is_answered(self, database: str, sql: str):
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            Loading(warehouse)(event(event="Seen"))
            with psycopg.connect(database) as other:
                other.execute("CREATE SEQUENCE seen_numbers")
            with pytest.raises(QueryRefused):
                warehouse.query(sql)
            assert column(warehouse, "SELECT count(*) FROM tracks") == [1]

    def test_a_write_inside_with_is_refused(self, database: str):
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            Loading(warehouse)(event(event="Seen"))
            with pytest.raises(QueryError):
                warehouse.query("WITH gone AS (DELETE FROM tracks RETURNING 1) SELECT * FROM gone")
            with pytest.raises(QueryError):
                warehouse.query("SELECT set_config('transaction_read_only', 'off', false)")
            assert column(warehouse, "SELECT count(*) FROM tracks") == [1]

    def test_mistakes_have_a_place(self, database: str):
        reader = PostgresReader(database)
        with pytest.raises(QueryError, match='column "nope" does not exist') as error:
            reader.query("  SELECT nope FROM pg_class")
        assert error.value.position == 9

    def test_long_questions_are_stopped(self, database: str):
        with pytest.raises(QueryTimeout, match=r"stopped after 0\.2 s"):
            PostgresReader(database).query("SELECT pg_sleep(30)", timeout_s=0.2)
        hung = "SELECT set_config('statement_timeout', '0', false), pg_sleep(30)"
        with pytest.raises(QueryTimeout):
            PostgresReader(database).query(hung, timeout_s=0.2)

    def test_a_question_can_be_cancelled(self, database: str):
        stop = threading.Event()
        asked = PostgresReader(database)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(asked.query, "SELECT pg_sleep(30)", stop=stop)
            running = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
                AND query LIKE 'FETCH%' AND pid <> pg_backend_pid()"""
            poll_until(lambda: column(asked, running) == [1], what="the question to run")
            stop.set()
            with pytest.raises(QueryCancelled):
                answer.result(timeout=60)
        poll_until(lambda: column(asked, running) == [0], what="the database to stop it")

    def test_answers_are_json(self, database: str):
        sql = """/* all kinds */ (SELECT 1 AS a, 9007199254740993, 0.1::numeric, 'x', NULL, true, '{"a": [1]}'::json,
            ARRAY[1, 2], timestamptz '2026-01-01 01:00+01', date '2026-01-01', 'NaN'::float8, '\\x01'::bytea);"""
        result = PostgresReader(database).query(sql)
        assert result.rows == [
            [1, "9007199254740993", 0.1, "x", None, True, {"a": [1]}, [1, 2], "2026-01-01T00:00:00.000Z", "2026-01-01",
             "nan", "01"]
        ]  # fmt: skip
        assert (result.columns[0], result.types[0]) == ("a", "integer")
        many = PostgresReader(database).query("SELECT generate_series(1, 50)", limit=10)
        assert (len(many.rows), many.truncated) == (10, True)


class TestCrashes:
    TOTAL = 520

    def _check(self, dsn: str):
        with PostgresWarehouse(dsn, ["shop"]) as warehouse:
            assert warehouse.positions(EVENTS) == {0: self.TOTAL}
            ids = sorted(f"m{number}" for number in range(self.TOTAL))
            tracks = [name for name in ids if int(name[1:]) % 3]
            assert sorted(column(warehouse, "SELECT id FROM tracks")) == tracks
            union = " UNION ALL ".join(f"SELECT id FROM seen_{number}" for number in range(5))
            assert sorted(column(warehouse, union)) == tracks
            assert sorted(column(warehouse, "SELECT id FROM identifies")) == sorted(set(ids) - set(tracks))
            assert sorted(column(warehouse, "SELECT id FROM users")) == [f"u{number}" for number in range(7)]

    def test_a_killed_loader_leaves_whole_loads(self, database: str):
        for kill_after in (1, 4):
            with child(load_postgres, database, self.TOTAL) as loading:
                for _ in range(kill_after):
                    loading.said.recv()
                loading.kill()
        with child(load_postgres, database, self.TOTAL) as loading:
            loading.finish()
        self._check(database)

    def test_a_killed_server_loses_no_load_and_doubles_none(self):
        with postgres.running(durable=True) as cluster:
            dsn = cluster.dsn(cluster.new_database())
            with child(load_postgres, dsn, self.TOTAL) as loading:
                told = 0
                for kill_after in (2, 4):
                    for _ in range(kill_after):
                        told = loading.said.recv()
                    cluster.kill()
                    cluster.start()
                    with PostgresReader(dsn) as reader:
                        [[position]] = reader.query("SELECT next_offset FROM _trackway.positions").rows
                    assert position >= told, "what the loader was told is committed survives the server's death"
                loading.finish()
            self._check(dsn)

    def test_a_session_that_the_server_ends_is_made_anew(self, cluster: postgres.Cluster, database: str):
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            warehouse.load([event(event="Seen")], EVENTS, {0: 1})
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trackway'"
            with cluster.connect() as connection:
                connection.execute(end)
            with pytest.raises(WarehouseError):
                warehouse.load([event(event="Seen")], EVENTS, {0: 2})
            assert warehouse.positions(EVENTS) == {0: 1}
            warehouse.load([event(event="Seen")], EVENTS, {0: 2})
            assert column(warehouse, "SELECT count(*) FROM seen") == [2]

    def test_an_interrupted_load_is_taken_back(self, database: str):
        with PostgresWarehouse(database, ["shop"]) as warehouse:
            Loading(warehouse)(event(event="Seen"))
            with psycopg.connect(database) as other:
                other.execute("LOCK TABLE shop.seen IN ACCESS EXCLUSIVE MODE")
                failed: list[str] = []
                thread = threading.Thread(target=lambda: _fail(warehouse, failed))
                thread.start()
                _wait_for_lock(database)
                warehouse.interrupt()
                thread.join(20)
                assert not thread.is_alive() and failed
            assert warehouse.positions(EVENTS) == {0: 1}
            assert column(warehouse, "SELECT count(*) FROM seen") == [1]


def _fail(warehouse: PostgresWarehouse, failed: list[str]) -> None:
    try:
        warehouse.load([event(event="Seen")], EVENTS, {0: 2})
    except WarehouseError as error:
        failed.append(str(error))


def _wait_for_lock(database: str) -> None:
    from tests.running import poll_until

    def is_waiting() -> bool:
        with psycopg.connect(database) as connection:
            row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
            return row is not None and row[0] > 0

    poll_until(is_waiting, what="the load waits for the lock")


def test_values_of_widened_columns_keep_their_spelling(database: str):
    firsts: list[Any] = [
        1,
        2.0,
        True,
        "2026-01-01T00:00:00.123Z",
        "2026-01-01T00:00:00.123456Z",
        (1 << 53) + 1,
        "x",
        0.1,
        1e-7,
    ]
    named = {f"v{place}": value for place, value in enumerate(firsts)}
    with PostgresWarehouse(database, ["shop"]) as warehouse:
        load = Loading(warehouse)
        load(*numbered([event(event="Seen", properties=named)]))
        load(event(message_id="z", event="Seen", properties=dict.fromkeys(named, "text")))
        first = rows_of(warehouse, "seen")[0]
        assert [first[name] for name in named] == [
            "1", "2", "true", "2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00.123456Z", str((1 << 53) + 1), "x", "0.1",
            "1e-07",
        ]  # fmt: skip
        assert meaning("1e-07") == meaning(1e-7)
