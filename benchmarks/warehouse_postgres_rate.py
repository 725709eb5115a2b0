"""Events a second from the log into PostgreSQL, tracks and event tables, with the server's own share beside it.

`python -m benchmarks.warehouse_postgres_rate [--json] [--events N] [--rounds N] [--seconds S]`; needs PostgreSQL's
programs (apt-get install postgresql), a server of its own is started and removed.

Per core means per second of our processor time, of all threads. The reference is DuckDB's `read_json` of the same
events, which says how fast the machine is at the moment. `_server` has the same rows by the server's processor time,
that of all its processes; it syncs its log as in earnest.

Each round loads into a new database, then reads. Figures are medians of the rounds, of which there are fewer when
`--seconds` are over, one at least.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks._harness import Measurement, make_events, report
from benchmarks.warehouse_rate import LOAD_EVERY, read_json, run_loader, timed, write_events
from tests import postgres
from trackway.events.records import CLEAN_TOPICS
from trackway.log.sqlite import SqliteLog
from trackway.warehouse.postgres import PostgresWarehouse
from trackway.workspace.model import Warehouse as Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0, help="after which no round begins")
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres.running(durable=True) as cluster:
        report(measure(Path(folder), cluster, options), json=options.json)


class Spent(NamedTuple):
    """What a load of all events took."""

    wall_s: float
    ours_s: float
    servers_s: float
    read_s: float
    """Processor seconds of `read_json`."""


def measure(folder: Path, cluster: postgres.Cluster, options: argparse.Namespace) -> list[Measurement]:
    """Return the rate of loading by the wall clock, and by our processor time beside the server's."""
    log, lines = SqliteLog(folder / "log", CLEAN_TOPICS), folder / "events.ndjson"
    write_events(log, lines, make_events(options.events))
    rounds: list[Spent] = []
    ends = time.monotonic() + options.seconds
    while not rounds or (len(rounds) < options.rounds and time.monotonic() < ends):
        spent = _load(log, cluster, options.events)
        database = folder / f"r{len(rounds)}.duckdb"
        rounds.append(Spent(*spent, timed(lambda path=database: read_json(lines, path)).processor_s))
    log.close()
    wall, ours, servers, read = (options.events / statistics.median(times) for times in zip(*rounds, strict=True))
    ratio = statistics.median(one.read_s / one.ours_s for one in rounds)
    name = "warehouse_postgres_rate"
    return [
        Measurement(name=name, figure=wall, unit="events/s"),
        Measurement(name=f"{name}_per_core", figure=ours, unit="events/s", reference=read, ratio=ratio),
        Measurement(name=f"{name}_server_per_core", figure=servers, unit="events/s", reference=read),
    ]


def _load(log: SqliteLog, cluster: postgres.Cluster, count: int) -> tuple[float, float, float]:
    name = cluster.new_database()
    with PostgresWarehouse(cluster.dsn(name), ["shop"]) as warehouse:
        servers = cluster.processor_s()
        ours = timed(lambda: run_loader(warehouse, log, count, Settings(type="postgres", load_every=LOAD_EVERY)))
        spent = (ours.wall_s, ours.processor_s, cluster.processor_s() - servers)
        [[stored, expected]] = warehouse.query("SELECT count(DISTINCT id), count(*) FROM tracks", timeout_s=300).rows
    if not 0 < stored == expected:
        raise SystemExit(f"the warehouse holds {stored} different track calls in {expected} rows")
    cluster.drop_database(name)
    return spent


if __name__ == "__main__":
    main()
