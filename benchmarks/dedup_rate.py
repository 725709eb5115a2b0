"""Message ids a second through the dedup index, as it grows: look up a batch that is new, then remember it.

`python -m benchmarks.dedup_rate [--json] [--ids N]`. One figure at each size, measured over the last 200,000 ids
up to it, against the figure at the first size: 1 is flat. Ids come at 100,000 a second of the clock that they carry, in
one window, so none expires. Per core counts the processor time of all threads, RocksDB's own among them; memory is what
the process has more than before.
"""

import argparse
import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks._harness import Measurement, report
from benchmarks._load import resident_mb
from trackway.pipeline.message_index import MessageIndex, Seen, key_of

_BATCH = 4000
_ASKED = 250
_KEY_BYTES = len(key_of("", ""))
_MEASURED = 200_000
_AT_WORK = ("num-running-compactions", "mem-table-flush-pending", "num-running-flushes")
_START_MS = 1_790_000_000_000
_SIZES = (1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000, 100_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", type=int, default=10_000_000)
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(measure(Path(folder), options.ids), json=options.json)


def measure(folder: Path, ids: int) -> Iterator[Measurement]:
    """Yield the rate at each size up to `ids`, then the memory that the index took."""
    before = resident_mb(os.getpid())
    index = MessageIndex(folder / "index", keep_s=86_400)
    sizes = [size for size in _SIZES if size <= ids]
    first: float | None = None
    done = 0
    for size in sizes:
        _fill(index, done, size - _MEASURED)
        wall, processor = time.perf_counter(), time.process_time()
        _ask_and_remember(index, size - _MEASURED, size)
        wall_s, processor_s = time.perf_counter() - wall, time.process_time() - processor
        done = size
        first = first or _MEASURED / processor_s
        name = f"dedup_rate_{size // 1_000_000}m"
        yield Measurement(name=name, figure=_MEASURED / wall_s, unit="ids/s")
        yield Measurement(name=f"{name}_per_core", figure=_MEASURED / processor_s, unit="ids/s", reference=first)
        yield Measurement(
            name=f"dedup_memory_{size // 1_000_000}m", figure=resident_mb(os.getpid()) - before, unit="MiB"
        )
    index.close()


def _fill(index: MessageIndex, start: int, end: int) -> None:
    """Remember ids without asking for them, which is not what is measured, and let RocksDB put them in order."""
    chance = random.Random(start)
    for first in range(start, end, _BATCH):
        seen = {
            chance.randbytes(_KEY_BYTES): Seen(_START_MS + number // 100, 0, number)
            for number in range(first, min(first + _BATCH, end))
        }
        index.remember(seen, 0, end)
    quiet = 0
    while quiet < 10:  # between two merges there is nothing at work for a moment
        time.sleep(0.1)
        quiet = 0 if any(index._db.property_int_value(f"rocksdb.{name}") for name in _AT_WORK) else quiet + 1


def _ask_and_remember(index: MessageIndex, start: int, end: int) -> None:
    for first in range(start, end, _BATCH):
        seen: dict[bytes, Seen] = {}
        for part in range(first, min(first + _BATCH, end), _ASKED):
            keys = [key_of("shop", f"ajs-next-{number}") for number in range(part, part + _ASKED)]
            received_ms = [_START_MS + number // 100 for number in range(part, part + _ASKED)]
            if index.look_up(keys, received_ms):
                raise SystemExit("the index knows an id that it was never told")
            for number, (key, at_ms) in enumerate(zip(keys, received_ms, strict=True), part):
                seen[key] = Seen(at_ms, 0, number)
        index.remember(seen, 0, end)


if __name__ == "__main__":
    main()
