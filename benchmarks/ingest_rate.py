"""Events a second that collectors take in, durable and with a verdict each, beside limits of the same run.

One, ten and a hundred events a request over 64 connections; the limit is a bare app on the same server that only reads
the body and answers, for batches also a typed decode of the same bytes by msgspec alone. The collector has a core of
its own, the load generator (wrk) another. All runs alternate, so that a slow minute of the machine meets every one of
them. Then the latency at half the top rate, two collectors beside one, and how memory grows over the runs.

`--prefill 50000000` puts so many events into the log first: every figure should be the same.
"""

import argparse
import base64
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks._harness import Measurement, make_events, median_of, report
from benchmarks._load import Load, free_port, resident_mb, running, wrk
from trackway.events import calls
from trackway.events.records import RawRecord, encode
from trackway.node.logs import open_raw_log
from trackway.workspace.create import create_workspace
from trackway.workspace.load import load_workspace
from trackway.workspace.model import Workspace

_CONNECTIONS = 64
_SIZES = (1, 10, 100)
_PREFILL_COMMIT = 5_000


class Sent(NamedTuple):
    """What is sent: a path of the collector and a body."""

    path: str
    body: bytes


class Bench:
    """The bodies, and where to send them."""

    def __init__(self, workspace: Workspace, seconds: float) -> None:
        key = workspace.sources["web"].write_keys[0]
        self.folder = workspace.folder
        self._seconds = seconds
        self._headers = {
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        }
        bodies = [_client_call(one["body"]) for one in make_events(max(_SIZES), 7)]
        usual = next(body for body in bodies if b'"Order' in body or b'"Product' in body)
        self.sent = {
            size: Sent(
                "/v1/batch", b'{"batch":[' + b",".join(bodies[:size]) + b'],"sentAt":"2026-11-20T10:00:00.140Z"}'
            )
            for size in _SIZES
        } | {1: Sent("/v1/track", usual)}

    def load(self, port: int, size: int, *, delay_ms: float = 0, pinned: bool = True) -> Load:
        """Send requests of `size` events for the length of a run."""
        url = f"http://127.0.0.1:{port}{self.sent[size].path}"
        return wrk(
            url,
            self.sent[size].body,
            self._headers,
            connections=_CONNECTIONS,
            seconds=self._seconds,
            folder=self.folder,
            delay_ms=delay_ms,
            pinned=pinned,
        )


def measure(*, seconds: float, runs: int, prefill: int, folder: Path) -> list[Measurement]:
    """Return the figures; the log is written in `folder`."""
    create_workspace(folder)
    workspace = load_workspace(folder)
    _fill(workspace, prefill)
    bench = Bench(workspace, seconds)
    bare, one = free_port(), free_port()
    with (
        running(["-m", "benchmarks._bare_app", str(bare)], bare),
        running(["-m", "benchmarks._collector", str(folder), str(one)], one) as collector,
    ):
        found: list[Measurement] = []
        found: list[Measurement] = []
        memory: list[float] = []
        for size in _SIZES:
            limits, rates = _alternate(runs, lambda n=size: bench.load(bare, n), lambda n=size: bench.load(one, n))
            memory.append(resident_mb(collector.pid))
            found += _compare(size, limits, rates)
            if size == 1:
                found += _at_half_load(bench, one, bare, statistics.median(rates), runs)
        found.append(_against_decode(bench, found[-1].figure))
        memory.append(resident_mb(collector.pid))
    found += _two_collectors(bench, folder, runs)
    grown = "resident memory after all runs of one collector; reference: after the first"
    return [*found, Measurement(name=grown, figure=memory[-1], unit="MB", reference=memory[0])]


def _fill(workspace: Workspace, count: int) -> None:
    """Put `count` events into the raw log, as the collector would have."""
    if not count:
        return
    records = [
        encode(RawRecord("web", one["type"], one["message_id"], one["received_at_ms"], _client_call(one["body"])))
        for one in make_events(_PREFILL_COMMIT, 7)
    ]
    with closing(open_raw_log(workspace)) as log, log.writer(0) as writer:
        for _ in range(-(-count // _PREFILL_COMMIT)):
            writer.append({"raw": records})


def _alternate(runs: int, *loads: Callable[[], Load]) -> list[list[float]]:
    """Return the requests a second of each load in `runs` rounds."""
    rounds = [[load().requests_per_s for load in loads] for _ in range(runs)]
    return [list(rates) for rates in zip(*rounds, strict=True)]


def _compare(size: int, limits: list[float], rates: list[float]) -> list[Measurement]:
    name = "single events" if size == 1 else f"{size} events a request"
    return [
        Measurement(
            name=f"{name}, durable; reference: bare app",
            figure=statistics.median(rates) * size,
            unit="events/s",
            reference=statistics.median(limits) * size,
            ratio=statistics.median(rate / limit for rate, limit in zip(rates, limits, strict=True)),
        )
    ]


def _against_decode(bench: Bench, figure: float) -> Measurement:
    size = max(_SIZES)
    batch = bench.sent[size].body
    decode = msgspec.json.Decoder(_TypedBatch).decode

    def once() -> float:
        started = time.perf_counter()
        for _ in range(200):
            decode(batch)
        return 200 * size / (time.perf_counter() - started)

    return Measurement(
        name=f"{size} events a request, durable; reference: typed decode alone",
        figure=figure,
        unit="events/s",
        reference=median_of(5, once),
    )


def _at_half_load(bench: Bench, collector: int, bare: int, top: float, runs: int) -> list[Measurement]:
    """Return latencies with single events at half the top rate; each connection waits between its requests."""
    # A connection's round takes its delay and the latency, which is small beside it.
    delay_ms = _CONNECTIONS / (top / 2) * 1000
    rounds = [
        (bench.load(collector, 1, delay_ms=delay_ms), bench.load(bare, 1, delay_ms=delay_ms)) for _ in range(runs)
    ]
    rate = statistics.median(ours.requests_per_s for ours, _ in rounds)
    return [
        Measurement(
            name=f"{name} of single events at half load ({rate:,.0f}/s); reference: bare app",
            figure=statistics.median(getattr(ours, field) for ours, _ in rounds),
            unit="ms",
            reference=statistics.median(getattr(theirs, field) for _, theirs in rounds),
        )
        for name, field in (("p50", "p50_ms"), ("p99", "p99_ms"))
    ]


def _two_collectors(bench: Bench, folder: Path, runs: int) -> list[Measurement]:
    """Return what a second collector brings when all share the machine's cores with the load generator."""
    one, two = free_port(), free_port()
    with (
        running(["-m", "benchmarks._collector", str(folder), str(one), "1", "1"], one, pinned=False),
        running(["-m", "benchmarks._collector", str(folder), str(two), "2", "2"], two, pinned=False),
    ):
        found: list[Measurement] = []
        for size in (1, 100):
            alone, both = _alternate(
                runs,
                lambda n=size: bench.load(one, n, pinned=False),
                lambda n=size: bench.load(two, n, pinned=False),
            )
            found.append(
                Measurement(
                    name=f"two collectors, {size} a request, sharing two cores with wrk; reference: one collector",
                    figure=statistics.median(both) * size,
                    unit="events/s",
                    reference=statistics.median(alone) * size,
                )
            )
    return found


def _client_call(body: bytes) -> bytes:
    """Return a stored event as its client sent it."""
    event = json.loads(body)
    for name in ("receivedAt", "originalTimestamp", "sentAt"):
        event.pop(name)
    return json.dumps(event, separators=(",", ":")).encode()


class _TypedBatch(msgspec.Struct):
    batch: list[calls.AnyCall]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest_rate", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a measurement")
    parser.add_argument("--seconds", type=float, default=3, help="length of one run (default 3)")
    parser.add_argument("--runs", type=int, default=5, help="rounds, of which the median counts (default 5)")
    parser.add_argument("--prefill", type=int, default=0, help="events that are in the log before (default none)")
    parser.add_argument("--folder", type=Path, help="where to write the log (default: a temporary folder here)")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ingest-rate-", dir=arguments.folder or Path.cwd()))
    try:
        found = measure(seconds=arguments.seconds, runs=arguments.runs, prefill=arguments.prefill, folder=folder)
        report(found, json=arguments.json)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
