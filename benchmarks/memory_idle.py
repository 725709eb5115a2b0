"""Memory of the whole product while nothing happens, by process, fresh and after some traffic, against 200 MB.

A process is charged with what is its own. Pages of programs and libraries that may be shared are counted once for all
of them, whoever else on the machine has them too: PSS would be less on a machine that runs more Python.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks._harness import Measurement, make_events, report
from tests.processes import collectors, hub, pipeline
from tests.running import Trackway, start_trackway

BAR_MB = 200.0
REST_S = 5.0
EVENTS = 50_000
BATCH = 500


def measure() -> Iterator[Measurement]:
    """Yield the memory at rest: of a new workspace, and again after events went all the way through."""
    with tempfile.TemporaryDirectory() as folder, start_trackway(Path(folder)) as trackway:
        trackway.settle()
        time.sleep(REST_S)
        yield from _memory(trackway, "new")
        _send(trackway)
        trackway.settle(timeout_s=120)
        time.sleep(REST_S)
        yield from _memory(trackway, f"after {EVENTS:,} events")


def _memory(trackway: Trackway, when: str) -> Iterator[Measurement]:
    processes = {
        "supervisor": psutil.Process(trackway.pid),
        **{f"collector {number}": one for number, one in enumerate(collectors(trackway))},
        "pipeline": pipeline(trackway),
        "hub": hub(trackway),
    }
    total = 0.0
    shared: dict[str, int] = {}
    for name, one in processes.items():
        maps = one.memory_maps(grouped=False)
        own = sum(part.private_clean + part.private_dirty for part in maps) / 1e6
        total += own
        for part in maps:
            if size := part.shared_clean + part.shared_dirty:
                key = f"{part.path} {part.size}"
                shared[key] = max(shared.get(key, 0), size)
        yield Measurement(name=f"{when}: {name}", figure=own, unit="MB")
    together = sum(shared.values()) / 1e6
    yield Measurement(name=f"{when}: programs and libraries, once", figure=together, unit="MB")
    yield Measurement(name=f"{when}: all", figure=total + together, unit="MB", reference=BAR_MB)


def _send(trackway: Trackway) -> None:
    calls: list[object] = []
    for event in make_events(EVENTS):
        calls.append(json.loads(event["body"]))
        if len(calls) == BATCH:
            assert trackway.post("/v1/batch", {"batch": calls}).status == 200
            calls.clear()


if __name__ == "__main__":
    report(list(measure()), json="--json" in sys.argv)
