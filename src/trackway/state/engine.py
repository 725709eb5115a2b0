"""Open the state database, at the newest revision of its tables."""

import importlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, Insert, Table, create_engine, event, insert, inspect, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from trackway.errors import TrackwayError
from trackway.sqlite import sqlite3
from trackway.state.tables import metadata

HEAD = "0015"
"""The newest revision in `migrations/versions/`; a test compares it with Alembic's own finding."""

BUSY_TIMEOUT_MS = 10_000
_ONE_WRITER = text("select pg_advisory_xact_lock(7239480117)")
"""Any number, which those who write into one database have in common."""
_WRITING_OPTIONS: dict[str, Any] = {
    "sqlite": {"trackway_begin": "IMMEDIATE"},
    "postgresql": {"isolation_level": "READ COMMITTED"},  # else it would see the moment at which it began to wait
}


class StateError(TrackwayError):
    """The state database cannot be opened; the message says why and what to do."""


def open_state(place: str | Path) -> Engine:
    """Return an engine of the state database at `place`, whose tables are of the newest revision.

    `place` is the path of an SQLite file, made if absent, or a database URL (`postgresql+psycopg://…`). On SQLite a
    commit survives power loss (`synchronous=FULL`). A transaction sees one moment on both. Use `writing` for those
    that write.

    Raises:
        StateError: it cannot be opened, or a newer Trackway has written it.
    """
    try:
        engine = _engine(place)
        try:
            with engine.connect() as connection:
                revision = _revision(connection)
            if revision != HEAD:
                _migrate(engine, revision)
        except BaseException:
            engine.dispose()
            raise
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise StateError(f"the state database {_shown(place)} cannot be opened: {cause}") from error
    return engine


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    """Give a connection in a transaction that may write; commit at the end, roll back on an error.

    One writes at a time, and waits for the others before it reads: a transaction that reads first and writes later
    would fail, or write what it read before another wrote.
    """
    options = _WRITING_OPTIONS[engine.dialect.name]
    with engine.connect().execution_options(**options) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(_ONE_WRITER)
        yield connection


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    add: Sequence[str] = (),
    keep: Sequence[str] = (),
) -> None:
    """Insert `rows`; where a row's primary key exists, replace its other columns, but add to `add` and leave `keep`."""
    if rows:
        connection.execute(_upserting(connection.dialect, table, tuple(rows[0]), add, keep), list(rows))


_TOGETHER = (64, 8, 1)
"""Rows in one statement. SQLite's driver hands Python's lock over at each one, which costs more than the row."""


class Writing:
    """An upsert that is written thousands of times: rows go to the driver as they are, whose own types they have.

    SQLAlchemy's way by dictionaries costs more than SQLite's own work. Without a value for its primary key, as where
    rows number themselves, a row is new.
    """

    def __init__(
        self, table: Table, columns: Sequence[str], *, add: Sequence[str] = (), keep: Sequence[str] = ()
    ) -> None:
        """`add` and `keep` as in `upsert`."""
        self._table = table
        self._columns = tuple(columns)
        self._add = add
        self._keep = keep
        self._texts: dict[int, str] = {}
        """By the number of rows, for SQLite."""

    def write(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write `rows`, whose values are in the order of the columns."""
        if not rows:
            return
        dialect = connection.dialect
        if not dialect.positional:
            named = [dict(zip(self._columns, row, strict=True)) for row in rows]
            connection.execute(self._statement(dialect), named)
            return
        done = 0
        for together in _TOGETHER:
            number = (len(rows) - done) // together
            if number:
                end = done + number * together
                parts = [rows[first : first + together] for first in range(done, end, together)]
                values = [tuple(chain.from_iterable(part)) for part in parts]
                connection.exec_driver_sql(self._text(dialect, together), values)
                done = end

    def _text(self, dialect: Dialect, together: int) -> str:
        """Return the statement for so many rows at once."""
        found = self._texts.get(together)
        if found is None:
            compiled = self._statement(dialect).compile(dialect=dialect, column_keys=self._columns)
            if compiled.positiontup != list(self._columns):  # pyright: ignore[reportAttributeAccessIssue]
                raise ValueError(f"{self._table.name}: the columns {self._columns} are not in the table's order")
            one = f"({', '.join('?' * len(self._columns))})"
            before, values, after = str(compiled).partition(f"VALUES {one}")
            if not values:
                raise ValueError(f"{self._table.name}: rows cannot be written together: {compiled}")
            found = self._texts[together] = f"{before}VALUES {', '.join([one] * together)}{after}"
        return found

    def _statement(self, dialect: Dialect) -> Insert:
        if {column.name for column in self._table.primary_key} <= {*self._columns}:
            return _upserting(dialect, self._table, self._columns, self._add, self._keep)
        return insert(self._table)


def _upserting(
    dialect: Dialect, table: Table, columns: Sequence[str], add: Sequence[str], keep: Sequence[str]
) -> Insert:
    if dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # takes a while to load, and most have no use for it

        statement = postgresql.insert(table)
    else:
        statement = sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    values: dict[str, Any] = {
        name: table.c[name] + statement.excluded[name] if name in add else statement.excluded[name]
        for name in columns
        if name not in keys and name not in keep
    }
    if values:
        return statement.on_conflict_do_update(index_elements=keys, set_=values)
    return statement.on_conflict_do_nothing(index_elements=keys)


def _engine(place: str | Path) -> Engine:
    if isinstance(place, str) and "://" in place:
        try:
            url = make_url(place)
        except ArgumentError:
            # The text may hold a password, so it is not repeated.
            raise StateError(
                "the address of the state database is not a URL like postgresql+psycopg://host/name"
            ) from None
    else:
        path = Path(place).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        url = make_url("sqlite://").set(database=str(path))
    if url.drivername != "sqlite":
        return create_engine(url, isolation_level="REPEATABLE READ")  # as SQLite does: all statements see one moment
    engine = create_engine(url, module=sqlite3)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The sqlite3 module would begin transactions by its own rules, and none around DDL: SQLAlchemy does it instead.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('trackway_begin', 'DEFERRED')}")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar_one_or_none()


def _migrate(engine: Engine, revision: str | None) -> None:
    if revision is not None and revision > HEAD:
        raise StateError(
            f"the state database {_shown(engine.url.render_as_string())} is of revision {revision}, this Trackway "
            f"knows {HEAD}: run the newer Trackway that wrote it"
        )
    with writing(engine) as connection:
        if engine.dialect.name == "sqlite" and not inspect(connection).get_table_names():
            _make_tables(connection)
            return
        # Alembic takes longer to import than everything else here, and most starts do not need it.
        migrate = importlib.import_module("trackway.state.migrate")
        migrate.upgrade(connection)


def _make_tables(connection: Connection) -> None:
    """Make in an empty database what the migrations make, which would take ten times as long; a test compares both."""
    metadata.create_all(connection)
    connection.execute(text("create table alembic_version (version_num VARCHAR(32) not null primary key)"))
    connection.execute(text("insert into alembic_version values (:head)"), {"head": HEAD})


def _shown(place: str | Path) -> str:
    text_ = str(place)
    return make_url(text_).render_as_string(hide_password=True) if "://" in text_ else text_
