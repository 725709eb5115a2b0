"""Which options of trackway.yaml hold for which table."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal

from trackway.warehouse.chunks import Chunk
from trackway.workspace.model import WarehouseTable

Partition = Literal["none", "day", "month"]
_DEFAULT = WarehouseTable()


class Layouts:
    """The `tables` of a warehouse in trackway.yaml."""

    def __init__(self, tables: Mapping[str, WarehouseTable] | None = None) -> None:
        self._tables = dict(tables or {})
        self._found: dict[str, WarehouseTable] = {}

    def of(self, chunk: Chunk) -> WarehouseTable:
        """Return the options of a chunk's table."""
        return self.named(chunk.schema, chunk.table)

    def named(self, schema: str, table: str) -> WarehouseTable:
        """Return the options of a table: the first whose name is `table` or `schema.table`, or a pattern of these."""
        name = f"{schema}.{table}"
        found = self._found.get(name)
        if found is None:
            matching = (
                options
                for pattern, options in self._tables.items()
                if fnmatchcase(table, pattern) or fnmatchcase(name, pattern)
            )
            found = self._found[name] = next(matching, _DEFAULT)
        return found

    @property
    def any_kept(self) -> bool:
        """Whether any table loses rows with time."""
        return any(options.keep is not None for options in self._tables.values())


def period_start(day: date, partition: Partition) -> date:
    """Return the first day of the partition that `day` is in."""
    return day.replace(day=1) if partition == "month" else day


def period_end(first: date, partition: Partition) -> date:
    """Return the day after the partition that begins with `first`."""
    return (first + timedelta(days=32)).replace(day=1) if partition == "month" else first + timedelta(days=1)


def cutoff(options: WarehouseTable, now: datetime) -> datetime | None:
    """Return the time of receipt before which rows go; None when all are kept."""
    return None if options.keep is None else now.astimezone(UTC) - timedelta(seconds=float(options.keep))
