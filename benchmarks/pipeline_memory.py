"""Resident memory of a pipeline that works on and on, after each half million of events, beside that after the first.

`python -m benchmarks.pipeline_memory [--json] [--events N]`. The traffic is `browser` of `pipeline_rate`: visitors,
pages and ids are new all the time, at 5,000 calls a second of the clock that they carry; all built-in stages are on.
What may grow are the filters of the dedup index, by the ids of a window, to 64 MiB at the most. The calls are made in
the same process, which takes a part of the memory that does not grow.
"""

import argparse
import os
import tempfile
from itertools import islice
from pathlib import Path

from benchmarks import _traffic
from benchmarks._harness import Measurement, report
from benchmarks._load import resident_mb
from benchmarks.pipeline_rate import drain, make_worker, write_calls
from trackway.events.records import RAW
from trackway.log.sqlite import SqliteLog

_ROUND = 20_000
_SHOWN = 500_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(measure(Path(folder), options.events), json=options.json)


def measure(folder: Path, events: int) -> list[Measurement]:
    """Return the resident memory after every half million of events."""
    raw = SqliteLog(folder / "raw", (RAW,))
    worker = make_worker(folder, "browser", raw)
    calls = _traffic.calls("browser", events)
    found: list[Measurement] = []
    for done in range(_ROUND, events + 1, _ROUND):
        write_calls(raw, islice(calls, _ROUND))
        drain(worker, _ROUND)
        if done % _SHOWN == 0:
            name = f"pipeline_memory_{done / 1_000_000:g}m"
            first = found[0].figure if found else None
            found.append(Measurement(name=name, figure=resident_mb(os.getpid()), unit="MiB", reference=first))
    return found


if __name__ == "__main__":
    main()
