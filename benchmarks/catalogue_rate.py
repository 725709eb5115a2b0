"""Events a second of processor time into the catalogue, beside decoding the same events alone.

`python -m benchmarks.catalogue_rate [--json] [--events N]`. One thread, batches of 5,000 as the server reads them, each
committed to a database on disk. `catalogue_rate` is a shop's twelve events; `catalogue_rate_crowded` has more names and
properties than the catalogue lists, so that most are only counted.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks._harness import Measurement, make_events, report
from trackway.catalogue.store import Catalogue
from trackway.events.records import EventRecord, Place, decode_event, encode
from trackway.state import open_state

_BATCH = 5_000
_decode_body = msgspec.json.Decoder().decode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(measure(Path(folder), options.events), json=options.json)


def measure(folder: Path, count: int) -> list[Measurement]:
    """Return both rates, each against decoding the records and their bodies."""
    kinds = {"catalogue_rate": _shop(count), "catalogue_rate_crowded": _crowd(count)}
    return [
        Measurement(name=name, figure=_enter(folder / name, records), unit="events/s", reference=_decode(records))
        for name, records in kinds.items()
    ]


def _enter(place: Path, records: Sequence[bytes]) -> float:
    engine = open_state(place)
    catalogue = Catalogue(engine)
    start = time.process_time()
    for first in range(0, len(records), _BATCH):
        batch = records[first : first + _BATCH]
        events = ((decode_event(record), Place(0, offset)) for offset, record in enumerate(batch, first))
        catalogue.take(events, {0: first + len(batch)})
    took_s = time.process_time() - start
    engine.dispose()
    return len(records) / took_s


def _decode(records: Sequence[bytes]) -> float:
    start = time.process_time()
    for record in records:
        _decode_body(decode_event(record).body)
    return len(records) / (time.process_time() - start)


def _shop(count: int) -> list[bytes]:
    return [encode(EventRecord(**event)) for event in make_events(count)]


def _crowd(count: int) -> list[bytes]:
    """Return events of five thousand names, with properties of fifty thousand."""
    records: list[bytes] = []
    for number in range(count):
        properties = {f"property {(number * 7 + key) % 50_000}": "value" for key in range(10)}
        body = msgspec.json.encode({"type": "track", "properties": properties})
        name = f"Thing {chr(97 + number % 26)}{number % 5_000} Done"
        records.append(
            encode(EventRecord("shop", "track", f"m{number}", name, "u", None, 1, 1, Place(0, number), body))
        )
    return records


if __name__ == "__main__":
    main()
