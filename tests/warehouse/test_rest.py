"""Values that have no place in their column: beside it in `_rest`, counted, and never a failed load."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.warehouse.making import RECEIVED_MS, Loading, column_of, event, rows_of, types_of
from trackway.warehouse.columns import Kind
from trackway.warehouse.duckdb import DuckDBWarehouse

TRUNCATED = "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("kind", "fitting", "misfits"),
    [
        (Kind.BOOLEAN, {True: True, "false": False}, [1, "yes", "2026-01-01T00:00:00Z"]),
        (Kind.INTEGER, {5: 5, 7.0: 7, "-7": -7}, [5.5, "05", True, "x", 1 << 63, [1], "2026-01-01"]),
        (Kind.DECIMAL, {19.99: 19.99, 5: 5, "0.5": 0.5, 1 << 70: str(1 << 70)}, [1e-10, 10**29, True, "1e5"]),
        (Kind.FLOAT, {19.99: 19.99, 5: 5.0, "0.5": 0.5, 1e300: 1e300}, [(1 << 53) + 1, False, "0.10000000000000001"]),
        (Kind.DATE, {"2026-01-31": "2026-01-31"}, ["2026-02-31", "2026-01-01T00:00:00Z", 20260101]),
        (Kind.TIMESTAMP, {"2026-01-01": TRUNCATED, "2026-01-01T01:00:00+01:00": TRUNCATED}, ["now", 1767225600]),
    ],
)  # fmt: skip
def test_a_given_type_stays_and_nothing_is_lost(
    tmp_path: Path, kind: Kind, fitting: dict[Any, Any], misfits: list[Any]
):
    given = {"shop.seen": {"v": kind}, "shop.users": {"v": kind}}
    values = [*fitting, *misfits]
    for together in (True, False):
        path = tmp_path / f"{together}.duckdb"
        with DuckDBWarehouse(path, given=given) as warehouse:
            load = Loading(warehouse)
            records = [
                event(message_id=f"m{number:03}", event="Seen", properties={"v": value})
                for number, value in enumerate(values)
            ]
            people = [
                event("identify", message_id=f"i{number:03}", userId=f"u{number:03}", traits={"v": value})
                for number, value in enumerate(values)
            ]
            reports = [load(*records, *people)] if together else [load(one) for one in (*records, *people)]
            for table in ("seen", "users"):
                _, stored = column_of(warehouse, table, "v")
                assert stored == [*fitting.values(), *[None] * len(misfits)]
                _, rest = column_of(warehouse, table, "_rest")
                found = [json.loads(text)["v"] for text in rest[len(fitting) :]]
                assert found == [json.dumps(one) if isinstance(one, list) else one for one in misfits]
                assert rest[: len(fitting)] == [None] * len(fitting)
            diverted = [report.diverted for report in reports]
            assert sum(one.get("shop.seen.v", 0) for one in diverted) == len(misfits)
            assert sum(one.get("shop.users.v", 0) for one in diverted) == len(misfits)


def test_a_given_type_is_reached_by_widening_alone(tmp_path: Path):
    path = tmp_path / "w.duckdb"
    with DuckDBWarehouse(path) as warehouse:
        Loading(warehouse)(event(message_id="m1", event="Seen", properties={"a": 1, "b": "x"}))
    with DuckDBWarehouse(path, given={"shop.seen": {"a": Kind.FLOAT, "b": Kind.INTEGER}}) as warehouse:
        Loading(warehouse)(event(message_id="m2", event="Seen", properties={"a": "2.5", "b": 5}))
        assert column_of(warehouse, "seen", "a") == ("DOUBLE", [1.0, 2.5])
        assert column_of(warehouse, "seen", "b") == ("VARCHAR", ["x", "5"])


def test_a_full_table_keeps_the_rest_in_rest(tmp_path: Path):
    with DuckDBWarehouse(tmp_path / "w.duckdb", most_columns=12) as warehouse:
        load = Loading(warehouse)
        load(event(message_id="m1", event="Seen", properties={"a": 1, "b": 2}))
        report = load(event(message_id="m2", event="Seen", properties={f"n{number}": number for number in range(20)}))
        columns = types_of(warehouse, "seen")
        assert len(columns) <= 14
        [_, row] = rows_of(warehouse, "seen")
        found = {name: value for name, value in row.items() if name.startswith("n")} | json.loads(row["_rest"])
        assert found == {f"n{number}": number for number in range(20)}
        assert sum(report.diverted.values()) == len(json.loads(row["_rest"]))


def test_events_without_room_for_a_table_are_in_tracks(tmp_path: Path):
    with DuckDBWarehouse(tmp_path / "w.duckdb", most_tables=3) as warehouse:
        load = Loading(warehouse)
        load(*(event(message_id=f"m{number}", event=f"Name {number}", properties={"n": number}) for number in range(9)))
        load(event(message_id="m9", event="Name 1", properties={"n": 9}), event(message_id="n", event="Name 5"))
        rows = rows_of(warehouse, "tracks")
        made = {name for [name] in warehouse.query("SHOW TABLES").rows} - {"tracks"}
        assert made == {"name_0", "name_1", "name_2"}
        assert [row["event_text"] for row in rows] == [*(f"Name {number}" for number in range(9)), "Name 1", "Name 5"]
        rest = {row["id"]: json.loads(row["_rest"]) for row in rows if "_rest" in row}
        assert rest == {f"m{number}": {"properties": {"n": number}} for number in range(3, 9)}


def _at(offset_ms: int, **traits: Any):
    record = event("identify", userId="u1", traits=traits, context={"offset": offset_ms})
    return msgspec.structs.replace(record, timestamp_ms=RECEIVED_MS + offset_ms)


@pytest.mark.parametrize("together", [True, False])
def test_a_late_call_does_not_undo_what_is_newer(tmp_path: Path, together: bool):
    calls = [
        _at(2000, plan="pro", name="New"),
        _at(1000, plan="free", city="Bonn", gone=None),
        _at(3000, name=None),
        _at(500, gone="x", city="Ulm", old=1),
        _at(2000, plan="team"),
    ]
    with DuckDBWarehouse(tmp_path / "w.duckdb") as warehouse:
        load = Loading(warehouse)
        if together:
            load(*calls)
        else:
            for call in calls:
                load(call)
        [row] = rows_of(warehouse, "users")
        del row["received_at"]
        assert row == {"id": "u1", "plan": "team", "city": "Bonn", "old": 1, "context_offset": 3000}
