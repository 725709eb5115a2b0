"""Which options of trackway.yaml hold for which table."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal

from trackway.warehouse.chunks import Chunk
from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.upkeep import TableCount
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

    def must_load(self, name: str) -> None:
        """Return if the table `schema.table` is loaded.

        Raises:
            WarehouseError: it is left out, so that made anew from the log it would be empty.
        """
        if not self.named(*name.split(".", 1)).load:
            raise WarehouseError(f"{name} stays as it is: `load: false` stands in its options in trackway.yaml")

    def counted(self, counts: Iterable[TableCount]) -> list[TableCount]:
        """Return those of `counts` whose tables are loaded: what the others lack is meant to."""
        return [one for one in counts if self.named(*one.table.split(".", 1)).load]

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
