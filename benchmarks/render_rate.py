"""Events a second that one core makes into a destination's requests, and what decoding and encoding them alone takes.

`python -m benchmarks.render_rate [TYPE …] [--json] [--events N]`; default: all of the catalogue. Nothing is sent. The
settings are those of the type's first case; requests are filled as full as the destination's limits allow. The
reference only reads each event's JSON and writes it again.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import msgspec

from benchmarks._harness import Measurement, make_events, median_of, report
from trackway.destinations import kit, registry
from trackway.events.records import EventRecord
from trackway.testing.destinations import cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("types", nargs="*")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    records = [EventRecord(**event) for event in make_events(options.events)]
    report([measure(kind, records) for kind in options.types or registry.known()], json=options.json)


def measure(kind: str, records: Sequence[EventRecord]) -> Measurement:
    """Return the rate of `kind` over `records`."""
    destination = registry.load(kind, next(iter(cases(kind).values())).settings, where="settings")
    _timed(lambda: _render(destination, records[:2000]))
    return Measurement(
        name=f"render_{kind}",
        figure=len(records) / median_of(3, lambda: _timed(lambda: _render(destination, records))),
        unit="events/s",
        reference=len(records) / median_of(3, lambda: _timed(lambda: _copy(records))),
    )


def _timed(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _render(destination: registry.Destination, records: Sequence[EventRecord]) -> None:
    routes: dict[str, list[kit.Row]] = {}
    for record in records:
        rows = destination.rows(kit.Event(record, destination.name))
        if isinstance(rows, kit.Skipped | kit.Rejected):
            continue
        for row in rows:
            waiting = routes.setdefault(row.route, [])
            waiting.append(row)
            if len(waiting) >= destination.limits.events:
                _request(destination, waiting)
                waiting.clear()
    for waiting in routes.values():
        if waiting:
            _request(destination, waiting)


def _request(destination: registry.Destination, rows: Sequence[kit.Row]) -> None:
    next(destination.exchange(rows)).content()


def _copy(records: Sequence[EventRecord]) -> None:
    for record in records:
        msgspec.json.encode(msgspec.json.decode(record.body))


if __name__ == "__main__":
    main()
