"""The memory that DuckDB may have for loads: little, until they cannot do with it.

It holds a block for each column of each table that a load touches, so what a load needs depends on their number more
than on its rows.
"""

import contextlib
import logging

import duckdb
from duckdb import DuckDBPyConnection

from trackway.warehouse.chunks import Batch

_MOST_BYTES = 2_000_000_000
_COLUMN_BYTES = 256 << 10
_RELIEVE_AT = 0.4
"""Part of the memory that committed rows may take before they are written out."""
_RELIEVED_TOO_OFTEN = 3
"""Loads in a row that had to be written out at once: each column of each table holds a piece of memory."""

_log = logging.getLogger(__name__)


class Allowance:
    """How much memory a database has, 2 GB at the most; questions under way go on when it changes."""

    def __init__(self, warehouse: str, size_bytes: int) -> None:
        self._warehouse = warehouse
        self.size_bytes = size_bytes
        self._is_short = False
        self._relieved = 0

    def note(self, error: BaseException) -> None:
        """Remember it when a load failed for want of memory."""
        # At a commit it comes as a failed transaction that quotes the reason.
        self._is_short |= isinstance(error, duckdb.OutOfMemoryException) or (
            isinstance(error, duckdb.TransactionException) and "failed to pin block" in str(error)
        )

    def make_good(self, connection: DuckDBPyConnection) -> None:
        """Double it when a load could not do with it."""
        if self._is_short:
            self._is_short = False
            self._raise_to(self.size_bytes * 2, connection)

    def provide_for(self, batch: Batch, connection: DuckDBPyConnection) -> None:
        """See that there is a block for each column of the widest table: writing blocks out takes longer."""
        self._raise_to(_COLUMN_BYTES * max((len(chunk.columns) for chunk in batch.chunks), default=0), connection)

    def relieve(self, connection: DuckDBPyConnection) -> bool:
        """Write out what committed loads still hold when it is much; return whether `make_good` has something to do.

        DuckDB does so by the size of its log, but rows in hundreds of tables take memory for each column of each.
        """
        found = connection.execute(
            "SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
        ).fetchone()
        if found is None or found[0] <= self.size_bytes * _RELIEVE_AT:
            self._relieved = 0
            return False
        checkpoint(connection)
        self._relieved += 1
        if self._relieved >= _RELIEVED_TOO_OFTEN and self.size_bytes < _MOST_BYTES:
            self._is_short = True
        return self._is_short

    def _raise_to(self, size_bytes: int, connection: DuckDBPyConnection) -> None:
        wanted = min(_MOST_BYTES, size_bytes)
        if wanted > self.size_bytes:
            connection.execute(f"SET GLOBAL memory_limit = '{wanted}B'")
            self.size_bytes = wanted
            self._relieved = 0
            _log.warning("the warehouse %s gets %d MB of memory", self._warehouse, wanted // 1_000_000)


def checkpoint(connection: DuckDBPyConnection) -> None:
    """Fold the database's log into its file; not while somebody reads, the next time will do."""
    with contextlib.suppress(duckdb.TransactionException):
        connection.execute("CHECKPOINT")
