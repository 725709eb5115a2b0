"""Message ids a second through the dedup index, as it grows: look up what is new, then remember it.

`python -m benchmarks.dedup_rate [--json] [--ids N]`. One figure for each stretch of ids up to a size, with the merging
of files that came to pass meanwhile: the processor time of all threads, the index's own among them, but for making the
ids. The reference, taken 250 times a million ids, reads and writes JSON, so that the ratio does not follow the
machine when it becomes faster or slower; `flat` is that ratio against the first stretch's: 1 is flat, less is slower.
Ids come at 100,000 a second of the clock that they carry, in one window, so none expires; memory is what the process
has more than before.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import msgspec

from benchmarks._harness import Measurement, make_events, report
from benchmarks._load import resident_mb
from trackway.pipeline.message_index import MessageIndex, Seen

_BATCH = 4000
_ASKED = 250
_REFERENCE_BODIES = 100
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
    """Yield the rate of each stretch up to `ids`, and the memory that the index has then."""
    before = resident_mb(os.getpid())
    index = MessageIndex(folder / "index", keep_s=86_400)
    reference = Reference()
    first: float | None = None
    done = 0
    for size in (size for size in _SIZES if size <= ids):
        spent_s, reference_rate = _grow(index, done, size, reference)
        rate = (size - done) / spent_s
        first = first or rate / reference_rate
        done = size
        name = f"dedup_{size // 1_000_000}m"
        yield Measurement(name=f"{name}_per_core", figure=rate, unit="ids/s", reference=reference_rate)
        yield Measurement(name=f"{name}_flat", figure=rate / reference_rate / first, unit="of the first")
        yield Measurement(name=f"{name}_memory", figure=resident_mb(os.getpid()) - before, unit="MiB")
    index.close()


class Reference:
    """Work of another kind, by which the speed of the machine is told."""

    def __init__(self) -> None:
        self._bodies = [event["body"] for event in make_events(_REFERENCE_BODIES)]

    def event_s(self) -> float:
        """Return how long reading and writing an event's JSON takes now."""
        began = time.thread_time()
        for body in self._bodies:
            msgspec.json.encode(msgspec.json.decode(body))
        return (time.thread_time() - began) / len(self._bodies)


def _grow(index: MessageIndex, start: int, end: int, reference: Reference) -> tuple[float, float]:
    """Take the index from `start` ids to `end`; return its processor seconds, and the rate of the reference."""
    began, besides_s = time.process_time(), 0.0
    events_s: list[float] = []
    for first in range(start, end, _BATCH):
        paused = time.thread_time()
        events_s.append(reference.event_s())
        parts = [range(part, min(part + _ASKED, end)) for part in range(first, min(first + _BATCH, end), _ASKED)]
        asked = [
            ([b"ajs-next-%d" % one for one in part], [_START_MS + one // 100 for one in part], part) for part in parts
        ]
        besides_s += time.thread_time() - paused
        seen: dict[bytes, Seen] = {}
        for ids, received_ms, part in asked:
            keys = index.keys_of(["shop"] * len(ids), ids)
            if index.look_up(keys, received_ms):
                raise SystemExit("the index knows an id that it was never told")
            seen.update(zip(keys, map(Seen, received_ms, repeat(0), part), strict=True))
        index.remember(seen, 0, end)
    return time.process_time() - began - besides_s, 1 / statistics.mean(events_s)


if __name__ == "__main__":
    main()
