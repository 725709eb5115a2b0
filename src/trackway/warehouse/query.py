"""One reading question to a DuckDB database, answered within limits.

Three fences, each enough by itself for what it covers: the statement must be one of those that read, also within
EXPLAIN, which otherwise changes settings, too; it runs in a read-only transaction, which also stops a DELETE inside
WITH; and the database was opened without access to files and networks, which cannot be given back to it, so that no
function in a SELECT reaches outside.
"""

import re
import time
from collections.abc import Sequence
from threading import Event, Thread

import duckdb
from duckdb import DuckDBPyConnection, StatementType

from trackway.warehouse.answers import plain
from trackway.warehouse.contract import QueryCancelled, QueryError, QueryRefused, QueryResult, QueryTimeout

_READING = (StatementType.SELECT, StatementType.EXPLAIN)
_LOOK_EVERY_S = 0.05
_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(?:ANALYZE\s+)?(?:\([\w\s,]*\)\s*)?(?=[\w(])", re.IGNORECASE)
"""What stands before the statement that is explained; without comments, which might hide where that begins."""
_EXCERPT = re.compile(r"\n\nLINE (\d+): (.*)\n( *)\^")


def run_query(
    connection: DuckDBPyConnection,
    sql: str,
    *,
    schemas: Sequence[str],
    limit: int,
    timeout_s: float,
    stop: Event | None = None,
) -> QueryResult:
    """Answer `sql` on `connection`, which is the caller's alone; a table without schema is looked for in `schemas`.

    Raises:
        QueryRefused, QueryTimeout, QueryError: see `Warehouse.query`.
        QueryCancelled: `stop` was set before the end.
    """
    started = time.monotonic()
    statement = _only_statement(connection, sql)
    done = Event()
    watch = Thread(target=_interrupt_after, args=(timeout_s, done, connection, stop), daemon=True)
    try:
        path = ",".join(f'"{schema}"' for schema in schemas)
        connection.execute(f"SET search_path = '{path}'")
        connection.execute("BEGIN TRANSACTION READ ONLY")
        watch.start()
        connection.execute(statement)
        columns = [(column[0], str(column[1])) for column in connection.description or ()]
        rows = connection.fetchmany(limit + 1)
        answer = [[plain(value) for value in row] for row in rows[:limit]]
    except duckdb.InterruptException:
        if stop is not None and stop.is_set():
            raise QueryCancelled("the query was cancelled") from None
        raise QueryTimeout(f"stopped after {timeout_s:g} s; ask for less, or allow more time") from None
    except duckdb.Error as error:
        raise QueryError(str(error), position=_position(sql, str(error))) from None
    finally:
        done.set()
        if watch.is_alive():
            watch.join()
    return QueryResult(
        columns=[name for name, _ in columns],
        types=[kind for _, kind in columns],
        rows=answer,
        truncated=len(rows) > limit,
        duration_s=time.monotonic() - started,
    )


def _interrupt_after(timeout_s: float, done: Event, connection: DuckDBPyConnection, stop: Event | None) -> None:
    deadline = time.monotonic() + timeout_s
    while (left_s := deadline - time.monotonic()) > 0 and not (stop is not None and stop.is_set()):
        if done.wait(left_s if stop is None else min(left_s, _LOOK_EVERY_S)):
            return
    # Once may be too early: an interrupt that finds nothing running is forgotten.
    connection.interrupt()
    while not done.wait(0.05):
        connection.interrupt()


def _only_statement(connection: DuckDBPyConnection, sql: str) -> duckdb.Statement:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(str(error), position=_position(sql, str(error))) from None
    if len(statements) != 1:
        raise QueryRefused(f"one statement at a time, please: this text has {len(statements)}")
    [statement] = statements
    if statement.type not in _READING:
        raise QueryRefused(
            f"this is a {statement.type.name} statement; the warehouse answers SELECT, WITH, FROM, VALUES, DESCRIBE, "
            "SHOW, SUMMARIZE and EXPLAIN only"
        )
    if statement.type == StatementType.EXPLAIN:
        _check_explained(connection, statement.query)
    return statement


def _check_explained(connection: DuckDBPyConnection, sql: str) -> None:
    found = _EXPLAIN.match(sql)
    try:
        explained = connection.extract_statements(sql[found.end() :]) if found else []
    except duckdb.Error:
        explained = []
    if [statement.type for statement in explained] != [StatementType.SELECT]:
        raise QueryRefused("EXPLAIN is for a SELECT, WITH, FROM or VALUES right behind it, without a comment between")


def _position(sql: str, message: str) -> int | None:
    """Where the caret of DuckDB's message stands in `sql`; None when it shows none or not clearly where."""
    found = _EXCERPT.search(message)
    lines = sql.split("\n")
    if found is None or int(found[1]) > len(lines):
        return None
    number, shown = int(found[1]), found[2]
    excerpt = shown.removeprefix("...").removesuffix("...")
    column = lines[number - 1].find(excerpt)
    if column < 0:
        return None
    caret = len(found[3]) - len(f"LINE {number}: ") - (len(shown) - len(shown.removeprefix("...")))
    return sum(len(line) + 1 for line in lines[: number - 1]) + column + caret
