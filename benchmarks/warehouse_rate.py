"""Events a second from the log into DuckDB, beside DuckDB's own reading of the same events as JSON lines.

`python -m benchmarks.warehouse_rate [--json] [--events N]`. The reference does less: one table as wide as the JSON is,
nested, without the second row of each track call. Per core means per second of processor time, of all threads.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import duckdb

from benchmarks._harness import Measurement, make_events, report
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, encode
from trackway.log.sqlite import SqliteLog
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.loader import WarehouseLoader
from trackway.workspace.model import Warehouse as Settings

_BLOCK = 500


class Spent(NamedTuple):
    """What a piece of work took."""

    wall_s: float
    processor_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(measure(Path(folder), options.events), json=options.json)


def measure(folder: Path, count: int) -> list[Measurement]:
    """Return the rates of loading `count` events, and of the reference on the same events."""
    log = SqliteLog(folder / "log", CLEAN_TOPICS)
    lines = folder / "events.ndjson"
    write_events(log, lines, count)
    load = _timed(lambda: _load(log, folder / "warehouse.duckdb", count))
    read = _timed(lambda: _read_json(lines, folder / "reference.duckdb"))
    log.close()
    return [
        Measurement(name="warehouse_rate", figure=count / load.wall_s, unit="events/s", reference=count / read.wall_s),
        Measurement(
            name="warehouse_rate_per_core",
            figure=count / load.processor_s,
            unit="events/s",
            reference=count / read.processor_s,
        ),
    ]


def _timed(work: Callable[[], None]) -> Spent:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - processor)


def write_events(log: SqliteLog, lines: Path, count: int) -> None:
    """Put `count` events into the log, and their bodies into a file of JSON lines."""
    block: list[bytes] = []
    with log.writer(0) as writer, lines.open("wb") as file:
        for event in make_events(count):
            file.write(event["body"] + b"\n")
            block.append(encode(EventRecord(**event)))
            if len(block) == _BLOCK:
                writer.append({EVENTS: block})
                block = []
        if block:
            writer.append({EVENTS: block})


def _load(log: SqliteLog, path: Path, count: int) -> None:
    """The real loader from an empty warehouse to a lag of none, as a server that comes back after an outage."""
    with DuckDBWarehouse(path, ["shop"]) as warehouse:
        loader = WarehouseLoader("duckdb", warehouse, log, Settings())
        loader.start()
        while (status := loader.status()).events < count:
            if status.error:
                raise SystemExit(status.error)
            time.sleep(0.05)
        loader.stop()
        [[stored]] = warehouse.query("SELECT count(DISTINCT id) FROM tracks").rows
        [[expected]] = warehouse.query("SELECT count(*) FROM tracks").rows
    if not 0 < stored == expected:
        raise SystemExit(f"the warehouse holds {stored} different track calls in {expected} rows")


def _read_json(lines: Path, path: Path) -> None:
    with duckdb.connect(path, config={"threads": 2}) as connection:
        connection.execute(f"CREATE TABLE events AS SELECT * FROM read_json('{lines}', format = 'newline_delimited')")


if __name__ == "__main__":
    main()
