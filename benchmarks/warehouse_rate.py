"""Events a second from the log into DuckDB, beside DuckDB's own reading of the same events, and beside dlt.

`python -m benchmarks.warehouse_rate [--json] [--events N] [--dlt PYTHON]`. DuckDB's `read_json` does less: one table as
wide as the JSON is, nested, without the second row of each track call. dlt loads such events as one resource with its
nested tables; `PYTHON` is an interpreter that has `dlt[duckdb]`, and without it that line is left out. Besides, the
same loader on events of 500 names, and on events that together have 2,000 properties: each twenty of them, as wide
tables are mostly filled (`_2000_columns`), or each all (`_2000_values`).

Each has a second line, `_database`: what the same loads take in DuckDB alone, from columns that are ready in memory, so
the bound of what any loader can reach that makes these tables.

Per core means per second of processor time, of all threads. The runs of a pair alternate, and the best of each counts:
what other work on the machine adds is not theirs.
"""

import argparse
import json
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import duckdb

from benchmarks._harness import Measurement, make_events, report
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, decode_event, encode
from trackway.log.contract import LogReader
from trackway.log.sqlite import SqliteLog
from trackway.warehouse import duckdb as duckdb_module
from trackway.warehouse import loader as loader_module
from trackway.warehouse.chunks import build
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.duckdb_questions import open_readonly
from trackway.warehouse.duckdb_rules import duckdb_rules
from trackway.warehouse.loader import WarehouseLoader
from trackway.warehouse.rows import Shapes
from trackway.workspace.model import Warehouse as Settings

_BLOCK = 500
_ROUNDS = 3
_MOST_FAILURES = 8
_DLT_EVENTS = 5_000
_DLT = """
import json, sys, time
import dlt

def events():
    with open(sys.argv[1], "rb") as lines:
        for line in lines:
            yield json.loads(line)

began = time.process_time()
target = dlt.destinations.duckdb(sys.argv[2] + "/d.duckdb")
pipeline = dlt.pipeline("events", pipelines_dir=sys.argv[2], destination=target)
pipeline.run(events(), table_name="events")
print(time.process_time() - began)
"""
Events = Callable[[int], Iterator[dict[str, Any]]]


class Spent(NamedTuple):
    """What a piece of work took."""

    wall_s: float
    processor_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--dlt", metavar="PYTHON", help="an interpreter that has dlt[duckdb]")
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(measure(Path(folder), options.events, options.dlt), json=options.json)


def measure(folder: Path, count: int, dlt: str | None) -> list[Measurement]:
    """Return the rates of loading `count` events, and of the references on the same events."""
    found: list[Measurement] = []
    per_core = 0.0
    for name, events, made in (
        ("warehouse_rate", count, make_events),
        ("warehouse_rate_500_tables", count, _many_names),
        ("warehouse_rate_2000_columns", count // 10, _many_properties),
        ("warehouse_rate_2000_values", count // 100, _all_properties),
    ):
        runs = _compare(folder / name, events, made)
        per_core = per_core or events / runs.load.processor_s
        found += _measurements(name, events, runs)
    if dlt is not None:
        reference = _DLT_EVENTS / _run_dlt(dlt, folder)
        found.append(
            Measurement(name="warehouse_rate_beside_dlt", figure=per_core, unit="events/s", reference=reference)
        )
    return found


class Runs(NamedTuple):
    """The best of several runs of each."""

    load: Spent
    insert: Spent
    read: Spent


def _measurements(name: str, count: int, runs: Runs) -> list[Measurement]:
    wall, core = count / runs.read.wall_s, count / runs.read.processor_s
    return [
        Measurement(name=name, figure=count / runs.load.wall_s, unit="events/s", reference=wall),
        Measurement(name=f"{name}_per_core", figure=count / runs.load.processor_s, unit="events/s", reference=core),
        Measurement(
            name=f"{name}_database_per_core", figure=count / runs.insert.processor_s, unit="events/s", reference=core
        ),
    ]


def _compare(folder: Path, count: int, events: Events) -> Runs:
    folder.mkdir()
    log = SqliteLog(folder / "log", CLEAN_TOPICS)
    lines = folder / "events.ndjson"
    write_events(log, lines, events(count))
    loads: list[Spent] = []
    inserts: list[Spent] = []
    reads: list[Spent] = []
    for number in range(_ROUNDS):
        path = folder / f"w{number}.duckdb"
        loads.append(_timed(lambda path=path: _load(log, path, count)))
        _check(path)
        inserts.append(_insert_ready(log, folder / f"i{number}.duckdb"))
        reads.append(_timed(lambda path=folder / f"r{number}.duckdb": _read_json(lines, path)))
    log.close()
    return Runs(_best(loads), _best(inserts), _best(reads))


def _best(runs: list[Spent]) -> Spent:
    return Spent(min(run.wall_s for run in runs), min(run.processor_s for run in runs))


def _many_names(count: int) -> Iterator[dict[str, Any]]:
    """Track calls of 500 names, in no order."""
    chance = random.Random(2)
    for event in make_events(count):
        if event["type"] == "track":
            name = f"{event['name']} {chance.randrange(500 // 12 + 1)}"
            body = event["body"].replace(json.dumps(event["name"]).encode(), json.dumps(name).encode(), 1)
            event |= {"name": name, "body": body}
        yield event


def _many_properties(count: int) -> Iterator[dict[str, Any]]:
    """Track calls of one name, each with twenty of 2,000 properties."""
    chance = random.Random(3)
    for event in make_events(count):
        body = json.loads(event["body"])
        body |= {"type": "track", "event": "Wide"}
        body.pop("traits", None)
        body["properties"] = {f"property_{number}": number for number in chance.sample(range(2000), 20)}
        yield event | {"type": "track", "name": "Wide", "body": json.dumps(body, separators=(",", ":")).encode()}


def _all_properties(count: int) -> Iterator[dict[str, Any]]:
    """Track calls of one name, each with 2,000 properties."""
    for event in _many_properties(count):
        body = json.loads(event["body"])
        body["properties"] = {f"property_{number}": number for number in range(2000)}
        yield event | {"body": json.dumps(body, separators=(",", ":")).encode()}


def _timed(work: Callable[[], None]) -> Spent:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - processor)


def write_events(log: SqliteLog, lines: Path, events: Iterator[dict[str, Any]]) -> None:
    """Put events into the log, and their bodies into a file of JSON lines."""
    block: list[bytes] = []
    with log.writer(0) as writer, lines.open("wb") as file:
        for event in events:
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
            if status.failures > _MOST_FAILURES:  # a wide table costs a few until it has its memory
                raise SystemExit(status.error)
            time.sleep(0.2)
        loader.stop()


def _check(path: Path) -> None:
    with open_readonly(path, ["shop"]) as warehouse:
        [[stored, expected]] = warehouse.query("SELECT count(DISTINCT id), count(*) FROM tracks").rows
    if not 0 < stored == expected:
        raise SystemExit(f"the warehouse holds {stored} different track calls in {expected} rows")


def _insert_ready(log: SqliteLog, path: Path) -> Spent:
    """The same loads, of columns that were made before."""
    reader, shapes = log.reader(EVENTS, consumer="benchmark", start={}), Shapes(duckdb_rules(path.stem))
    began, wall_s, processor_s = False, 0.0, 0.0
    with DuckDBWarehouse(path, ["shop"]) as warehouse:
        while records := list(_next_load(reader)):
            batch = build(records, shapes.rules, "duckdb", shapes=shapes)
            for chunk in batch.chunks:
                for column in chunk.columns.values():
                    column.as_kind(column.kind)
            with mock.patch.object(duckdb_module, "build", lambda *_, batch=batch, **__: batch):
                spent = _timed(lambda records=records: warehouse.load(records, EVENTS, {0: len(records)}))
            wall_s, processor_s = wall_s + spent.wall_s, processor_s + spent.processor_s
            began = True
        spent = _timed(warehouse.close) if began else Spent(0, 0)
    return Spent(wall_s + spent.wall_s, processor_s + spent.processor_s)


def _next_load(reader: LogReader) -> Iterator[EventRecord]:
    count = size = 0
    while count < Settings().rows and size < loader_module._LOAD_BYTES:
        if not (slices := reader.poll(max_records=Settings().rows - count, max_bytes=8 << 20)):
            return
        for part in slices:
            yield from map(decode_event, part.records)
            count += len(part.records)
            size += sum(map(len, part.records))


def _read_json(lines: Path, path: Path) -> None:
    with duckdb.connect(path, config={"threads": 2}) as connection:
        connection.execute(f"CREATE TABLE events AS SELECT * FROM read_json('{lines}', format = 'newline_delimited')")


def _run_dlt(python: str, folder: Path) -> float:
    """Processor seconds of dlt for `_DLT_EVENTS` of the usual events."""
    few = folder / "few.ndjson"
    with few.open("wb") as file:
        for event in make_events(_DLT_EVENTS):
            file.write(event["body"] + b"\n")
    done = subprocess.run([python, "-c", _DLT, few, folder / "dlt"], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
