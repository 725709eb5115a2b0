"""What every warehouse promises, tried on each: the tables of the contract, values that never go, loads that crash."""

import contextlib
import itertools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import duckdb
import msgspec
import psycopg
import pytest
from duckdb import DuckDBPyConnection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.backends import Backend, meaning, rows_of, value_of
from tests.warehouse.making import RECEIVED_MS, REGISTER, Loading, event, numbered
from trackway.events.clock_skew import format_ms
from trackway.events.records import EVENTS, EventRecord, Place
from trackway.warehouse import chunks
from trackway.warehouse.columns import Kind
from trackway.warehouse.contract import Warehouse, WarehouseError
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.files_store import LocalStore
from trackway.warehouse.loading import LoadAccount

SLOW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestTables:
    def test_the_contracts_example(self, backend: Backend):
        record = EventRecord(
            source="shop", type="track", message_id="m1", name="Register", user_id="u1", anonymous_id="a1",
            received_at_ms=RECEIVED_MS, timestamp_ms=RECEIVED_MS - 40, raw=Place(0, 0), body=REGISTER,
        )  # fmt: skip
        with backend.open() as warehouse:
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
            own = {"plan": "Pro Annual", "account_type": "Facebook", "meta_a_b_x1_y": True, "_event": "x"}
            assert rows_of(warehouse, "shop.tracks") == [common]
            assert rows_of(warehouse, "shop.register") == [common | own | {"tags": '["a",{"b":1}]'}]
        assert report.rows == {"shop.tracks": 1, "shop.register": 1}
        assert report.columns_added == [] and report.diverted == {}

    def test_each_call_has_its_table(self, backend: Backend):
        with backend.open() as warehouse:
            Loading(warehouse)(
                event("identify", userId="u1", traits={"email": "a@b.c"}),
                event("page", name="Home", category="Shop", properties={"path": "/", "name": "Home"}),
                event("screen", name="Main", properties={"theme": "dark"}),
                event("group", userId="u1", groupId="g1", traits={"group_id": "own", "seats": 5}),
                event("alias", userId="u1", previousId="a1"),
                event(source="app", event="Users"),
            )
            tables = ("identifies", "pages", "screens", "groups", "aliases", "users", "accounts", "app._users")
            assert "category" in warehouse.query("SELECT * FROM screens").columns, "also without a value"
            own = {}
            for table in tables:
                [row] = rows_of(warehouse, table)
                own[table] = {name: row[name] for name in row if name not in ("id", "received_at", "timestamp")}
        assert own == {
            "identifies": {"user_id": "u1", "email": "a@b.c"},
            "pages": {"name": "Home", "category": "Shop", "path": "/"},
            "screens": {"name": "Main", "theme": "dark"},
            "groups": {"user_id": "u1", "group_id": "g1", "_group_id": "own", "seats": 5},
            "aliases": {"user_id": "u1", "previous_id": "a1"},
            "users": {"email": "a@b.c"},
            "accounts": {"_group_id": "own", "seats": 5},
            "app._users": {"event": "users", "event_text": "Users"},
        }

    def test_a_page_call_has_the_columns_that_dbts_package_for_segment_reads(self, backend: Backend):
        """https://github.com/dbt-labs/segment, models/base/segment_web_page_views.sql, read 2026-11-27."""
        page = {"url": "https://a.b/c?q=1", "path": "/c", "title": "C", "search": "?q=1", "referrer": "https://d.e/"}
        campaign = dict.fromkeys(("source", "medium", "name", "term", "content"), "x")
        context = {"campaign": campaign, "ip": "203.0.113.1", "userAgent": "Mozilla/5.0", "page": page}
        sent = {"sentAt": "2026-01-01T00:00:00.140Z", "userId": "u", "anonymousId": "a"}
        sql = """
            SELECT id, anonymous_id, user_id, received_at, sent_at, timestamp, url, path, title, search, referrer,
                context_campaign_source, context_campaign_medium, context_campaign_name, context_campaign_term,
                context_campaign_content, context_ip, context_user_agent,
                row_number() OVER (PARTITION BY id ORDER BY received_at ASC) AS row_num
            FROM pages
        """
        with backend.open() as warehouse:
            Loading(warehouse)(event("page", name="C", properties=page, context=context, **sent))
            [row] = warehouse.query(sql).rows
        assert None not in row and row[-1] == 1

    def test_columns_appear_with_their_first_value(self, backend: Backend):
        with backend.open() as warehouse:
            load = Loading(warehouse)
            load(event(message_id="m1", event="Seen", properties={"a": 1, "b": None}))
            assert "b" not in warehouse.query("SELECT * FROM seen").columns
            report = load(event(message_id="m2", event="Seen", properties={"b": "x"}, context={"ip": "::1"}))
            assert sorted(report.columns_added) == ["shop.seen.b", "shop.seen.context_ip", "shop.tracks.context_ip"]
            assert [(row.get("a"), row.get("b")) for row in rows_of(warehouse, "seen")] == [(1, None), (None, "x")]

    def test_text_of_any_kind_comes_back(self, backend: Backend):
        text = "a\x00b'\"\\\n\t😀\\N" * 500
        with backend.open() as warehouse:
            Loading(warehouse)(event(event="Seen", userId="u\x00", properties={"text": text, "we\"ird key'); DROP": 1}))
            [row] = rows_of(warehouse, "seen")
        assert value_of(row, "text") == text
        assert value_of(row, "user_id") == "u\x00"
        assert row["we_ird_key_drop"] == 1

    def test_long_names_stay_apart(self, backend: Backend):
        names = [f"{'Long ' * 30}{number}" for number in range(3)]
        with backend.open() as warehouse:
            Loading(warehouse)(
                *(event(event=name, properties={name: place, f"{name}x": 1}) for place, name in enumerate(names)),
                event("identify", userId="u" * 5000, traits=dict.fromkeys(names, 1)),
                event("identify", userId="u" * 5000, traits={names[0]: 2}),
            )
            tables = warehouse.query(
                "SELECT table_name FROM information_schema.tables "
                "WHERE table_schema = 'shop' AND table_name LIKE 'long%'"
            ).rows
            assert len(tables) == 3
            for [table] in tables:
                [row] = rows_of(warehouse, table)
                values = {value for name, value in row.items() if name.startswith("long")}
                assert values == {names.index(row["event_text"]), 1}
            [user] = rows_of(warehouse, "users")
            assert sorted(value for name, value in user.items() if name.startswith("long")) == [1, 1, 2]


class TestOnce:
    def test_an_event_has_its_row_once_and_two_events_of_one_id_have_two(self, backend: Backend):
        """What makes ids unique is the pipeline's dedup window: a warehouse has each event that the log has."""
        again = [event(event="Seen", message_id="m1", properties={"v": value}) for value in (1, 2)]
        with backend.open() as warehouse:
            warehouse.load([again[0]], EVENTS, {0: 1})
            assert warehouse.positions(EVENTS) == {0: 1}
        with backend.open() as warehouse:
            assert len(rows_of(warehouse, "seen")) == len(rows_of(warehouse, "tracks")) == 1
            warehouse.load([again[1]], EVENTS, {0: 2})
            assert sorted(row["v"] for row in rows_of(warehouse, "seen")) == [1, 2]
            query = (
                "SELECT v FROM (SELECT v, row_number() OVER (PARTITION BY id ORDER BY received_at, uuid_ts) AS nth "
                "FROM seen) AS numbered WHERE nth = 1"
            )
            assert warehouse.query(query).rows == [[1]]

    def test_who_asks_for_the_position_during_a_load_is_told_the_one_after_it(
        self, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ):
        """As a rebuild does, from a thread of its own."""
        asked: list[Future[dict[int, int]]] = []
        count = LoadAccount.count
        with ThreadPoolExecutor(1) as pool, backend.open() as warehouse:

            def counting(self: LoadAccount, chunk: chunks.Chunk) -> None:
                if not asked:
                    asked.append(pool.submit(warehouse.positions, EVENTS))
                    wait(asked, timeout=0.1)  # where nothing keeps it from an answer
                count(self, chunk)

            monkeypatch.setattr(LoadAccount, "count", counting)
            warehouse.load([event(event="Seen")], EVENTS, {0: 1})
            assert asked[0].result(60) == {0: 1}


class TestLimits:
    def test_what_a_full_table_has_no_column_for_is_in_rest(self, backend: Backend):
        many = {f"n{number}": number for number in range(20)}
        with backend.open(most_columns=14) as warehouse:
            load = Loading(warehouse)
            load(event(message_id="m1", event="Seen", properties={"a": 1}), event("identify", userId="u", traits=many))
            report = load(event(message_id="m2", event="Seen", properties=many))
            [_, row], [user] = rows_of(warehouse, "seen"), rows_of(warehouse, "users")
        assert {name: value_of(row, name) for name in many} == {name: value_of(user, name) for name in many} == many
        assert len(row["_rest"]) == sum(report.diverted.values()) > 5

    def test_events_of_a_full_schema_are_in_tracks(self, backend: Backend):
        with backend.open(most_tables=3) as warehouse:
            load = Loading(warehouse)
            report = load(*(event(message_id=f"m{n}", event=f"Name {n}", properties={"n": n}) for n in range(6)))
            rows = rows_of(warehouse, "tracks")
        made = {name.removeprefix("shop.name_") for name in report.rows} - {"shop.tracks"}
        assert 0 < len(made) <= 3
        kept = {row["id"].removeprefix("m"): row["_rest"] for row in rows if "_rest" in row}
        assert kept == {str(n): {"properties": {"n": n}} for n in range(6) if str(n) not in made}

    def test_what_has_no_column_for_two_reasons_is_all_in_rest(self, backend: Backend):
        context = {f"k{number}": number for number in range(20)} | {"ip": "\x00"}
        with backend.open(most_tables=1, most_columns=14) as warehouse:
            load = Loading(warehouse)
            load(event(message_id="m0", event="Seen", context={"ip": "::1"}))
            load(event(message_id="m1", event="Other", properties={"n": 1}, context=context))
            [_, row] = rows_of(warehouse, "tracks")
        assert row["_rest"]["properties"] == {"n": 1}
        assert {name: value_of(row, f"context_{name}") for name in context} == context


class TestUsers:
    def test_each_trait_is_the_latest_by_the_time_of_the_call(self, backend: Backend):
        with backend.open() as warehouse:
            load = Loading(warehouse)
            load(_identify("u1", 10, {"name": "A", "age": 1, "plan": "free"}, {"ip": "1"}))
            load(
                _identify("u1", 30, {"name": "C", "plan": None}, {"os": {"name": "x"}}),
                _identify("u2", 5, {"name": "B"}),
            )
            # Late ones: older than what is stored, newer than some of it.
            load(_identify("u1", 20, {"name": "late", "age": 2, "plan": "late", "new": True}, {"ip": "2"}))
            load(_identify("u2", 1, {"name": "late", "age": 9}))
            at = {name: format_ms(RECEIVED_MS + moment) for name, moment in (("u1", 30), ("u2", 5))}
            assert rows_of(warehouse, "users") == [
                {"id": "u1", "name": "C", "age": 2, "new": True, "context_os_name": "x", "received_at": at["u1"]},
                {"id": "u2", "name": "B", "age": 9, "received_at": at["u2"]},
            ]
            assert len(rows_of(warehouse, "identifies")) == 5

    def test_what_did_not_fit_stays_until_a_newer_call_has_the_trait(self, backend: Backend):
        calls: list[tuple[int, dict[str, Any], dict[str, Any]]] = [
            (10, {"n": "x", "m": "y"}, {"_rest": {"n": "x", "m": "y"}}),
            (20, {"n": 5}, {"n": 5, "_rest": {"m": "y"}}),
            (15, {"n": "late", "m": None}, {"n": 5}),
            (40, {"m": "z", "n": "w"}, {"_rest": {"m": "z", "n": "w"}}),
            (35, {"m": 7}, {"_rest": {"m": "z", "n": "w"}}),
            (50, {"name": "Ana"}, {"name": "Ana", "_rest": {"m": "z", "n": "w"}}),
            (60, {"m": 1}, {"name": "Ana", "m": 1, "_rest": {"n": "w"}}),
            (60, {"m": "again"}, {"name": "Ana", "_rest": {"n": "w", "m": "again"}}),
        ]
        given = {"shop.users": {"n": Kind.INTEGER, "m": Kind.INTEGER}}
        with backend.open(given=given) as warehouse:
            load = Loading(warehouse)
            for moment, traits, wanted in calls:
                load(_identify("u1", moment, traits), _identify(f"u{moment}", moment, {"n": moment}))
                [row] = [one for one in rows_of(warehouse, "users") if one["id"] == "u1"]
                assert {name: row[name] for name in row if name not in ("id", "received_at")} == wanted, moment


def _identify(user: str, moment: int, traits: dict[str, Any], context: dict[str, Any] | None = None) -> EventRecord:
    record = event("identify", userId=user, traits=traits, context=context or {})
    at = RECEIVED_MS + moment
    return msgspec.structs.replace(record, timestamp_ms=at, received_at_ms=at)


VALUES = st.one_of(
    st.booleans(),
    st.integers(-5, 5),
    st.integers(-(1 << 64), 1 << 64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T02:00:00.123456+02:00", "2026-01-01", "x", "5", "", "\x00"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["k"]), st.integers(0, 3), min_size=1),
)
PROPERTIES = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.one_of(st.none(), VALUES), max_size=3)
CALLS = st.lists(
    st.tuples(st.sampled_from(["track", "identify"]), PROPERTIES, st.integers(0, 3)), min_size=1, max_size=10
)


class TestNothingIsLost:
    @SLOW
    @given(calls=CALLS, data=st.data())
    def test_any_split_with_crashes_between_any_steps_equals_the_model(
        self, backend: Backend, calls: list[tuple[str, dict[str, Any], int]], data: st.DataObject
    ):
        backend.clear()
        records = numbered([_call(*call) for call in calls])
        done = crashes = 0
        while done < len(records):
            with pytest.MonkeyPatch.context() as patch, backend.open() as warehouse:
                patch.setattr(chunks, "_PART_RECORDS", data.draw(st.integers(1, 9), label="records in a part"))
                steps = st.one_of(st.none(), st.integers(0, 25)) if crashes < 3 else st.none()
                crash_at = data.draw(steps, label="crash at step")
                if crash_at is not None:
                    _crash(backend, warehouse, patch, crash_at)
                    crashes += 1
                done = _load_some(warehouse, records, done, data)
        with backend.open() as warehouse:
            assert warehouse.positions(EVENTS) == {0: len(records)}
            _compare(warehouse, records)

    def test_a_load_cut_off_at_any_step_is_there_with_its_position_or_not_at_all(self, backend: Backend):
        with backend.open() as warehouse:
            warehouse.load(_one_of_each(0), EVENTS, {0: 2})
        for step in itertools.count():
            with pytest.MonkeyPatch.context() as patch, backend.open() as warehouse:
                loaded = _loads_in(warehouse)
                died = _crash(backend, warehouse, patch, step)
                with contextlib.suppress(WarehouseError):
                    warehouse.load(_one_of_each(loaded), EVENTS, {0: 2 * loaded + 2})
            if not died:
                break
        with backend.open() as warehouse:
            assert 1 < _loads_in(warehouse) < step, "most crashes cost the load, the last ones do not"

    def test_integers_that_no_double_holds_stay_when_fractions_come(self, backend: Backend):
        values: list[Any] = [(1 << 53) + 1, 0.5]
        for order in (values, values[::-1]):
            backend.clear()
            with backend.open() as warehouse:
                load = Loading(warehouse)
                for number, value in enumerate(order):
                    load(event(message_id=f"m{number}", event="Seen", properties={"v": value}))
                assert [meaning(value_of(row, "v")) for row in rows_of(warehouse, "seen")] == list(map(meaning, order))

    def test_a_column_of_every_type_in_turns(self, backend: Backend):
        turns: list[Any] = [
            1, 2.5, "text", None, {"k": 1}, [1, "a"], "2026-01-01", "2026-01-01T00:00:00.5Z", True, (1 << 53) + 1,
            1 << 70, -0.0, 1e300, "\x00", "", "3", "0123", 0.1, 1e15, 123456789.123456789, False,
            "2026-01-01T00:00:00.123456Z",
        ]  # fmt: skip
        for order in (turns, turns[::-1], turns[5:] + turns[:5]):
            backend.clear()
            records = numbered([event(event="Seen", properties={"v": value}, userId="u") for value in order])
            with backend.open() as warehouse:
                load = Loading(warehouse)
                for record in records:
                    load(record)
                found = [
                    value_of(row, "v" if not isinstance(v, dict) else "v_k")
                    for row, v in zip(rows_of(warehouse, "seen"), order, strict=True)
                ]
            expected = [value["k"] if isinstance(value, dict) else value for value in order]
            assert [meaning(value) for value in found] == [meaning(value) for value in expected]


def _one_of_each(number: int) -> list[EventRecord]:
    """The events of a load that makes a column and, now and then, widens one."""
    value = number if number % 4 else "text"
    return [
        event("track", message_id=f"t{number:06}", event="Seen", properties={f"p{number % 5}": 1, "v": value}),
        event("identify", message_id=f"i{number:06}", userId=f"u{number:06}", traits={f"t{number % 5}": 1}),
    ]


def _loads_in(warehouse: Warehouse) -> int:
    """Return how many loads the position speaks of; each of their events has its row once."""
    loads = warehouse.positions(EVENTS)[0] // 2
    expected = [["i", loads, loads], ["s", loads, loads], ["t", loads, loads], ["u", loads, loads]]
    tables = {"i": "identifies", "s": "seen", "t": "tracks", "u": "users"}
    counts = (f"SELECT '{key}', count(*), count(DISTINCT id) FROM {table}" for key, table in tables.items())
    assert warehouse.query(" UNION ALL ".join(counts) + " ORDER BY 1").rows == expected
    return loads


def _call(kind: str, values: dict[str, Any], moment: int) -> EventRecord:
    if kind == "track":
        return event("track", event="Seen", properties=values)
    return _identify("u1", moment, values)


def _load_some(warehouse: Warehouse, records: list[EventRecord], done: int, data: st.DataObject) -> int:
    """Load until the crash, as a loader that reads on from the position; return what is surely loaded."""
    try:
        done = warehouse.positions(EVENTS).get(0, 0)
        while done < len(records):
            count = data.draw(st.integers(1, len(records) - done), label="in one load")
            warehouse.load(records[done : done + count], EVENTS, {0: done + count})
            done += count
    except WarehouseError:
        return done
    return done


def _crash(backend: Backend, warehouse: Warehouse, patch: pytest.MonkeyPatch, steps: int) -> list[str]:
    """Let the database fail for good when so many steps are done; what is returned has something in it then."""
    left = iter(range(steps))
    died: list[str] = []

    def stepping(call: Callable[..., Any]) -> Callable[..., Any]:
        def with_step(*args: Any, **more: Any) -> Any:
            result = None if died else call(*args, **more)
            if died or next(left, None) is None:
                died.append("the server is gone")
                raise psycopg.OperationalError(died[0])
            return result

        return with_step

    if backend.name == "files":
        for verb in ("write", "create", "move", "delete"):
            patch.setattr(LocalStore, verb, _failing(OSError, stepping(getattr(LocalStore, verb))))
    elif isinstance(warehouse, DuckDBWarehouse):
        stands_in: Any = _Stepping(warehouse._connection, stepping)
        patch.setattr(warehouse, "_connection", stands_in)
        patch.setattr(warehouse._tables, "_connection", stands_in)
    else:
        # Whatever is sent to the server is waited for: BEGIN, COMMIT, statements, the parts of a COPY.
        patch.setattr(psycopg.Connection, "wait", stepping(psycopg.Connection.wait))
    return died


class _Stepping:
    """A connection to DuckDB each of whose statements is a step; its own class takes no patch."""

    def __init__(self, connection: DuckDBPyConnection, stepping: Callable[[Callable[..., Any]], Callable[..., Any]]):
        self._connection = connection
        self.execute = _failing(duckdb.IOException, stepping(connection.execute))
        self.executemany = _failing(duckdb.IOException, stepping(connection.executemany))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _failing(error_class: type[Exception], call: Callable[..., Any]) -> Callable[..., Any]:
    """Let `call` fail in the words of its own kind of storage."""

    def failing(*args: Any, **more: Any) -> Any:
        try:
            return call(*args, **more)
        except psycopg.OperationalError as error:
            raise error_class(str(error)) from error

    return failing


def _compare(warehouse: Warehouse, records: list[EventRecord]) -> None:
    expected = {record.message_id: _flat(record) for record in records}
    found = {row["id"]: row for table in ("seen", "identifies") for row in rows_of(warehouse, table)}
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        read = {name: meaning(value_of(found[key], name)) for name in values}
        assert read == {name: meaning(value) for name, value in values.items()}
    _compare_users(warehouse, [record for record in records if record.type == "identify"])


def _flat(record: EventRecord) -> dict[str, Any]:
    body = msgspec.json.decode(record.body)
    flat: dict[str, Any] = {}
    for name, value in (body.get("properties") or body.get("traits") or {}).items():
        if isinstance(value, dict):
            flat |= {f"{name}_{key}": item for key, item in value.items()}
        elif value is not None:
            flat[name] = value
    return flat


def _compare_users(warehouse: Warehouse, records: list[EventRecord]) -> None:
    users = rows_of(warehouse, "users")
    if not records:
        assert users == []
        return
    latest: dict[str, Any] = {}
    for record in sorted(records, key=lambda one: one.timestamp_ms):
        nulls = {name: None for name, value in msgspec.json.decode(record.body)["traits"].items() if value is None}
        latest |= _flat(record) | nulls
    [user] = users
    for name, value in latest.items():
        assert (value is None and name not in user) or meaning(value_of(user, name)) == meaning(value)
