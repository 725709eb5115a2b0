"""What trackway.yaml and plans say about warehouses, on warehouses as the node opens them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from tests.fresh_state import fresh_state
from tests.running import poll_until
from tests.warehouse.making import Loading, event
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, encode
from trackway.log.sqlite import SqliteLog
from trackway.node.warehouses import Warehouses
from trackway.warehouse.contract import QueryError
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.duckdb_questions import open_readonly
from trackway.warehouse.layout import Layouts
from trackway.warehouse.opening import open_warehouse
from trackway.warehouse.reports import Reports
from trackway.workspace import Workspace, load_workspace
from trackway.workspace.model import WarehouseTable
from trackway.workspace.units import Duration

PLAN = """
plan: Shop
track:
  Paid:
    properties: {n: integer, code: string, due: date-time, share: number}
identify:
  traits: {age: integer}
"""


def workspace(folder: Path, warehouses: str) -> Workspace:
    (folder / "trackway.yaml").write_text(
        f"sources: {{shop: {{write_keys: [a-write-key]}}}}\nwarehouses: {warehouses}\n"
    )
    return load_workspace(folder, environ={})


def test_the_types_of_a_plan_win(tmp_path: Path):
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "shop.yaml").write_text(PLAN)
    made = workspace(tmp_path, "{main: {load_every: 10ms}}")
    with open_warehouse(made, "main") as warehouse:  # type: ignore[attr-defined]
        report = Loading(warehouse)(
            event(message_id="m1", event="Paid", properties={"n": "5", "code": 7, "due": "2026-01-01", "share": 1}),
            event(message_id="m2", event="Paid", properties={"n": "five", "code": True, "due": "soon", "share": "½"}),
            event("identify", userId="u", traits={"age": "41"}),
        )
        described = {row[0]: row[1] for row in warehouse.query("DESCRIBE paid").rows}
        rows = warehouse.query("SELECT n, code, due::DATE, share, _rest FROM paid ORDER BY id").rows
        assert [described[name] for name in ("n", "code", "due", "share")] == [
            "BIGINT", "VARCHAR", "TIMESTAMP", "DOUBLE",
        ]  # fmt: skip
        assert rows[0] == [5, "7", "2026-01-01", 1.0, None]
        assert rows[1][:4] == [None, "true", None, None]
        assert msgspec.json.decode(rows[1][4]) == {"n": "five", "due": "soon", "share": "½"}
        assert report.diverted == {"shop.paid.n": 1, "shop.paid.due": 1, "shop.paid.share": 1}
        assert warehouse.query("SELECT age, typeof(age) FROM users").rows == [[41, "BIGINT"]]


def test_rows_stay_as_long_as_their_table_keeps_them(tmp_path: Path):
    now = datetime.now(UTC)
    layouts = Layouts({"seen": WarehouseTable(keep=Duration(7 * 24 * 3600))})
    records = [
        msgspec.structs.replace(
            event(event=name, message_id=f"{name}{days}"),
            received_at_ms=int((now - timedelta(days=days)).timestamp() * 1000),
        )
        for days in (0, 6, 8, 400)
        for name in ("Seen", "Other")
    ]
    with DuckDBWarehouse(tmp_path / "w.duckdb", ["shop"], layouts=layouts) as warehouse:
        Loading(warehouse)(*records, event("identify", userId="u"))
        assert warehouse.query("SELECT id FROM seen ORDER BY id").rows == [["Seen0"], ["Seen6"]]
        assert warehouse.query("SELECT (SELECT count(*) FROM other), (SELECT count(*) FROM users)").rows == [[4, 1]]
        assert warehouse.query("SELECT count(*) FROM tracks").rows == [[8]]


class Node:
    """A log, and warehouses that are loaded from it."""

    def __init__(self, folder: Path) -> None:
        self.log = SqliteLog(folder / "log", CLEAN_TOPICS)
        self.warehouses = Warehouses(self.log, Reports(fresh_state(folder / "state.db")))

    def put(self, *records: EventRecord) -> None:
        with self.log.writer(0) as writer:
            writer.append({EVENTS: [encode(record) for record in records]})

    def counts(self, name: str) -> Callable[[], int]:
        """Return a question for the rows of `tracks`."""

        def count() -> int:
            try:
                return self.warehouses.query("SELECT count(*) FROM tracks", warehouse=name).rows[0][0]
            except QueryError:
                return 0

        return count


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    node = Node(tmp_path)
    yield node
    await node.warehouses.stop()
    node.log.close()


@pytest.mark.asyncio
async def test_a_copy_for_other_tools_is_made_again_and_again(tmp_path: Path, node: Node):
    await node.warehouses.start(workspace(tmp_path, "{main: {load_every: 10ms, snapshot_every: 50ms}}"))
    copy = tmp_path / "data" / "warehouse.snapshot.duckdb"

    def copied() -> Any:
        if not copy.exists():
            return 0
        with open_readonly(copy, ["shop"]) as asked:
            try:
                return asked.query("SELECT count(*) FROM tracks").rows[0][0]
            except QueryError:
                return 0

    for events in (3, 5):
        node.put(*(event(event="Seen") for _ in range(events)))
        expected = 3 if events == 3 else 8
        await asyncio.to_thread(
            poll_until,
            lambda expected=expected: copied() == expected,
            what=f"the copy has {expected} rows",
            timeout_s=30,
        )


@pytest.mark.asyncio
async def test_the_history_of_a_new_warehouse_holds_no_other_up(
    tmp_path: Path, node: Node, monkeypatch: pytest.MonkeyPatch
):
    await node.warehouses.start(workspace(tmp_path, "{main: {load_every: 10ms}}"))
    node.put(*(event(event="Seen") for _ in range(20)))
    await asyncio.to_thread(poll_until, lambda: node.counts("main")() == 20, what="the first is loaded", timeout_s=30)
    go_on = threading.Event()
    load = DuckDBWarehouse.load

    def slow(self: DuckDBWarehouse, *args: Any) -> Any:
        if self._name == "late":
            go_on.wait(60)
        return load(self, *args)

    monkeypatch.setattr(DuckDBWarehouse, "load", slow)
    both = "{main: {load_every: 10ms}, late: {path: data/late.duckdb, load_every: 10ms}}"
    await node.warehouses.configure(workspace(tmp_path, both))
    node.put(*(event(event="Seen") for _ in range(5)))
    await asyncio.to_thread(poll_until, lambda: node.counts("main")() == 25, what="the first goes on", timeout_s=30)
    assert node.counts("late")() == 0
    go_on.set()
    await asyncio.to_thread(
        poll_until, lambda: node.counts("late")() == 25, what="the new one has all history", timeout_s=30
    )
