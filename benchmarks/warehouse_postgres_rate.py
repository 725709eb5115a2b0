"""Events a second from the log into PostgreSQL, tracks and event tables, with the server's own share beside it.

`python -m benchmarks.warehouse_postgres_rate [--json] [--events N]`; needs PostgreSQL's programs (apt-get install
postgresql), a server of its own is started and removed. Per core means per second of our processor time, of all
threads; the reference is the server's processor time for the same rows. The server syncs its log as in earnest.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks._harness import Measurement, make_events, report
from benchmarks.warehouse_rate import write_events
from tests import postgres
from trackway.events.records import CLEAN_TOPICS
from trackway.log.sqlite import SqliteLog
from trackway.warehouse.loader import WarehouseLoader
from trackway.warehouse.postgres import PostgresWarehouse
from trackway.workspace.model import Warehouse as Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres.running(durable=True) as cluster:
        report(measure(Path(folder), cluster, options.events), json=options.json)


def measure(folder: Path, cluster: postgres.Cluster, count: int) -> list[Measurement]:
    """Return the rate of loading `count` events by the wall clock, and by our processor time beside the server's."""
    log = SqliteLog(folder / "log", CLEAN_TOPICS)
    write_events(log, folder / "events.ndjson", make_events(count))
    wall, ours, servers = time.perf_counter(), time.process_time(), cluster.processor_s()
    _load(log, cluster.dsn(cluster.new_database()), count)
    wall, ours = time.perf_counter() - wall, time.process_time() - ours
    servers = cluster.processor_s() - servers
    log.close()
    return [
        Measurement(name="warehouse_postgres_rate", figure=count / wall, unit="events/s"),
        Measurement(
            name="warehouse_postgres_rate_per_core", figure=count / ours, unit="events/s", reference=count / servers
        ),
    ]


def _load(log: SqliteLog, dsn: str, count: int) -> None:
    with PostgresWarehouse(dsn, ["shop"]) as warehouse:
        loader = WarehouseLoader("postgres", warehouse, log, Settings(type="postgres"))
        loader.start()
        while (status := loader.status()).events < count:
            if status.error:
                raise SystemExit(status.error)
            time.sleep(0.05)
        loader.stop()
        [[stored, expected]] = warehouse.query("SELECT count(DISTINCT id), count(*) FROM tracks", timeout_s=300).rows
    if not 0 < stored == expected:
        raise SystemExit(f"the warehouse holds {stored} different track calls in {expected} rows")


if __name__ == "__main__":
    main()
