"""Message ids a second through the dedup index, as it grows: look up what is new, then remember it.

`python -m benchmarks.dedup_rate [--json] [--ids N]`. One figure for each stretch of ids up to a size, with the merging
of files that came to pass meanwhile: the processor time of all threads, the index's own among them, but for making the
ids. The reference, taken 250 times a million ids, reads and writes JSON, so that the ratio does not follow the
machine when it becomes faster or slower. `flat` is against the first million: the ratio in the stretch to that in new
indexes, one of which is filled and closed before each part of the stretch, since the machine is not the same a second
later. 1 is flat, less is slower. Memory that each is about to take is touched before, unmeasured: the host of a virtual
machine may give it at the first touch only, and that took ten times as long as writing a page.
Ids come at 100,000 a second of the clock that they carry, in one window, so none expires; memory is what the process
has more than before.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from itertools import pairwise, repeat
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks._harness import Measurement, make_events, report
from benchmarks._load import resident_mb
from trackway.pipeline.message_index import MessageIndex, Seen

_BATCH = 4000
_ASKED = 250
_PART = 1_000_000
_TOUCHED = bytes(1 << 20)
_TOUCHED_TIMES = 128
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
    done = 0
    for size in (size for size in _SIZES if size <= ids):
        firsts: list[Spent] = []
        parts: list[Spent] = []
        for start, end in pairwise(_cut(done, size)):
            firsts.append(_first_million(folder / "new", reference))
            parts.append(_grow(index, start, end, reference))
        done = size
        whole = Spent.of(parts)
        name = f"dedup_{size // 1_000_000}m"
        yield Measurement(
            name=f"{name}_per_core", figure=1 / whole.id_s, unit="ids/s", reference=1 / whole.reference_event_s
        )
        yield Measurement(name=f"{name}_flat", figure=Spent.of(firsts).share / whole.share, unit="of the first")
        yield Measurement(name=f"{name}_memory", figure=resident_mb(os.getpid()) - before, unit="MiB")
    index.close()


def _cut(start: int, end: int) -> list[int]:
    """Return where a stretch is cut into parts of so many ids at the most, of whole batches."""
    parts = -(-(end - start) // _PART)
    return [start + (end - start) * part // parts // _BATCH * _BATCH for part in range(parts)] + [end]


class Spent(NamedTuple):
    """Processor time, in seconds."""

    id_s: float
    """For an id."""
    reference_event_s: float
    """For an event of the reference meanwhile."""
    ids: int

    @property
    def share(self) -> float:
        """What an id takes, in events of the reference."""
        return self.id_s / self.reference_event_s

    @classmethod
    def of(cls, parts: Sequence["Spent"]) -> "Spent":
        """Return what was spent on all parts, in the mean."""
        ids = sum(part.ids for part in parts)
        id_s = sum(part.id_s * part.ids for part in parts) / ids
        return cls(id_s, sum(part.reference_event_s * part.ids for part in parts) / ids, ids)


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


def _first_million(folder: Path, reference: Reference) -> Spent:
    index = MessageIndex(folder, keep_s=86_400)
    spent = _grow(index, 0, _PART, reference)
    began = time.process_time()
    index.close()
    shutil.rmtree(folder)
    return spent._replace(id_s=spent.id_s + (time.process_time() - began) / _PART)


def _grow(index: MessageIndex, start: int, end: int, reference: Reference) -> Spent:
    """Take the index from `start` ids to `end`, until its threads have nothing left to do."""
    _touch_memory()
    began, besides_s = time.process_time(), 0.0
    events_s: list[float] = []
    for first in range(start, end, _BATCH):
        paused = time.thread_time()
        events_s.append(reference.event_s())
        parts = [range(part, min(part + _ASKED, end)) for part in range(first, min(first + _BATCH, end), _ASKED)]
        asked = [
            ([b"ajs-next-%09d" % one for one in part], [_START_MS + one // 100 for one in part], part) for part in parts
        ]
        besides_s += time.thread_time() - paused
        seen: dict[bytes, Seen] = {}
        for ids, received_ms, part in asked:
            keys = index.keys_of(["shop"] * len(ids), ids)
            if index.look_up(keys, received_ms):
                raise SystemExit("the index knows an id that it was never told")
            seen.update(zip(keys, map(Seen, received_ms, repeat(0), part), strict=True))
        index.remember(seen, 0, end)
    if index._leaving is not None:
        wait([index._leaving.files])
    if index._merging is not None:
        wait([index._merging.merged])
    spent_s = time.process_time() - began - besides_s
    return Spent(spent_s / (end - start), statistics.mean(events_s), end - start)


def _touch_memory() -> None:
    """Have the machine's own memory behind the next pages of files: they will be those of the file deleted here."""
    with tempfile.TemporaryFile() as file:
        for _ in range(_TOUCHED_TIMES):
            file.write(_TOUCHED)


if __name__ == "__main__":
    main()
