"""Events a second from the log into DuckDB, beside DuckDB's own reading of the same events, and beside dlt.

`python -m benchmarks.warehouse_rate [--json] [--events N] [--rounds N] [--seconds S] [--only NAME] [--dlt PYTHON]`.
DuckDB's `read_json` does less: one table as wide as the JSON is, nested, without the second row of each track call. dlt
loads such events as one resource with its nested tables; `PYTHON` is an interpreter that has `dlt[duckdb]`, and without
it that line is left out. Besides, the same loader on events of 500 names, and on events that together have 2,000
properties: each twenty of them, as wide tables are mostly filled (`_2000_columns`), or each all (`_2000_values`).

Each has a line `_beside_database`, whose reference is what the same loads take in DuckDB alone, from columns that are
ready in memory, so the bound of what any loader can reach that makes these tables.

Per core means per second of processor time, of all threads. The runs of a round alternate; there are `--rounds` of
them, or fewer when `--seconds` are over for these events, one at least. Figures are medians, so is the ratio: of the
rounds' ratios.
"""

import argparse
import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple
from unittest import mock

import duckdb

from benchmarks._harness import Measurement, make_events, report
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, decode_event, encode
from trackway.log.contract import LogReader
from trackway.log.sqlite import SqliteLog
from trackway.node.child import collect_less_garbage
from trackway.warehouse import duckdb as duckdb_module
from trackway.warehouse import loader as loader_module
from trackway.warehouse.chunks import build
from trackway.warehouse.contract import LoadReport, Warehouse
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.duckdb_questions import open_readonly
from trackway.warehouse.duckdb_rules import duckdb_rules
from trackway.warehouse.loader import WarehouseLoader
from trackway.warehouse.rows import Shapes
from trackway.workspace.model import Warehouse as Settings
from trackway.workspace.units import Duration

_BLOCK = 500
LOAD_EVERY = Duration(0.1)
"""The loads of a backlog are full; this is how long the last one waits for more."""
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
    parser.add_argument("--events", type=int, default=50_000, help="a full load has about 57,000 of the usual ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0, help="after which no round of the same events begins")
    parser.add_argument("--only", choices=sorted(_EVENTS), help="events of one kind")
    parser.add_argument("--dlt", metavar="PYTHON", help="an interpreter that has dlt[duckdb]")
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    collect_less_garbage()
    with tempfile.TemporaryDirectory() as folder:
        report(measure(Path(folder), options), json=options.json)


def measure(folder: Path, options: argparse.Namespace) -> Iterator[Measurement]:
    """Yield the rates of loading events, and of the references on the same events."""
    for name, kind in _EVENTS.items():
        if options.only not in (None, name):
            continue
        count = max(100, options.events // kind.divisor)
        rounds = _compare(folder / name, count, kind.made, options)
        yield from _measurements(name, count, rounds)
        if name == "warehouse_rate" and options.dlt is not None:
            reference = _DLT_EVENTS / statistics.median(_run_dlt(options.dlt, folder / f"dlt{n}") for n in range(3))
            per_core = count / statistics.median(one.load.processor_s for one in rounds)
            yield Measurement(name=f"{name}_beside_dlt", figure=per_core, unit="events/s", reference=reference)


class Round(NamedTuple):
    """A run of each, one after the other."""

    load: Spent
    insert: Spent
    read: Spent


def _measurements(name: str, count: int, rounds: list[Round]) -> Iterator[Measurement]:
    def beside(
        what: str, ours: Callable[[Round], float], theirs: Callable[[Round], float], unit: str = "events/s"
    ) -> Measurement:
        figure, reference = (count / statistics.median(map(side, rounds)) for side in (ours, theirs))
        ratio = statistics.median(theirs(one) / ours(one) for one in rounds)
        return Measurement(name=f"{name}{what}", figure=figure, unit=unit, reference=reference, ratio=ratio)

    yield beside("", lambda one: one.load.wall_s, lambda one: one.read.wall_s)
    yield beside("_per_core", lambda one: one.load.processor_s, lambda one: one.read.processor_s)
    yield beside("_beside_database", lambda one: one.load.processor_s, lambda one: one.insert.processor_s)


def _compare(folder: Path, count: int, events: Events, options: argparse.Namespace) -> list[Round]:
    folder.mkdir()
    log = SqliteLog(folder / "log", CLEAN_TOPICS)
    lines = folder / "events.ndjson"
    write_events(log, lines, events(count))
    rounds: list[Round] = []
    ends = time.monotonic() + options.seconds
    while not rounds or (len(rounds) < options.rounds and time.monotonic() < ends):
        path = folder / f"w{len(rounds)}.duckdb"
        load = timed(lambda path=path: _load(log, path, count))
        _check(path)
        insert = _insert_ready(log, path.with_name(f"i{path.name}"))
        rounds.append(Round(load, insert, timed(lambda path=path: read_json(lines, path.with_name(f"r{path.name}")))))
    log.close()
    return rounds


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


class Kind(NamedTuple):
    """Events of a kind."""

    made: Events
    divisor: int
    """Of so many times fewer: they take so much longer."""


_EVENTS = {
    "warehouse_rate": Kind(make_events, 1),
    "warehouse_rate_500_tables": Kind(_many_names, 1),
    "warehouse_rate_2000_columns": Kind(_many_properties, 20),
    "warehouse_rate_2000_values": Kind(_all_properties, 200),
}


def timed(work: Callable[[], object]) -> Spent:
    """Do the work and return what it took."""
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
        # A wide table costs a few failures until it has its memory.
        run_loader(warehouse, log, count, Settings(load_every=LOAD_EVERY), most_failures=8)


def run_loader(warehouse: Warehouse, log: SqliteLog, count: int, settings: Settings, *, most_failures: int = 0) -> None:
    """Let a loader load so many events. It is not asked how far it is: that takes time of its own."""
    loads: list[int] = []
    done = Event()

    def note(report: LoadReport, _: float) -> None:
        loads.append(report.events)
        if sum(loads) >= count:
            done.set()

    loader = WarehouseLoader("benchmark", warehouse, log, settings, on_load=note)
    loader.start()
    while not done.wait(1.0):
        if (status := loader.status()).failures > most_failures:
            raise SystemExit(status.error)
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
                spent = timed(lambda records=records: warehouse.load(records, EVENTS, {0: len(records)}))
            wall_s, processor_s = wall_s + spent.wall_s, processor_s + spent.processor_s
            began = True
        spent = timed(warehouse.close) if began else Spent(0, 0)
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


def read_json(lines: Path, path: Path) -> None:
    """Read a file of JSON lines into a table of a new DuckDB file, as DuckDB does it by itself."""
    with duckdb.connect(path, config={"threads": 2}) as connection:
        connection.execute(f"CREATE TABLE events AS SELECT * FROM read_json('{lines}', format = 'newline_delimited')")


def _run_dlt(python: str, folder: Path) -> float:
    """Processor seconds of dlt for `_DLT_EVENTS` of the usual events."""
    folder.mkdir()
    few = folder / "few.ndjson"
    with few.open("wb") as file:
        for event in make_events(_DLT_EVENTS):
            file.write(event["body"] + b"\n")
    done = subprocess.run([python, "-c", _DLT, few, folder], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
