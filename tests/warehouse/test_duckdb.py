"""Events in, rows out: the tables of Segment's warehouse schema, and how they change as events do."""

import itertools
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.warehouse.making import RECEIVED_MS, REGISTER, Loading, column_of, event, numbered, rows_of, types_of
from trackway.events.records import EVENTS, EventRecord, Place
from trackway.warehouse import chunks, duckdb_memory
from trackway.warehouse.columns import EXACT, text_of
from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.duckdb_questions import open_readonly
from trackway.warehouse.instants import is_date_time, parse_instant


class TestTables:
    def test_the_contracts_example(self, warehouse: DuckDBWarehouse):
        record = EventRecord(
            source="shop", type="track", message_id="m1", name="Register", user_id="u1", anonymous_id="a1",
            received_at_ms=RECEIVED_MS, timestamp_ms=RECEIVED_MS - 40, raw=Place(0, 0), body=REGISTER,
        )  # fmt: skip
        report = warehouse.load([record], EVENTS, {0: 1})
        common = {
            "id": "m1",
            "anonymous_id": "a1",
            "user_id": "u1",
            "received_at": "2026-01-01T00:00:00.000Z",
            "sent_at": "2026-01-01T00:00:00.140Z",
            "original_timestamp": "2026-01-01T00:00:00.100Z",
            "timestamp": "2025-12-31T23:59:59.960Z",
            "event": "register",
            "event_text": "Register",
            "context_library_name": "analytics.js",
            "context_traits_email": "a@b.c",
        }
        assert rows_of(warehouse, "shop.tracks") == [common]
        assert rows_of(warehouse, "shop.register") == [
            common
            | {
                "plan": "Pro Annual",
                "account_type": "Facebook",
                "meta_a_b_x1_y": True,
                "tags": '["a",{"b":1}]',
                "_event": "x",
            }
        ]
        assert set(types_of(warehouse, "shop.tracks")) == {*common, "uuid_ts"}
        assert types_of(warehouse, "shop.register")["meta_a_b_x1_y"] == "BOOLEAN"
        assert types_of(warehouse, "shop.register")["timestamp"] == "TIMESTAMP"
        assert "none" not in types_of(warehouse, "shop.register")
        assert report.rows == {"shop.tracks": 1, "shop.register": 1}
        assert report.columns_added == []

    def test_names_with_one_slug_share_a_table(self, warehouse: DuckDBWarehouse, load: Loading):
        load(event(event="Order Completed"), event(event="order_completed"), event(event="Users"))
        found = warehouse.query("SELECT event, event_text FROM order_completed ORDER BY event_text").rows
        assert found == [["order_completed", "Order Completed"], ["order_completed", "order_completed"]]
        assert warehouse.query("SELECT event, event_text FROM _users").rows == [["users", "Users"]]

    def test_tracks_is_the_union_of_the_event_tables(self, warehouse: DuckDBWarehouse, load: Loading):
        names = ["A", "B", "b", "日本", "C D"]
        load(*(event(event=names[number % 5], context={"n": number}) for number in range(50)))
        load(*(event(event=names[number % 3], context={"os": {"name": "x"}}) for number in range(10)))
        tables = [event_table for [event_table] in warehouse.query("SHOW TABLES").rows if event_table != "tracks"]
        common = ", ".join(name for name in types_of(warehouse, "tracks") if name != "uuid_ts")
        # Every event table has every common column once it has had a value there.
        shared = {"id", "event", "event_text", "received_at", "timestamp"}
        assert shared <= set(common.split(", "))
        union = " UNION ALL ".join(f"SELECT id, event, event_text FROM {table}" for table in tables)
        assert len(tables) == 4
        assert warehouse.query(f"SELECT count(*) FROM ({union})").rows == [[60]]
        missing = f"SELECT id, event, event_text FROM tracks EXCEPT ({union})"
        assert warehouse.query(missing).rows == []

    def test_each_source_has_a_schema(self, warehouse: DuckDBWarehouse, load: Loading):
        load(event(source="shop", event="Seen"), event(source="app", event="Seen"), event(source="old-one"))
        found = warehouse.query("SELECT schema_name FROM duckdb_schemas() WHERE NOT internal ORDER BY 1").rows
        assert [name for [name] in found if name != "main"] == ["_trackway", "app", "old_one", "shop"]
        assert [len(rows_of(warehouse, f"{source}.seen")) for source in ("shop", "app")] == [1, 1]

    def test_uuid_ts_is_the_time_of_the_load(self, warehouse: DuckDBWarehouse, load: Loading):
        [[before]] = warehouse.query("SELECT get_current_timestamp()::TIMESTAMP").rows
        report = load(event(event="Seen"))
        [[written]] = warehouse.query("SELECT uuid_ts FROM seen").rows
        assert before <= written <= report.at.isoformat().replace("+00:00", "Z")

    @pytest.mark.parametrize(
        ("integrations", "stored"),
        [
            ({"All": False}, 1),
            ({"Warehouses": False}, 0),
            ({"Warehouses": True}, 1),
            ({"Warehouses": None}, 1),
            ({"Warehouses": {"all": False}}, 0),
            ({"All": False, "Warehouses": {"all": True}}, 1),
            ({"Warehouses": {"warehouseIds": ["duckdb"]}}, 1),
            ({"Warehouses": {"warehouseIds": ["other"]}}, 0),
            ("nonsense", 1),
        ],
    )
    def test_integrations_choose_warehouses(
        self, warehouse: DuckDBWarehouse, load: Loading, integrations: Any, stored: int
    ):
        report = load(event(event="Seen", integrations=integrations), event(event="Beside"))
        assert report.rows.get("shop.seen", 0) == stored
        assert report.left_out == 1 - stored
        assert report.events == 2

    def test_an_unreadable_body_keeps_its_row(self, warehouse: DuckDBWarehouse, load: Loading):
        record = msgspec.structs.replace(event(message_id="m1", event="Seen", userId="u1"), body=b"\x00")
        report = load(record)
        assert report.unreadable == 1
        [row] = rows_of(warehouse, "seen")
        assert (row["id"], row["user_id"], row["event_text"]) == ("m1", "u1", "Seen")

    @pytest.mark.parametrize("odd", ["text", 5, [1], None])
    def test_parts_that_are_no_objects_do_no_harm(self, warehouse: DuckDBWarehouse, load: Loading, odd: Any):
        load(
            event(event="Seen", properties=odd, context=odd), event("page", name={"a": 1}, category=[2], properties=odd)
        )
        assert len(rows_of(warehouse, "seen")) == 1
        [page] = rows_of(warehouse, "pages")
        assert (page["name"], page["category"]) == ('{"a":1}', "[2]")


class TestEvolution:
    @pytest.mark.parametrize(
        ("first", "later", "kind", "values"),
        [
            (1, 2.5, "DOUBLE", [1.0, 2.5]),
            (2.5, 1, "DOUBLE", [2.5, 1.0]),
            (EXACT, 2.5, "DOUBLE", [float(EXACT), 2.5]),
            (EXACT + 1, 2.5, "VARCHAR", [str(EXACT + 1), "2.5"]),
            (2.5, EXACT + 1, "VARCHAR", ["2.5", str(EXACT + 1)]),
            (1, 1 << 63, "DECIMAL(38,9)", [1, str(1 << 63)]),
            (1 << 63, "x", "VARCHAR", [str(1 << 63), "x"]),
            (1 << 63, 2.5, "VARCHAR", [str(1 << 63), "2.5"]),
            (1 << 63, 10**30, "VARCHAR", [str(1 << 63), str(10**30)]),
            (2.0, 3, "BIGINT", [2, 3]),
            (True, 1, "VARCHAR", ["true", "1"]),
            (1, "x", "VARCHAR", ["1", "x"]),
            (2.0, "x", "VARCHAR", ["2", "x"]),
            (0.1, "x", "VARCHAR", ["0.1", "x"]),
            (False, [1, {"a": 2}], "VARCHAR", ["false", '[1,{"a":2}]']),
            ("x", 1, "VARCHAR", ["x", "1"]),
            ("2026-01-01T00:00:00.123Z", "x", "VARCHAR", ["2026-01-01T00:00:00.123Z", "x"]),
            ("2026-01-01T02:00:00.123456+02:00", 7, "VARCHAR", ["2026-01-01T00:00:00.123456Z", "7"]),
            ("x", "2026-01-01T02:00:00+02:00", "VARCHAR", ["x", "2026-01-01T02:00:00+02:00"]),
        ],
    )
    def test_a_misfit_widens_its_column(
        self, warehouse: DuckDBWarehouse, load: Loading, first: Any, later: Any, kind: str, values: list[Any]
    ):
        load(event(message_id="m1", event="Seen", properties={"v": first}))
        before = types_of(warehouse, "seen")["v"]
        report = load(event(message_id="m2", event="Seen", properties={"v": later}))
        assert column_of(warehouse, "seen", "v") == (kind, values)
        assert report.columns_widened == ({} if before == kind else {"shop.seen.v": kind})

    def test_a_context_column_is_of_a_type_in_each_table(self, warehouse: DuckDBWarehouse, load: Loading):
        load(event(event="A", context={"v": 1}), event(event="B", context={"v": "x"}))
        assert types_of(warehouse, "a")["context_v"] == "BIGINT"
        assert types_of(warehouse, "b")["context_v"] == "VARCHAR"
        assert types_of(warehouse, "tracks")["context_v"] == "VARCHAR"

    def test_a_column_of_a_foreign_type_becomes_text(self, tmp_path: Path):
        path = tmp_path / "warehouse.duckdb"
        with DuckDBWarehouse(path) as warehouse:
            Loading(warehouse)(event(message_id="m1", event="Seen", properties={"v": 1}))
        with duckdb.connect(path) as connection:
            connection.execute("ALTER TABLE shop.seen ALTER v SET DATA TYPE DECIMAL(9, 2)")
        with DuckDBWarehouse(path) as warehouse:
            Loading(warehouse)(event(message_id="m2", event="Seen", properties={"v": True}))
            assert column_of(warehouse, "seen", "v") == ("VARCHAR", ["1.00", "true"])

    def test_reopened_it_goes_on(self, tmp_path: Path):
        path = tmp_path / "sub" / "warehouse.duckdb"
        for number in range(3):
            with DuckDBWarehouse(path) as warehouse:
                assert warehouse.positions(EVENTS) == ({0: number} if number else {})
                warehouse.load([event(event="Seen", properties={f"p{number}": number})], EVENTS, {0: number + 1})
        with open_readonly(path) as asked:
            assert asked.query("SELECT count(*), sum(p0 + 1), sum(p2) FROM seen").rows == [[3, 1, 2]]


class TestUsers:
    def test_each_trait_is_the_last_that_was_sent(self, warehouse: DuckDBWarehouse, load: Loading):
        load(
            event("identify", userId="u1", traits={"name": "A", "age": 1, "plan": "free"}, context={"ip": "1"}),
            event("identify", userId="u2", traits={"name": "B"}),
            event("identify", anonymousId="a1", traits={"name": "nobody"}),
            event("identify", userId="u1", traits={"name": "A2", "plan": None}, context={"os": {"name": "x"}}),
        )
        received = {"received_at": "2026-01-01T00:00:00.000Z"}
        assert rows_of(warehouse, "users") == [
            {"id": "u1", "name": "A2", "age": 1, "context_os_name": "x", **received},
            {"id": "u2", "name": "B", **received},
        ]
        load(event("identify", userId="u1", traits={"plan": "pro", "age": None, "id": 7, "new": None}))
        load(event("identify", userId="u3", traits={"age": None}), event("identify", userId="u2"))
        assert rows_of(warehouse, "users") == [
            {"id": "u1", "name": "A2", "plan": "pro", "_id": 7, **received},
            {"id": "u2", "name": "B", **received},
            {"id": "u3", **received},
        ]
        assert "anonymous_id" not in types_of(warehouse, "users")
        assert len(rows_of(warehouse, "identifies")) == 7

    def test_the_time_is_that_of_the_last_call(self, warehouse: DuckDBWarehouse, load: Loading):
        first = event("identify", userId="u1", traits={"a": 1})
        load(first)
        [[written]] = warehouse.query("SELECT uuid_ts FROM users").rows
        load(msgspec.structs.replace(first, received_at_ms=RECEIVED_MS + 5000))
        [[received, rewritten]] = warehouse.query("SELECT received_at, uuid_ts FROM users").rows
        assert received == "2026-01-01T00:00:05.000Z"
        assert rewritten > written

    def test_accounts_are_the_same_for_groups(self, warehouse: DuckDBWarehouse, load: Loading):
        load(event("group", userId="u1", groupId="g1", traits={"name": "G", "seats": 1}))
        load(event("group", userId="u2", groupId="g1", traits={"seats": 2.5}), event("group", userId="u2", groupId=9))
        found = [{name: row.get(name) for name in ("id", "name", "seats")} for row in rows_of(warehouse, "accounts")]
        assert found == [{"id": "9", "name": None, "seats": None}, {"id": "g1", "name": "G", "seats": 2.5}]

    def test_tracks_do_not_change_users(self, warehouse: DuckDBWarehouse, load: Loading):
        load(event(userId="u1", context={"traits": {"name": "A"}}))
        assert ["users"] not in warehouse.query("SHOW TABLES").rows


VALUES = st.one_of(
    st.booleans(),
    st.integers(-5, 5),
    st.integers(-(1 << 64), 1 << 64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T02:00:00.123456+02:00", "2026-01-01T00:00", "x", "5", ""]),
    st.lists(st.integers(), max_size=2),
)
PROPERTIES = st.dictionaries(st.sampled_from(["a", "b", "B"]), st.one_of(st.none(), VALUES), max_size=3)
CALLS = st.one_of(
    PROPERTIES.map(lambda values: ("track", values)), PROPERTIES.map(lambda values: ("identify", values))
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBWarehouse]:
    """A warehouse for many examples, each with a source, so a schema, of its own."""
    with DuckDBWarehouse(tmp_path_factory.mktemp("shared") / "w.duckdb") as warehouse:
        yield warehouse


class TestNothingIsLost:
    @settings(max_examples=12, deadline=None)
    @given(calls=st.lists(CALLS, min_size=1, max_size=12), data=st.data())
    def test_any_split_into_loads_and_parts_gives_the_same_values(
        self, shared: DuckDBWarehouse, calls: list[tuple[str, dict[str, Any]]], data: st.DataObject
    ):
        records = numbered(
            [
                event("track", event="Seen", properties=values, context=values)
                if kind == "track"
                else event("identify", userId="u1", traits=values, context=values)
                for kind, values in calls
            ]
        )
        cuts = sorted(data.draw(st.sets(st.integers(1, len(records)), max_size=3)) | {0, len(records)})
        together = _readable(shared, [records])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chunks, "_PART_RECORDS", data.draw(st.integers(1, 5), label="records in a part"))
            assert _readable(shared, [records]) == together
            assert _readable(shared, [records[start:end] for start, end in itertools.pairwise(cuts)]) == together

    @settings(max_examples=12, deadline=None)
    @given(values=st.lists(VALUES, min_size=1, max_size=8))
    def test_every_value_can_be_read_back(self, shared: DuckDBWarehouse, values: list[Any]):
        records = numbered([event(event="Seen", properties={"v": value}) for value in values])
        schema = _load_into_new(shared, [[record] for record in records])
        _, found = column_of(shared, f"{schema}.seen", "v")
        assert [_meaning(value) for value in found] == [_meaning(value) for value in values]


_schemas = itertools.count()


def _load_into_new(warehouse: DuckDBWarehouse, loads: list[list[EventRecord]]) -> str:
    """Load as calls of a source that there was none of, and return its schema."""
    schema = f"s{next(_schemas)}"
    load = Loading(warehouse)
    for records in loads:
        load(*(msgspec.structs.replace(record, source=schema) for record in records))
    return schema


def _readable(warehouse: DuckDBWarehouse, loads: list[list[EventRecord]]) -> dict[str, Any]:
    """Types and values of all tables, instants by what they mean."""
    schema = _load_into_new(warehouse, loads)
    tables = warehouse.query(f"SELECT table_name FROM duckdb_tables() WHERE schema_name = '{schema}'").rows
    names = {table: f"{schema}.{table}" for [table] in tables}
    types = {table: sorted(types_of(warehouse, name).items()) for table, name in names.items()}
    rows = {
        table: [{column: _meaning(value) for column, value in row.items()} for row in rows_of(warehouse, name)]
        for table, name in names.items()
    }
    return {"types": types, "rows": rows}


def _meaning(value: Any) -> Any:
    text = text_of(value)
    return parse_instant(text) if is_date_time(text) else text


class TestTransactions:
    def test_an_error_leaves_nothing_behind(
        self, warehouse: DuckDBWarehouse, load: Loading, monkeypatch: pytest.MonkeyPatch
    ):
        load(event(event="Seen", properties={"v": 1}))
        writes = _failing_after(warehouse, monkeypatch, writes=2)
        records = [event(event="Seen", properties={"v": "x", "new": 1}), event(event="Other")]
        with pytest.raises(WarehouseError, match="disk on fire"):
            warehouse.load(records, EVENTS, {0: 99})
        assert writes == [1, 1]
        assert warehouse.positions(EVENTS) == {0: 1}
        assert types_of(warehouse, "seen")["v"] == "BIGINT"
        assert "new" not in types_of(warehouse, "seen")
        monkeypatch.undo()
        report = warehouse.load(records, EVENTS, {0: 3})
        assert report.columns_added == ["shop.seen.new"]
        assert column_of(warehouse, "seen", "v") == ("VARCHAR", ["1", "x"])
        assert warehouse.positions(EVENTS) == {0: 3}

    def test_positions_are_kept_by_topic_and_partition(self, warehouse: DuckDBWarehouse):
        warehouse.load([event()], EVENTS, {0: 1, 3: 7})
        warehouse.load([event()], EVENTS, {0: 2})
        warehouse.load([event()], "other", {0: 5})
        assert warehouse.positions(EVENTS) == {0: 2, 3: 7}
        assert warehouse.positions("other") == {0: 5}

    def test_interrupted_it_takes_nothing(self, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch):
        from trackway.warehouse import duckdb_tables

        monkeypatch.setattr(duckdb_tables.Tables, "start_load", lambda self: warehouse.interrupt())
        with pytest.raises(WarehouseError, match="interrupted"):
            warehouse.load([event()], EVENTS, {0: 1})
        assert warehouse.positions(EVENTS) == {}


def _failing_after(warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch, *, writes: int) -> list[int]:
    """Let the database fail once that many chunks are written."""
    from trackway.warehouse import duckdb_tables

    done: list[int] = []
    write = duckdb_tables.Tables.write

    def failing(self: Any, *args: Any) -> None:
        if len(done) == writes:
            raise duckdb.IOException("disk on fire")
        write(self, *args)
        done.append(1)

    monkeypatch.setattr(duckdb_tables.Tables, "write", failing)
    return done


ROOT = Path(__file__).parents[2]
WIDENING = """
import os, signal, sys
from pathlib import Path
from tests.warehouse.making import Loading, event
from trackway.warehouse.duckdb import DuckDBWarehouse

load = Loading(DuckDBWarehouse(Path(sys.argv[1])))
values = [1, 2.0, True, "2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00.123456Z", (1 << 53) + 1, "x", 0.1]
for number, values in enumerate((values, [2.5, *["text"] * 7])):
    named = {f"v{place}": value for place, value in enumerate(values)}
    load(event(message_id=f"m{number}", event="Seen", properties=named))
    load(event("identify", userId="u1", traits=named))
os.kill(os.getpid(), signal.SIGKILL)
"""

FULL_DISK = """
import resource, signal, sys, random
from pathlib import Path
from tests.warehouse.making import event
from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.duckdb import DuckDBWarehouse

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, resource.RLIM_INFINITY))
warehouse = DuckDBWarehouse(Path(sys.argv[1]))
chance = random.Random(1)
errors = 0
while (done := warehouse.positions("events").get(0, 0)) < 9 * 300:
    records = [event(event="Seen", properties={"text": chance.randbytes(2000).hex()}) for _ in range(300)]
    try:
        warehouse.load(records, "events", {0: done + 300})
    except WarehouseError as error:
        errors += 1
        if errors == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(errors, *warehouse.query("SELECT count(*), count(DISTINCT id) FROM seen").rows[0])
"""


class TestHarm:
    def test_a_widened_column_survives_a_crash(self, tmp_path: Path):
        """DuckDB must be able to play its log: what it keeps there of ALTER is evaluated again."""
        path = tmp_path / "warehouse.duckdb"
        child = subprocess.run([sys.executable, "-c", WIDENING, path], cwd=ROOT, check=False)
        assert child.returncode == -signal.SIGKILL
        moments = ["2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00.123456Z"]
        before, after = [1.0, "2", "true", *moments, str(EXACT + 1), "x", "0.1"], [2.5, *["text"] * 7]
        for reopen in (open_readonly, DuckDBWarehouse):
            with reopen(path) as warehouse:
                for table, rows in (("seen", [before, after]), ("identifies", [before, after]), ("users", [after])):
                    found = warehouse.query(f"SELECT COLUMNS('v[0-7]') FROM {table} ORDER BY v0").rows
                    assert found == rows

    def test_hundreds_of_tables_do_not_fill_the_memory(self, tmp_path: Path):
        properties = {f"p{number}": number for number in range(20)}
        with DuckDBWarehouse(tmp_path / "warehouse.duckdb", memory_bytes=16_000_000) as warehouse:
            load = Loading(warehouse)
            for _ in range(4):
                load(*(event(event=f"Name {number % 60}", properties=properties) for number in range(180)))
            assert warehouse.query("SELECT count(*) FROM tracks").rows == [[720]]
            assert warehouse.query("SELECT count(*), sum(p19) FROM name_59").rows == [[12, 12 * 19]]

    def test_rows_that_must_be_written_out_at_every_load_get_more_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(duckdb_memory, "_RELIEVE_AT", 0.0)
        with DuckDBWarehouse(tmp_path / "warehouse.duckdb", memory_bytes=48_000_000) as warehouse:
            load, limits = Loading(warehouse), []
            reading = warehouse._connection.cursor().execute("SELECT * FROM range(100_000)")
            for _ in range(5):
                load(event(properties={"a": 1}))
                limits += warehouse.query("SELECT current_setting('memory_limit')").rows
            assert limits[0] == limits[2] != limits[4]
            assert len(reading.fetchall()) == 100_000, "who was reading reads on"
            assert warehouse.query("SELECT count(*) FROM tracks").rows == [[5]]

    @pytest.mark.parametrize("foreseen", [True, False])
    def test_a_wide_table_gets_the_memory_it_needs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, foreseen: bool
    ):
        if not foreseen:
            monkeypatch.setattr(duckdb_memory, "_COLUMN_BYTES", 0)
        records = [event(event="Wide", properties={f"p{n}": n for n in range(2000)}) for _ in range(3)]
        with DuckDBWarehouse(tmp_path / "warehouse.duckdb", memory_bytes=32_000_000) as warehouse:
            failures = 0
            while not warehouse.positions(EVENTS):
                try:
                    warehouse.load(records, EVENTS, {0: 3})
                except WarehouseError:
                    failures += 1
            assert failures == 0 if foreseen else 0 < failures < 7
            assert warehouse.query("SELECT count(*), sum(p1999) FROM wide").rows == [[3, 3 * 1999]]

    def test_a_full_disk_is_got_over(self, tmp_path: Path):
        command = [sys.executable, "-c", FULL_DISK, tmp_path / "warehouse.duckdb"]
        child = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False, text=True)
        assert child.returncode == 0
        errors, rows, ids = map(int, child.stdout.split())
        assert errors >= 3
        assert rows == ids == 9 * 300


class TestOpening:
    def test_a_file_in_use_says_so(self, tmp_path: Path):
        path = tmp_path / "warehouse.duckdb"
        with DuckDBWarehouse(path), pytest.raises(WarehouseError, match=r"open in another place.*ask the running"):
            open_readonly(path)

    def test_what_is_no_database_says_so(self, tmp_path: Path):
        path = tmp_path / "warehouse.duckdb"
        path.write_bytes(b"not a database at all" * 1000)
        with pytest.raises(WarehouseError, match="cannot be opened"):
            DuckDBWarehouse(path)

    def test_nothing_there_yet_says_so(self, tmp_path: Path):
        with pytest.raises(WarehouseError, match="no warehouse at"):
            open_readonly(tmp_path / "warehouse.duckdb")

    def test_sources_must_not_share_a_schema(self, tmp_path: Path):
        with pytest.raises(WarehouseError, match=r"my-app and my_app would share the schema my_app"):
            DuckDBWarehouse(tmp_path / "warehouse.duckdb", ["my-app", "my_app"])
