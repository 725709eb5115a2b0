"""What loads did, kept in the state: the newest reports of each warehouse, and what was odd about columns.

A report that is lost in a crash costs nothing but itself: what is loaded stands in the warehouse.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from trackway.state import tables
from trackway.state.engine import writing
from trackway.warehouse.contract import LoadReport

MOST_KEPT = 1000
"""Reports of each warehouse: half an hour of busy loading, weeks of a quiet one."""
_TRIM_EVERY = 50

Code = Literal["diverted", "widened"]


class SyncReport(Struct, frozen=True, kw_only=True):
    """One load."""

    at: datetime
    """When it was committed."""
    duration_s: float
    lag_s: float
    """How long the oldest event of the load had waited since it was received, when its rows were there."""
    events: int
    rows: dict[str, int]
    """Rows written, by `schema.table`."""
    left_out: int
    unreadable: int
    columns_added: list[str]
    columns_widened: dict[str, str]
    """`schema.table.column` to its new type."""
    diverted: dict[str, int]
    """`schema.table.column` to how many of its values went to `_rest`."""


class Finding(Struct, frozen=True, kw_only=True):
    """Something odd about a column, however often it came."""

    column: str
    """`schema.table.column`."""
    code: Code
    """`diverted`: values did not fit the column's type, or the table had no room for it, and stand in `_rest`;
    `widened`: the column got another type, to hold them."""
    count: int
    first_ms: int
    last_ms: int
    detail: str
    """For `widened`, the newest type."""


class Reports:
    """The reports and findings of all warehouses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._since_trim: dict[str, int] = {}

    def note(self, warehouse: str, report: LoadReport, *, lag_s: float) -> None:
        """Keep what a load did."""
        sync = SyncReport(
            at=report.at,
            duration_s=report.duration_s,
            lag_s=lag_s,
            events=report.events,
            rows=report.rows,
            left_out=report.left_out,
            unreadable=report.unreadable,
            columns_added=report.columns_added,
            columns_widened=report.columns_widened,
            diverted=report.diverted,
        )
        found: list[tuple[str, Code, int, str]] = [
            *((column, "diverted", count, "") for column, count in report.diverted.items()),
            *((column, "widened", 1, kind) for column, kind in report.columns_widened.items()),
        ]
        now_ms = int(time.time() * 1000)
        loads = tables.warehouse_loads
        with writing(self._engine) as connection:
            text = msgspec.json.encode(sync).decode()
            connection.execute(insert(loads).values(warehouse=warehouse, at_ms=now_ms, report=text))
            for column, code, count, detail in found:
                _add(
                    connection,
                    warehouse,
                    Finding(column=column, code=code, count=count, first_ms=now_ms, last_ms=now_ms, detail=detail),
                )
            self._since_trim[warehouse] = self._since_trim.get(warehouse, _TRIM_EVERY) + 1
            if self._since_trim[warehouse] > _TRIM_EVERY:
                self._since_trim[warehouse] = 0
                kept = select(loads.c.id).where(loads.c.warehouse == warehouse).order_by(loads.c.id.desc())
                oldest = connection.execute(kept.offset(MOST_KEPT).limit(1)).scalar()
                if oldest is not None:
                    connection.execute(delete(loads).where(loads.c.warehouse == warehouse, loads.c.id <= oldest))

    def loads(self, warehouse: str, *, limit: int) -> list[SyncReport]:
        """Return the newest loads, the newest first."""
        table = tables.warehouse_loads
        query = select(table.c.report).where(table.c.warehouse == warehouse).order_by(table.c.id.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [msgspec.json.decode(text, type=SyncReport) for text in connection.execute(query).scalars()]

    def findings(self, warehouse: str) -> list[Finding]:
        """Return what was odd, the newest first."""
        table = tables.warehouse_findings
        query = select(table).where(table.c.warehouse == warehouse).order_by(table.c.last_ms.desc(), table.c.column)
        with self._engine.connect() as connection:
            return [_finding(row) for row in connection.execute(query).mappings()]

    def diverted(self) -> dict[str, int]:
        """Return by warehouse how many values ever went to `_rest`."""
        table = tables.warehouse_findings
        query = select(table.c.warehouse, func.sum(table.c.count)).where(table.c.code == "diverted")
        with self._engine.connect() as connection:
            return {name: int(count) for name, count in connection.execute(query.group_by(table.c.warehouse))}


def _finding(row: Mapping[Any, Any]) -> Finding:
    return msgspec.convert({name: row[name] for name in Finding.__struct_fields__}, Finding)


def _add(connection: Connection, warehouse: str, new: Finding) -> None:
    table = tables.warehouse_findings
    changed = connection.execute(
        update(table)
        .where(table.c.warehouse == warehouse, table.c.column == new.column, table.c.code == new.code)
        .values(count=table.c.count + new.count, last_ms=new.last_ms, detail=new.detail)
    )
    if not changed.rowcount:
        connection.execute(insert(table).values(warehouse=warehouse, **msgspec.structs.asdict(new)))
