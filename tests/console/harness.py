"""A console on a thread, over real logs in a temporary folder, with counts of what the test put into them."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import uvicorn

from trackway.console.app import create_app, end_streams
from trackway.console.contract import Destinations, Queries
from trackway.events import records
from trackway.events.clock_skew import format_ms, parse_ms
from trackway.events.records import CLEAN_TOPICS, DROPPED, EVENTS, QUARANTINE, RAW, Finding, Place, Refusal
from trackway.log.sqlite import SqliteLog
from trackway.warehouse.contract import QueryError, QueryRefused, QueryResult
from trackway.workspace import Secret, Workspace
from trackway.workspace.model import Destination, Source

TOKEN = "test-token-0123456789"
INGEST = "http://127.0.0.1:8080"


def two_by_two() -> Workspace:
    return Workspace(
        sources={
            "shop": Source(name="Shop web", write_keys=["wk_shop_4f2a9c"]),
            "app": Source(name="Mobile app", write_keys=["wk_app_77b0e1"]),
        },
        destinations={
            "crm": Destination(type="webhook", name="CRM webhook"),
            "ads": Destination(type="webhook", name="Ads bridge"),
        },
    )


class Counts(msgspec.Struct):
    source: str
    events: int
    quarantine: dict[str, int]
    dropped: dict[str, int]


class Ledger(msgspec.Struct):
    destination: str
    accepted: int = 0
    delivered: int = 0
    discarded: dict[str, int] = {}
    failed: dict[str, int] = {}
    retrying: int = 0
    pending: int = 0


class Lag(msgspec.Struct):
    consumer: str
    topic: str
    lag: int


class FakeAccounts:
    """Counts what the test appended."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.quarantine: dict[str, Counter[str]] = {}
        self.dropped: dict[str, Counter[str]] = {}
        self.ledgers: list[Ledger] = []
        self.lags = [Lag("delivery.crm", EVENTS, 0)]

    def sources(self) -> list[Counts]:
        names = sorted({*self.events, *self.quarantine, *self.dropped})
        return [
            Counts(name, self.events[name], dict(self.quarantine.get(name, {})), dict(self.dropped.get(name, {})))
            for name in names
        ]

    def destinations(self) -> list[Ledger]:
        return self.ledgers

    def consumers(self) -> list[Lag]:
        return self.lags


class FakeQueries:
    """Answers three queries, as a warehouse would."""

    def query(
        self,
        sql: str,
        *,
        limit: int,
        timeout_s: float,
        warehouse: str | None = None,
        stop: threading.Event | None = None,
    ) -> QueryResult:
        if sql.startswith("drop"):
            raise QueryRefused("only reading is allowed here")
        if sql.startswith("selec "):
            raise QueryError("syntax error at or near selec", position=0)
        rows = [["Order Completed", 120.5, None], ["Signed Up", None, "<b>x</b>"]][:limit]
        return QueryResult(
            columns=["event", "revenue", "note"],
            types=["VARCHAR", "DOUBLE", "VARCHAR"],
            rows=rows,
            truncated=limit < 2,
            duration_s=0.0123,
        )


class ConsoleServer:
    """The console at `url`, in a `with` block; its methods append records as collector and pipeline would."""

    def __init__(self, folder: Path, *, static: Path | None = None, queries: Queries | None = None) -> None:
        self.workspace = two_by_two()
        self._queries = queries or FakeQueries()
        self.accounts = FakeAccounts()
        self.clean = SqliteLog(folder / "clean", CLEAN_TOPICS)
        self.raw = SqliteLog(folder / "raw", (RAW,))
        self.writer = self.clean.writer(0)
        self.raw_writer = self.raw.writer(0)
        self._static = static
        self.destinations: Destinations | None = None
        """Takes part from the next start on."""

    def start(self, port: int) -> None:
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.app = create_app(
            self.workspace,
            token=Secret(TOKEN),
            ingest_url=INGEST,
            clean=self.clean,
            raw=self.raw,
            accounts=self.accounts,
            queries=self._queries,
            destinations=self.destinations,
            **({} if self._static is None else {"static": self._static}),
        )
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_config=None, lifespan="on"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started)

    def stop(self) -> None:
        end_streams(self.app)
        self._server.should_exit = True
        self._thread.join(60)
        assert not self._thread.is_alive(), "the console did not stop within a minute"
        self.socket.close()

    def restart(self) -> None:
        """Stop and come back at the same port."""
        self.stop()
        self.start(self.port)

    def close(self) -> None:
        self.stop()
        self.writer.close()
        self.raw_writer.close()
        self.clean.close()
        self.raw.close()

    def __enter__(self) -> Self:
        self.start(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def event(self, call: dict[str, Any] | None = None, **changes: Any) -> int:
        """Append one clean event and return its offset."""
        return self.events([{**(call or {}), **changes}])[0]

    def events(self, calls: list[dict[str, Any]], *, now_ms: int | None = None) -> range:
        """Append clean events, each given as the call plus `source`, `findings`, `ip`, `at_ms`."""
        now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        prepared = [self._prepare(call, now_ms, i) for i, call in enumerate(calls)]
        raw_first = self.raw_writer.append({RAW: [raw for raw, _ in prepared]})[RAW].start
        encoded = [
            records.encode(msgspec.structs.replace(event, raw=Place(0, raw_first + i)))
            for i, (_, event) in enumerate(prepared)
        ]
        for _, event in prepared:
            self.accounts.events[event.source] += 1
        return self.writer.append({EVENTS: encoded})[EVENTS]

    def _prepare(self, call: dict[str, Any], now_ms: int, i: int) -> tuple[bytes, records.EventRecord]:
        defaults = {"type": "track", "event": "Signed Up", "userId": "u1", "messageId": f"m-{now_ms}-{i}"}
        call = {key: value for key, value in {**defaults, **call}.items() if value is not None}
        source = call.pop("source", "shop")
        findings = [Finding(*finding) for finding in call.pop("findings", [])]
        at_ms = call.pop("at_ms", now_ms)
        ip, agent = call.pop("ip", "203.0.113.9"), call.pop("user_agent", "analytics-node/3.1.0")
        sent = json.dumps(call).encode()
        raw = records.RawRecord(source, call["type"], call["messageId"], at_ms, sent, None, b"", ip, agent)
        timestamp_ms = parse_ms(call.get("timestamp")) or at_ms
        full = {**call, "receivedAt": format_ms(at_ms), "timestamp": format_ms(timestamp_ms)}
        event = records.EventRecord(
            source=source,
            type=call["type"],
            message_id=call["messageId"],
            name=str(call.get("event") if call["type"] == "track" else call.get("name", "")),
            user_id=call.get("userId"),
            anonymous_id=call.get("anonymousId"),
            received_at_ms=at_ms,
            timestamp_ms=timestamp_ms,
            raw=Place(0, 0),
            body=json.dumps(full).encode(),
            findings=findings,
        )
        return records.encode(raw), event

    def quarantine(
        self,
        body: bytes,
        refusal: tuple[str, str, str],
        *,
        source: str = "shop",
        type_: str = "track",
        message_id: str = "q1",
        at_ms: int | None = None,
    ) -> int:
        """Append one refused call and return its offset."""
        at_ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
        raw = records.RawRecord(source, type_, message_id, at_ms, body, None, b"", "203.0.113.9", "curl/8.5")
        place = Place(0, self.raw_writer.append({RAW: [records.encode(raw)]})[RAW].start)
        record = records.QuarantineRecord(source, type_, message_id, at_ms, place, "validate", Refusal(*refusal), body)
        self.accounts.quarantine.setdefault(source, Counter())[refusal[0]] += 1
        return self.writer.append({QUARANTINE: [records.encode(record)]})[QUARANTINE].start

    def duplicate(
        self, call: dict[str, Any], *, of: int | None = None, source: str = "shop", at_ms: int | None = None
    ) -> int:
        """Append one dropped call and return its offset."""
        at_ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
        body = json.dumps(call).encode()
        raw = records.RawRecord(source, call["type"], call["messageId"], at_ms, body)
        place = Place(0, self.raw_writer.append({RAW: [records.encode(raw)]})[RAW].start)
        original = None if of is None else Place(0, of)
        seen = call.get("event", ""), call.get("userId"), call.get("anonymousId")
        record = records.DroppedRecord(
            source, call["type"], call["messageId"], at_ms, place, "duplicate", original, *seen
        )
        self.accounts.dropped.setdefault(source, Counter())["duplicate"] += 1
        return self.writer.append({DROPPED: [records.encode(record)]})[DROPPED].start


def wait_until(condition: Callable[[], Any], *, timeout_s: float = 30) -> Any:
    """Return the first true value of `condition`; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"nothing came of it within {timeout_s} s")
