"""Events a second that one collector takes in, durable and with a verdict each, beside two limits of the same run.

Single events: a bare app on the same server that only reads the body and answers. Batches of 100: a typed decode of the
same bytes by msgspec alone. The collector has a core of its own, the load generator (wrk) another.
"""

import argparse
import base64
import json
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks._harness import Measurement, make_events, median_of, report
from benchmarks._load import free_port, median_load, running
from trackway.events import calls
from trackway.workspace.create import create_workspace
from trackway.workspace.load import load_workspace

_CONNECTIONS = 64
_BATCH = 100


def measure(*, seconds: float, runs: int, folder: Path) -> list[Measurement]:
    """Return the figures; the log is written in `folder`."""
    create_workspace(folder)
    key = load_workspace(folder).sources["web"].write_keys[0]
    headers = {
        "Content-Type": "application/json",
        "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
    }
    bodies = [_client_call(one["body"]) for one in make_events(_BATCH, 7)]
    single = next(body for body in bodies if b'"Order' in body or b'"Product' in body)
    batch = b'{"batch":[' + b",".join(bodies) + b'],"sentAt":"2026-11-20T10:00:00.140Z"}'
    options = {"connections": _CONNECTIONS, "seconds": seconds, "folder": folder}

    port = free_port()
    with running(["-m", "benchmarks._bare_app", str(port)], port):
        bare = median_load(runs, f"http://127.0.0.1:{port}/", single, headers, **options)
        bare_batch = median_load(runs, f"http://127.0.0.1:{port}/", batch, headers, **options)
    port = free_port()
    with running(["-m", "benchmarks._collector", str(folder), str(port)], port):
        one = median_load(runs, f"http://127.0.0.1:{port}/v1/track", single, headers, **options)
        hundred = median_load(runs, f"http://127.0.0.1:{port}/v1/batch", batch, headers, **options)
    decode = _decode_rate(batch)
    rate = hundred.requests_per_s * _BATCH
    return [
        Measurement(
            name="single events, durable, 64 connections; reference: bare app",
            figure=one.requests_per_s,
            unit="events/s",
            reference=bare.requests_per_s,
        ),
        Measurement(
            name="single events, p99 at full load; reference: bare app",
            figure=one.p99_ms,
            unit="ms",
            reference=bare.p99_ms,
        ),
        Measurement(
            name="batches of 100, durable; reference: typed decode alone",
            figure=rate,
            unit="events/s",
            reference=decode,
        ),
        Measurement(
            name="batches of 100, durable; reference: bare app",
            figure=rate,
            unit="events/s",
            reference=bare_batch.requests_per_s * _BATCH,
        ),
    ]


def _client_call(body: bytes) -> bytes:
    """Return a stored event as its client sent it."""
    event = json.loads(body)
    for name in ("receivedAt", "originalTimestamp", "sentAt"):
        event.pop(name)
    return json.dumps(event, separators=(",", ":")).encode()


def _decode_rate(batch: bytes) -> float:
    import msgspec

    decode = msgspec.json.Decoder(_TypedBatch).decode

    def once() -> float:
        started = time.perf_counter()
        for _ in range(200):
            decode(batch)
        return 200 * _BATCH / (time.perf_counter() - started)

    return median_of(5, once)


class _TypedBatch(calls.Struct):
    batch: list[calls.AnyCall]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest_rate", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a measurement")
    parser.add_argument("--seconds", type=float, default=5, help="length of one run (default 5)")
    parser.add_argument("--runs", type=int, default=3, help="runs, of which the median counts (default 3)")
    parser.add_argument("--folder", type=Path, help="where to write the log (default: a temporary folder here)")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ingest-rate-", dir=arguments.folder or Path.cwd()))
    try:
        report(measure(seconds=arguments.seconds, runs=arguments.runs, folder=folder), json=arguments.json)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
