"""What the loads of all kinds of warehouses share: how one is reported, and that a warehouse is closed by `with`."""

import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from trackway.warehouse.chunks import Batch, Chunk
from trackway.warehouse.contract import LoadReport


class Altered(Protocol):
    """Tables that remember what a load changed about them; see `LoadReport`."""

    columns_added: list[str]
    columns_widened: dict[str, str]
    diverted: dict[str, int]


class LoadAccount:
    """The account of a load under way, from its beginning to its commit."""

    def __init__(self, events: int) -> None:
        self.began = time.monotonic()
        self.at = datetime.now(UTC)
        """The rows' `uuid_ts`."""
        self._events = events
        self._rows: dict[str, int] = {}

    def count(self, chunk: Chunk) -> None:
        """Note that the rows of a chunk are written."""
        self._rows[chunk.name] = self._rows.get(chunk.name, 0) + chunk.rows

    def report(self, batch: Batch, tables: Altered) -> LoadReport:
        """Return the report of the load, which is committed now."""
        return LoadReport(
            at=datetime.now(UTC),
            duration_s=time.monotonic() - self.began,
            events=self._events,
            rows=self._rows,
            left_out=batch.left_out,
            unreadable=batch.unreadable,
            columns_added=tables.columns_added,
            columns_widened=tables.columns_widened,
            diverted=tables.diverted,
        )


class ClosedByWith(ABC):
    """Something that is closed at the end of its `with` block."""

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
