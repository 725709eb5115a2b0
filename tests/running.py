"""Trackway as its user has it: `trackway up` as processes of its own, spoken to over HTTP, its logs read from disk.

    with start_trackway(tmp_path) as trackway:
        trackway.post("/v1/track", {"userId": "u1", "event": "Signed Up"})
        trackway.settle()
        assert trackway.sql("select event_text from signed_up") == [["Signed Up"]]

Nothing here knows the product's code but the log's reader and the records in it.
"""

import base64
import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import psutil
import yaml

from trackway.events.records import (
    CLEAN_TOPICS,
    DROPPED,
    EVENTS,
    QUARANTINE,
    RAW,
    DroppedRecord,
    EventRecord,
    Place,
    QuarantineRecord,
    RawRecord,
    decode_dropped,
    decode_event,
    decode_quarantine,
    decode_raw,
)
from trackway.log.sqlite import SqliteLog

START_S = 60.0
STOP_S = 30.0
"""What users are promised: Ctrl-C ends everything within this time. Each `stop` checks it."""
SETTLE_S = 60.0
_LOOK_EVERY_S = 0.02
_OUTPUT_SHOWN = 4000
_COMMAND = str(Path(sys.executable).with_name("trackway"))
# Below the ports that systems give to outgoing connections: nobody takes one by chance while a killed server is down.
_PORTS = range(20_000, 32_000)
T = TypeVar("T")


def poll_until(look: Callable[[], T], *, what: str, timeout_s: float = 30.0) -> T:
    """Return the first true value of `look`, asked again and again.

    Raises:
        AssertionError: there was none within `timeout_s`; it names `what` was waited for and the last value.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        looked_s = time.monotonic()
        if found := look():
            return found
        now_s = time.monotonic()
        if now_s > deadline:
            raise AssertionError(f"waited {timeout_s:g} s for {what}; the last look gave {found!r}")
        # What takes long to ask is asked less often: what is waited for needs the processor too.
        time.sleep(max(_LOOK_EVERY_S, min(now_s - looked_s, 1.0)))


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)


def send(
    url: str,
    *,
    method: str = "POST",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 10.0,
) -> Answer:
    """Send one request over a connection of its own and return the answer, whatever its status."""
    parts = urlsplit(url)
    assert parts.hostname
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    with contextlib.closing(connection):
        connection.request(method, url[url.index(parts.netloc) + len(parts.netloc) :] or "/", body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def basic_auth(write_key: str) -> str:
    """Return the value of the `Authorization` header for a write key."""
    return "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    for _ in range(1000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = secrets.choice(_PORTS)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"no free port from {_PORTS.start} to {_PORTS.stop}")


class SqlError(Exception):
    """The console refused a query: `code` as in its answer, such as `query_failed`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Table(NamedTuple):
    """The answer to a query."""

    columns: dict[str, str]
    """The database's types by name, in order."""
    rows: list[list[Any]]
    """Text, numbers, booleans and null, as the console's JSON has them; a timestamp is ISO 8601 text."""

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows with their columns' names, nulls left out."""
        return [
            {name: value for name, value in zip(self.columns, row, strict=True) if value is not None}
            for row in self.rows
        ]


class Trackway:
    """A workspace folder, and the product running on it from `start` to `stop` or `kill`, as often as wanted."""

    def __init__(self, folder: Path, *, environ: Mapping[str, str] | None = None, **overrides: Any) -> None:
        """Write `trackway.yaml` into `folder`: one source `web`, free ports, and `overrides` laid over them.

        `overrides` are the file's own groups: `sources={…}`, `destinations={…}`, `collector={"processes": 2}`.
        """
        self.folder = folder
        settings = _merged(_settings(), overrides)
        self.write_keys: dict[str, str] = {
            name: source["write_keys"][0] for name, source in settings["sources"].items()
        }
        """The first write key of each source."""
        self.collector_url = f"http://127.0.0.1:{settings['collector']['port']}"
        self.console_url = f"http://127.0.0.1:{settings['console']['port']}"
        self._has_warehouse = any(one.get("enabled", True) for one in settings["warehouses"].values())
        self._environ = {**os.environ, **(environ or {})}
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trackway.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")

    @property
    def write_key(self) -> str:
        """The write key of the first source."""
        return next(iter(self.write_keys.values()))

    @property
    def token(self) -> str:
        """What opens the console; made at the first start."""
        file = self.folder / "data" / "console-token"
        return poll_until(lambda: file.read_text("utf-8").strip() if file.exists() else "", what="the console's token")

    @property
    def running(self) -> bool:
        """Whether the started process is still there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of `trackway up`."""
        assert self._process, "it was not started"
        return self._process.pid

    @property
    def output(self) -> str:
        """The end of what all its processes printed, for error messages."""
        file = self.folder / "output.txt"
        return file.read_text("utf-8", "replace")[-_OUTPUT_SHOWN:] if file.exists() else ""

    def change(self, **overrides: Any) -> None:
        """Lay `overrides` over trackway.yaml, as an editor does who saves a file; None removes a key."""
        file = self.folder / "trackway.yaml"
        settings = _without_none(_merged(yaml.safe_load(file.read_text("utf-8")), overrides))
        saved = file.with_suffix(".saved")
        saved.write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
        saved.replace(file)

    # Life and death

    def start(self, timeout_s: float = START_S) -> float:
        """Start the product; return the seconds until the collector answered.

        Raises:
            AssertionError: it ended, or did not answer in time; with what it printed.
        """
        assert not self.running, "it runs already"
        began = time.monotonic()
        with (self.folder / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [_COMMAND, "up", "--workspace", str(self.folder), "--quiet"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environ,
                start_new_session=True,
            )
        self.wait_for(self._is_healthy, what="the collector to answer", timeout_s=timeout_s)
        return time.monotonic() - began

    def stop(self) -> float:
        """Press Ctrl-C; return the seconds it took.

        Raises:
            AssertionError: it took more than `STOP_S`, ended with an error, or left a process behind.
        """
        assert self._process, "it was not started"
        began = time.monotonic()
        # A terminal sends the signal to the whole group.
        os.killpg(self._process.pid, signal.SIGINT)
        try:
            code = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not stop within {STOP_S:g} s; it printed:\n{self.output}") from None
        took_s = time.monotonic() - began
        assert code == 0, f"it ended with code {code}; it printed:\n{self.output}"
        left = _alive(self._process.pid)
        self.kill()
        assert not left, f"processes were left behind: {left}"
        return took_s

    def kill(self) -> None:
        """SIGKILL all its processes at once, no goodbye; return when none is left."""
        if self._process is None:
            return
        group = self._process.pid
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        self._process.wait()
        poll_until(lambda: not _alive(group), what="the killed processes to be gone")
        self._process = None

    def _is_healthy(self) -> bool:
        try:
            return send(f"{self.collector_url}/healthz", method="GET", timeout_s=1.0).status == 200
        except OSError:
            return False

    # Sending

    def post(
        self,
        path: str,
        value: Any,
        *,
        write_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        url: str | None = None,
    ) -> Answer:
        """Send `value` as JSON to the collector, with Basic auth of `write_key` (default: the first source's).

        `url` is another address to send to, such as that of a proxy.
        """
        auth = {"Authorization": basic_auth(write_key or self.write_key), "Content-Type": "application/json"}
        body = json.dumps(value).encode()
        return send((url or self.collector_url) + path, body=body, headers={**auth, **(headers or {})})

    # Looking

    def wait_for(self, predicate: Callable[[], T], *, what: str, timeout_s: float = 30.0) -> T:
        """Return the first true value of `predicate`, as `poll_until`; fail at once when the product has ended."""

        def look() -> T:
            found = predicate()
            if not found and not self.running:
                code = self._process.returncode if self._process else None
                raise AssertionError(f"it ended with code {code} before {what}; it printed:\n{self.output}")
            return found

        try:
            return poll_until(look, what=what, timeout_s=timeout_s)
        except AssertionError as error:
            error.add_note(f"It printed:\n{self.output}")
            raise

    def settle(self, timeout_s: float = SETTLE_S) -> None:
        """Return when everything accepted so far has its end in the clean log, and every event is in the warehouse."""
        self.wait_for(self._is_settled, what="the pipeline and the warehouse to catch up", timeout_s=timeout_s)

    def _is_settled(self) -> bool:
        with self.raw_log() as raw, self.clean_log() as clean:
            taken_in = sum(raw.heads(RAW).values())
            # Each raw call ends as exactly one record of the three.
            ended = sum(sum(clean.heads(topic).values()) for topic in CLEAN_TOPICS)
            events = sum(clean.heads(EVENTS).values())
        if ended < taken_in:
            return False
        return not self._has_warehouse or self._loaded() >= events

    def _loaded(self) -> int:
        rows = self.sql("select sum(next_offset)::bigint from _trackway.positions where topic = 'events'")
        return rows[0][0] or 0

    def events(self) -> list[dict[str, Any]]:
        """Return the bodies of all clean events, in the order of the log."""
        return [json.loads(record.body) for _, record in self.event_records()]

    def event_records(self) -> list[tuple[Place, EventRecord]]:
        """Return all records of the topic `events` with their places."""
        with self.clean_log() as log:
            return [(place, decode_event(record)) for place, record in _read(log, EVENTS)]

    def quarantine(self) -> list[QuarantineRecord]:
        """Return what was refused."""
        with self.clean_log() as log:
            return [decode_quarantine(record) for _, record in _read(log, QUARANTINE)]

    def dropped(self) -> list[DroppedRecord]:
        """Return what was left out by design."""
        with self.clean_log() as log:
            return [decode_dropped(record) for _, record in _read(log, DROPPED)]

    def raw_records(self) -> list[tuple[Place, RawRecord]]:
        """Return all calls as they came in, with their places."""
        with self.raw_log() as log:
            return [(place, decode_raw(record)) for place, record in _read(log, RAW)]

    def clean_log(self) -> contextlib.AbstractContextManager[SqliteLog]:
        """Return the log of events, quarantine and dropped, to be read; also while nothing runs."""
        return contextlib.closing(SqliteLog(self.folder / "data" / "log" / "clean", CLEAN_TOPICS))

    def raw_log(self) -> contextlib.AbstractContextManager[SqliteLog]:
        """Return the log of calls as they came in."""
        return contextlib.closing(SqliteLog(self.folder / "data" / "log" / "raw", (RAW,)))

    def sql(self, query: str, *, limit: int = 10_000) -> list[list[Any]]:
        """Return the rows that the console answers to a query; see `table`."""
        return self.table(query, limit=limit).rows

    def table(self, query: str, *, limit: int = 10_000) -> Table:
        """Return what the console answers to a query of the warehouse.

        Raises:
            SqlError: it refused the query.
            AssertionError: there are more than `limit` rows.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = json.dumps({"sql": query, "limit": limit}).encode()
        answer = send(f"{self.console_url}/api/sql", body=body, headers=headers, timeout_s=60.0)
        found = answer.json()
        if answer.status != 200:
            raise SqlError(found["code"], found["message"])
        assert not found["truncated"], f"more than {limit} rows: {query}"
        return Table({column["name"]: column["type"] for column in found["columns"]}, found["rows"])


@contextlib.contextmanager
def start_trackway(folder: Path, *, environ: Mapping[str, str] | None = None, **overrides: Any) -> Iterator[Trackway]:
    """Run the product on a new workspace in `folder`; at the end stop it, unless the test has, and see that it does.

    The arguments are those of `Trackway`. After a failed test it is killed.
    """
    trackway = Trackway(folder, environ=environ, **overrides)
    try:
        trackway.start()
        yield trackway
        if trackway.running:
            trackway.stop()
    finally:
        trackway.kill()


def _settings() -> dict[str, Any]:
    return {
        "sources": {"web": {"name": "Web shop", "write_keys": ["wk_web_for_tests"]}},
        "warehouses": {"duckdb": {"load_every": "50ms"}},
        "collector": {"port": free_port()},
        "console": {"port": free_port()},
        # It would come at a moment of its own among the events that a test counts.
        "canary": {"enabled": False},
    }


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _without_none(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_none(item) for key, item in value.items() if item is not None}


def _read(log: SqliteLog, topic: str) -> Iterator[tuple[Place, bytes]]:
    starts, heads = log.starts(topic), log.heads(topic)
    for partition, head in heads.items():
        first = starts.get(partition, 0)
        for part in log.read(topic, partition, first, max_records=head - first):
            for offset, record in enumerate(part.records, part.first):
                yield Place(partition, offset), record


def _alive(group: int) -> list[str]:
    """The processes of a group that have not ended; those that only wait to be reaped have."""
    found: list[str] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found
