"""A PostgreSQL server of one's own, from Debian's package, on a Unix socket in a temporary folder."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from tests.running import poll_until
from tests.services import miss

_HINT = "apt-get install postgresql"
_DEBIAN = Path("/usr/lib/postgresql")
_START_S = 60.0
_SPEEDY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
PASSWORD = "opens-nothing"


class Cluster:
    """A server that can be killed and started again; `connect` and `dsn` reach it as its owner."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        """Make the data folder. Without `durable` the server does not wait for the disk, which a crash may cost."""
        self.folder = folder
        self._programs = _find_programs()
        self._settings = {} if durable else _SPEEDY
        self._server: subprocess.Popen[bytes] | None = None
        self._user = _unprivileged_user()
        if self._user:
            shutil.chown(folder, self._user)
        folder.chmod(0o755)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run(
            *("initdb", "--pgdata", str(folder / "data"), "--username", "owner", "--encoding", "UTF8", "--locale", "C"),
            *("--auth-local", "scram-sha-256", "--auth-host", "scram-sha-256", "--pwfile", str(password), "--no-sync"),
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = self._settings | {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "shared_buffers": "64MB",
            "max_connections": "50",
            "autovacuum": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log.txt").open("ab") as log:
            self._server = subprocess.Popen(
                self._command("postgres", "-D", str(self.folder / "data"), *options), stdout=log, stderr=log
            )
        try:
            self._wait_until_it_answers(self._server)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End all its processes at once, as a crash would; return when none of them holds anything any more."""
        server, self._server = self._server, None
        if server is None:
            return
        # A child forked meanwhile would outlive the others with the shared memory, and the next start would be refused.
        server.send_signal(signal.SIGSTOP)
        poll_until(
            lambda: _is_ended(server.pid) or _is_stopped(server.pid), what="PostgreSQL to stand still", timeout_s=60
        )
        children = _children(server.pid)
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        server.kill()
        server.wait(30)
        poll_until(
            lambda: all(_is_ended(child.pid) for child in children), what="the processes to be gone", timeout_s=60
        )

    def stop(self) -> None:
        """End it in order, without waiting for clients."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(60)
            self._server = None

    def dsn(self, database: str = "postgres", user: str = "owner", password: str = PASSWORD) -> str:
        """Return what psycopg and libpq connect with."""
        return make_conninfo(host=str(self.folder), dbname=database, user=user, password=password, connect_timeout=60)

    @contextlib.contextmanager
    def connect(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """Give a connection that commits each statement."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            yield connection

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"test_{secrets.token_hex(6)}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def empty_database(self, name: str) -> None:
        """Make a database as it was when it was new, but for grants on itself; a new one takes ten times as long."""
        with self.connect(name) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            schemas = connection.execute(
                "SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'"
            ).fetchall()
            connection.execute(
                "SET client_min_messages = 'warning'; "
                + "".join(f"DROP SCHEMA {schema} CASCADE; " for (schema,) in schemas)
                + "CREATE SCHEMA public AUTHORIZATION pg_database_owner; GRANT USAGE ON SCHEMA public TO PUBLIC"
            )

    def processor_s(self) -> float:
        """Return the processor seconds that the server's living processes have taken, and those that it reaped."""
        assert self._server is not None
        postmaster = psutil.Process(self._server.pid)
        while True:
            own = postmaster.cpu_times()
            spent = own.user + own.system + own.children_user + own.children_system
            for process in postmaster.children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    spent += times.user + times.system
            # One that was reaped meanwhile may be counted twice, or not at all.
            again = postmaster.cpu_times()
            if (again.children_user, again.children_system) == (own.children_user, own.children_system):
                return spent

    def _wait_until_it_answers(self, server: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                psycopg.connect(self.dsn()).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or server.poll() is not None:
                    log_text = (self.folder / "log.txt").read_text("utf-8", "replace")
                    raise RuntimeError(f"PostgreSQL does not start: {error}\n{log_text}") from error
                time.sleep(0.02)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(self._command(program, *arguments), capture_output=True, text=True, cwd=self.folder)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._programs / program), *arguments]
        return (
            ["setpriv", f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups", *command]
            if self._user
            else command
        )


@contextlib.contextmanager
def running(*, durable: bool = False) -> Iterator[Cluster]:
    """Give a running server that is gone afterwards, its data with it."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        cluster = Cluster(Path(folder), durable=durable)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.kill()


def _children(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children()
    return []


def _is_stopped(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    return False


def _is_ended(pid: int) -> bool:
    """Whether a process is gone or a zombie, which holds nothing; some containers' init never reaps orphans."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def _find_programs() -> Path:
    """Where initdb and postgres are: Debian keeps them off the PATH."""
    installed = sorted(_DEBIAN.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else miss("PostgreSQL", _HINT)


def _unprivileged_user() -> str | None:
    """Who runs the server when we are root, whom it refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(name)
            return name
    return miss("a user for PostgreSQL", _HINT)
