"""Tables and columns that a warehouse leaves out, on every kind of warehouse."""

from pathlib import Path

import pytest

from tests.warehouse.backends import Backend, rows_of
from tests.warehouse.making import Loading, append, event, silent
from trackway.events.records import CLEAN_TOPICS, EVENTS
from trackway.log.sqlite import SqliteLog
from trackway.warehouse.contract import Warehouse, WarehouseError
from trackway.warehouse.history import History
from trackway.warehouse.layout import Layouts
from trackway.warehouse.upkeep import Maintained
from trackway.workspace import WorkspaceError, load_workspace
from trackway.workspace.model import WarehouseTable

EVENTS_SENT = [
    event("identify", message_id="i1", userId="u1", traits={"email": "a@b.c", "plan": "pro"}),
    event(message_id="m1", event="Seen", properties={"a": 1, "secret": "s"}, context={"ip": "::1", "locale": "de"}),
    event(message_id="m2", event="Mouse Moved", properties={"x": 1}),
]
SOME = Layouts(
    {
        "mouse_moved": WarehouseTable(load=False),
        "shop.seen": WarehouseTable(leave_out=["secret"]),
        "users": WarehouseTable(leave_out=["email"]),
        "tracks": WarehouseTable(leave_out=["context_*"]),
    }
)


def as_maintained(warehouse: Warehouse) -> Maintained:
    assert isinstance(warehouse, Maintained)
    return warehouse


def test_what_is_left_out_is_nowhere(backend: Backend):
    with backend.open(layouts=SOME) as warehouse:
        report = Loading(warehouse)(*EVENTS_SENT)
        assert report.rows == {"shop.identifies": 1, "shop.users": 1, "shop.tracks": 2, "shop.seen": 1}
        assert rows_of(warehouse, "mouse_moved") == []
        [seen] = rows_of(warehouse, "seen")
        assert seen["a"] == 1 and seen["context_ip"] == "::1"
        assert "secret" not in seen and "_rest" not in seen
        assert all(not name.startswith("context_") for row in rows_of(warehouse, "tracks") for name in row)
        [user] = rows_of(warehouse, "users")
        assert user["plan"] == "pro" and "email" not in user
        assert rows_of(warehouse, "identifies")[0]["email"] == "a@b.c"


def test_values_come_with_the_choice_and_history_with_a_rebuild(backend: Backend, tmp_path: Path):
    log = SqliteLog(tmp_path / "log", CLEAN_TOPICS)
    append(log, *EVENTS_SENT)
    history = History(log)
    with backend.open(layouts=SOME) as warehouse:
        warehouse.load(EVENTS_SENT, EVENTS, {0: 3})
        counts = as_maintained(warehouse).recount(history, silent)
        assert {one.table: one.differences for one in counts} == {
            "shop.identifies": 0, "shop.users": 0, "shop.tracks": 0, "shop.seen": 0,
        }  # fmt: skip
        rebuilt = as_maintained(warehouse).rebuild("shop.seen", history, silent)
        assert rebuilt.rows == 1 and "secret" not in rows_of(warehouse, "seen")[0]
    with backend.open() as warehouse:
        as_maintained(warehouse).rebuild("shop.seen", history, silent)
        assert rows_of(warehouse, "seen")[0]["secret"] == "s"
        again = event(message_id="m3", event="Mouse Moved", properties={"x": 2})
        append(log, again)
        warehouse.load([again], EVENTS, {0: 4})
        assert [row["id"] for row in rows_of(warehouse, "mouse_moved")] == ["m3"]
        as_maintained(warehouse).rebuild("shop.mouse_moved", history, silent)
        assert [row["id"] for row in rows_of(warehouse, "mouse_moved")] == ["m2", "m3"]
        assert [one for one in as_maintained(warehouse).recount(history, silent) if one.differences] == []
    everything_but_seen = Layouts({"seen": WarehouseTable(load=False)})
    with backend.open(layouts=everything_but_seen) as warehouse:
        with pytest.raises(WarehouseError, match="load: false"):
            as_maintained(warehouse).rebuild("shop.seen", history, silent)
        assert rows_of(warehouse, "seen")[0]["secret"] == "s", "what is there stays"


def test_columns_that_every_row_has_cannot_be_left_out(tmp_path: Path):
    (tmp_path / "trackway.yaml").write_text("sources: {}\nwarehouses: {main: {tables: {seen: {leave_out: [id]}}}}")
    with pytest.raises(WorkspaceError, match=r"warehouses.main.tables.seen.leave_out: every row has id"):
        load_workspace(tmp_path)
