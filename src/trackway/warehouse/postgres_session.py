"""The one connection that loads into a PostgreSQL database: made when needed, made again after it broke.

It holds an advisory lock for as long as it lives, so that a second loader on the same database is told so. The server
frees the lock with the session's end and not before: after a lost connection the next one waits until the old session
is gone, and then reads what that has committed.
"""

import re
import time
from threading import Lock

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from trackway.warehouse.contract import WarehouseError

# Any number will do that is the same for every Trackway: "trackway" in ASCII.
_LOCK = int.from_bytes(b"trackway", "big")
_WAIT_FOR_LOCK_S = 10.0
_DEFAULTS = {
    "connect_timeout": "10",
    # A server that is gone without a goodbye is noticed in half a minute, not in hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "trackway",
    "client_encoding": "UTF8",
}
SETTINGS = """
    SET TimeZone = 'UTC';
    SET DateStyle = 'ISO';
    SET statement_timeout = 0;
    SET lock_timeout = '60s';
    SET idle_in_transaction_session_timeout = 0;
    SET client_min_messages = 'warning';
    SET synchronous_commit = 'on';
    SET default_transaction_isolation = 'read committed';
    SET search_path = pg_catalog;
"""


class Session:
    """Gives the connection; used by the loading thread alone, but for `cancel`."""

    def __init__(self, conninfo: str, warehouse: str) -> None:
        self._conninfo = conninfo
        self._warehouse = warehouse
        self._connection: Connection[TupleRow] | None = None
        self._lock = Lock()

    def connection(self) -> Connection[TupleRow]:
        """Return the connection that holds the lock, outside any transaction.

        Raises:
            WarehouseError: the server cannot be reached, refuses us, or another loader holds the lock.
        """
        if self._connection is None or self._connection.closed:
            connection = connect(self._conninfo, self._warehouse)
            try:
                connection.execute(SETTINGS)
                _take_lock(connection, self._warehouse)
            except psycopg.Error as error:
                connection.close()
                raise WarehouseError(explain(error, self._warehouse, self._conninfo)) from error
            except WarehouseError:
                connection.close()
                raise
            with self._lock:
                self._connection = connection
        return self._connection

    def cancel(self) -> None:
        """Make the running statement fail. Safe from any thread."""
        with self._lock:
            connection = self._connection
        if connection is not None and not connection.closed:
            connection.cancel_safe(timeout=2.0)

    def close(self) -> None:
        """End the session, and with it its lock."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def connect(conninfo: str, warehouse: str) -> Connection[TupleRow]:
    """Return a connection that commits each statement.

    Raises:
        WarehouseError: with what to do.
    """
    try:
        given = conninfo_to_dict(conninfo)
        options = {name: value for name, value in _DEFAULTS.items() if name not in given}
        # Statements are not prepared: behind a pooler the next one may run on another server connection.
        return psycopg.connect(make_conninfo(conninfo, **options), autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise WarehouseError(explain(error, warehouse, conninfo)) from error


def check_conninfo(conninfo: str) -> str | None:
    """Return what is wrong with an address of a database; None when it can be read. It may hold a password."""
    try:
        conninfo_to_dict(conninfo)
    except psycopg.Error:
        return "this is no address of a PostgreSQL database, such as postgresql://user@host:5432/database"
    return None


def _take_lock(connection: Connection[TupleRow], warehouse: str) -> None:
    deadline = time.monotonic() + _WAIT_FOR_LOCK_S
    while not _is_ours(connection):
        if time.monotonic() > deadline:
            raise WarehouseError(
                f"another Trackway loads into the database of warehouse {warehouse}{_holder(connection)}; one at a "
                "time can. Stop it, or give this one a database of its own"
            )
        time.sleep(0.1)


def _is_ours(connection: Connection[TupleRow]) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    return row is not None and bool(row[0])


def _holder(connection: Connection[TupleRow]) -> str:
    row = connection.execute(
        "SELECT pid, coalesce(host(client_addr), 'this machine'), application_name FROM pg_stat_activity "
        "JOIN pg_locks USING (pid) WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s",
        [_LOCK >> 32, _LOCK & 0xFFFFFFFF],
    ).fetchone()
    return "" if row is None else f" (process {row[0]} of the server, from {row[1]}, application {row[2]})"


def explain(error: psycopg.Error, warehouse: str, conninfo: str) -> str:
    """Return what happened and what to do about it, for whoever runs the warehouse."""
    said = " ".join(str(error).split())
    place = f"warehouses.{warehouse}.url"
    user, database = _who(conninfo)
    advice = next((text for words, text in _ADVICE.items() if re.search(words, said)), None)
    if advice is None and error.sqlstate == "42501":
        advice = "PostgreSQL does not permit this to {user}: GRANT CREATE ON DATABASE {database} TO {user}"
    if advice is None:
        return f"PostgreSQL, warehouse {warehouse}: {said}"
    return f"PostgreSQL, warehouse {warehouse}: {advice.format(place=place, user=user, database=database)} ({said})"


def _who(conninfo: str) -> tuple[str, str]:
    try:
        given = conninfo_to_dict(conninfo)
    except psycopg.Error:
        return "the user", "the database"
    user = str(given.get("user") or "the user")
    return user, str(given.get("dbname") or user)


_ADVICE = {
    "password authentication failed": "it refuses the password of {user}; correct {place}, or `password` beside it",
    "no password supplied": "it asks for a password of {user}; add one to {place}, or set warehouses.*.password",
    r"no pg_hba\.conf entry": "it lets {user} in from elsewhere only; add a line for this machine to its pg_hba.conf",
    '(role|database) "[^"]*" does not exist': "it has no {user} or no {database}; make them, or correct {place}",
    "Connection refused": "nobody answers there; start the server, or correct {place}",
    "No such file or directory": "nobody answers there; start the server, or correct {place}",
    "could not translate host name": "there is no such host; correct {place}",
    "failed to resolve host": "there is no such host; correct {place}",
    "timeout expired": "the host does not answer; look at the firewall between, or correct {place}",
    "too many clients": "it has no connection left; raise its max_connections, or close others",
    "remaining connection slots": "it has no connection left; raise its max_connections, or close others",
    "permission denied": "it does not permit this to {user}: GRANT CREATE ON DATABASE {database} TO {user}",
    "must be owner": "a table belongs to another role than {user}; let {user} own what Trackway loads into",
    "No space left on device": "its disk is full; make room, loading goes on by itself",
}
