"""One reading question to a PostgreSQL database, answered within limits.

Fences: the text is sent as one statement, which the protocol checks; a SELECT runs as a cursor, which takes nothing
that writes; the transaction is read-only, which also stops `EXPLAIN ANALYZE DELETE` and functions that write to tables;
what the user of the database may do is PostgreSQL's own matter.
"""

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Thread

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from trackway.warehouse.answers import plain
from trackway.warehouse.contract import QueryCancelled, QueryError, QueryRefused, QueryResult, QueryTimeout
from trackway.warehouse.postgres_names import listed, quoted

_FIRST_WORD = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)
_AS_CURSOR = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
_LOOK_EVERY_S = 0.1
_AS_IT_IS = frozenset({"SHOW", "EXPLAIN"})


def run_query(
    connection: Connection[TupleRow],
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
    word = _first_word(sql)
    # The server's own limit starts anew with each statement, and a function can change it; this one cannot.
    done = Event()
    watch = Thread(target=_cancel_after, args=(timeout_s + 1.0, done, connection, stop), daemon=True)
    watch.start()
    try:
        cursor = _execute(connection, sql, word, schemas, timeout_s, limit)
        rows = cursor.fetchmany(limit + 1) if cursor.description else []
        columns = [(column.name, _type_name(connection, column.type_code)) for column in cursor.description or ()]
        answer = [[plain(value) for value in row] for row in rows[:limit]]
    except (psycopg.errors.QueryCanceled, psycopg.errors.TransactionTimeout):
        if stop is not None and stop.is_set():
            raise QueryCancelled("the query was cancelled") from None
        raise QueryTimeout(f"stopped after {timeout_s:g} s; ask for less, or allow more time") from None
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise QueryRefused(f"only reading is allowed here: {error}") from None
    except psycopg.Error as error:
        if _SEVERAL in str(error):
            raise QueryRefused("one statement at a time, please: this text has several") from None
        raise QueryError(_said(error), position=_position(sql, error, word)) from None
    finally:
        done.set()
        watch.join()
    return QueryResult(
        columns=[name for name, _ in columns],
        types=[kind for _, kind in columns],
        rows=answer,
        truncated=len(rows) > limit,
        duration_s=time.monotonic() - started,
    )


def _cancel_after(timeout_s: float, done: Event, connection: Connection[TupleRow], stop: Event | None) -> None:
    deadline = time.monotonic() + timeout_s
    while (left_s := deadline - time.monotonic()) > 0 and not (stop is not None and stop.is_set()):
        if done.wait(left_s if stop is None else min(left_s, _LOOK_EVERY_S)):
            return
    # Once may be too early: a cancellation that finds nothing running is forgotten.
    while not done.wait(0.05):
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=2.0)


def _first_word(sql: str) -> str:
    found = _FIRST_WORD.match(sql)
    word = found[1].upper() if found else ""
    if word not in _AS_CURSOR | _AS_IT_IS:
        raise QueryRefused(
            f"this is {f'a {word} statement' if word else 'no statement'}; the warehouse answers SELECT, WITH, VALUES, "
            "TABLE, SHOW and EXPLAIN only"
        )
    return word


def _execute(
    connection: Connection[TupleRow], sql: str, word: str, schemas: Sequence[str], timeout_s: float, limit: int
) -> psycopg.Cursor[TupleRow]:
    path = listed(map(quoted, schemas))
    milliseconds = max(1, int(timeout_s * 1000))
    connection.execute(
        f"SET TimeZone = 'UTC'; SET statement_timeout = {milliseconds}; "
        f"{f'SET search_path = {path}; ' if path else ''}BEGIN TRANSACTION READ ONLY".encode()
    )
    text = sql.strip().rstrip(";").rstrip()
    # Binary answers make psycopg use the extended protocol, which takes one statement only.
    if word in _AS_IT_IS:
        return connection.execute(text.encode(), binary=True)
    connection.execute(f"{_DECLARE}{text}\n".encode(), binary=True)
    return connection.execute(f"FETCH {limit + 1} FROM answer".encode())


_SEVERAL = "cannot insert multiple commands into a prepared statement"
_DECLARE = "DECLARE answer NO SCROLL CURSOR FOR "


def _type_name(connection: Connection[TupleRow], oid: int) -> str:
    known = connection.adapters.types.get(oid)
    return known.regtype if known is not None else f"oid {oid}"


def _said(error: psycopg.Error) -> str:
    diagnosis = error.diag
    if not diagnosis.message_primary:
        return " ".join(str(error).split())
    parts = (diagnosis.message_primary, diagnosis.message_detail, diagnosis.message_hint)
    return ". ".join(part.rstrip(".") for part in parts if part)


def _position(sql: str, error: psycopg.Error, word: str) -> int | None:
    if not error.diag.statement_position:
        return None
    before = 0 if word in _AS_IT_IS else len(_DECLARE)
    at = int(error.diag.statement_position) - 1 - before + len(sql) - len(sql.lstrip())
    return at if 0 <= at <= len(sql) else None
