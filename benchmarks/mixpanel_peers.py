"""Events a second that one core makes into Mixpanel's requests: Trackway beside Segment's package and RudderStack's.

`python -m benchmarks.mixpanel_peers [--segment FOLDER] [--rudderstack FOLDER] [--json]`. The same track events for all,
nothing is sent, reading and writing JSON is in the time; Trackway and the peers take turns. `delivery` is Trackway's
whole way from the log to a sink (`delivery_rate mixpanel`), in the same turns.

    --segment      where `npm install @segment/action-destinations @segment/actions-core` was run
    --rudderstack  a checkout of github.com/rudderlabs/rudder-transformer after `npm install` and `npm install tsx`

A peer whose folder is not given is left out.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks._harness import Measurement, make_events, report
from benchmarks.render_rate import measure as measure_rendering
from tests.services import find_program
from trackway.events.records import EventRecord

_EVENTS = 20_000
_ROUNDS = 3
_PASSES_S = 10
_SCRIPT = Path(__file__).with_name("_peer_mixpanel.mjs").resolve()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segment", type=Path, metavar="FOLDER")
    parser.add_argument("--rudderstack", type=Path, metavar="FOLDER")
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    peers = {"segment": options.segment, "rudderstack": options.rudderstack}
    report(measure({name: folder for name, folder in peers.items() if folder}), json=options.json)


def measure(peers: dict[str, Path]) -> Iterator[Measurement]:
    """Yield Trackway's rate beside that of each of `peers`, which are by name the folders that they are in."""
    tracks = (event for event in make_events(2 * _EVENTS) if event["type"] == "track")
    records = [EventRecord(**event) for event in islice(tracks, _EVENTS)]
    ours: dict[str, list[float]] = {"render": [], "delivery": []}
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.jsonl"
        file.write_bytes(b"\n".join(record.body for record in records))
        for _ in range(_ROUNDS):
            ours["render"].append(measure_rendering("mixpanel", records).figure)
            ours["delivery"].append(_deliver())
            for name, where in peers.items():
                theirs[name] += _run(name, where, file)
    for part, figures in ours.items():
        figure = statistics.median(figures)
        if not peers:
            yield Measurement(name=f"{part}_mixpanel", figure=figure, unit="events/s")
        for name, rates in theirs.items():
            reference = statistics.median(rates)
            yield Measurement(
                name=f"{part}_mixpanel, against {name}", figure=figure, unit="events/s", reference=reference
            )


def _deliver() -> float:
    """Return the events a second of one core that are delivered to a sink."""
    command = [sys.executable, "-m", "benchmarks.delivery_rate", "mixpanel", "--json", "--events", str(2 * _EVENTS)]
    made = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    found = {one["name"]: one["figure"] for one in map(json.loads, made.stdout.splitlines())}
    return found["delivery_mixpanel_per_core"]


def _run(name: str, folder: Path, events: Path) -> list[float]:
    typescript = ["--import", "tsx"] if name == "rudderstack" else []
    command = [
        find_program("node"),
        *typescript,
        str(_SCRIPT),
        name,
        str(folder.resolve()),
        str(events),
        str(_PASSES_S),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=300)
    if made.returncode:
        raise SystemExit(f"{name} in {folder} did not run:\n{made.stderr[-2000:]}")
    return json.loads(made.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
