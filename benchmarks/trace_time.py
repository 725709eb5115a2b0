"""How long a trace takes in a large log: by message id through the index, and by user or text through a search.

`python -m benchmarks.trace_time [--json] [--events N]`. Ids are chosen at random over the whole log. The search is for
what nobody has, so it looks at every record; its reference is reading the log without looking.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks._harness import Measurement, make_events, report
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, encode
from trackway.log.sqlite import SqliteLog
from trackway.node.tracing.index import TraceIndex
from trackway.node.tracing.search import search

_DIFFERENT = 100_000
"""Events that are made; more are these with other ids."""
_APPENDED = 4_000
_ASKED = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(list(measure(Path(folder), options.events)), json=options.json)


def measure(folder: Path, events: int) -> Iterator[Measurement]:
    """Yield times by id, then rates of searches, in a clean log of so many `events`."""
    opener = partial(SqliteLog, folder / "log", CLEAN_TOPICS)
    log = opener()
    _fill(log, events)
    index = TraceIndex(folder / "trace-index", log)
    began = time.process_time()
    while index.step(20_000):
        pass
    yield Measurement(name="trace_index_rate_per_core", figure=events / (time.process_time() - began), unit="events/s")
    size = sum(file.stat().st_size for file in (folder / "trace-index").rglob("*"))
    yield Measurement(name="trace_index_size", figure=size / events, unit="bytes/event")
    times_ms = _ask(index, events)
    yield Measurement(name="trace_by_id_p50", figure=statistics.median(times_ms), unit="ms")
    yield Measurement(name="trace_by_id_p99", figure=statistics.quantiles(times_ms, n=100)[98], unit="ms")
    index.close()
    reading = events / _timed(lambda: _read(log, events))
    for name, asked in (("number", {"user": "user-999999999999"}), ("word", {"text": "nowhere to be found"})):
        wanted = {"user": "", "text": "", "source": "", **asked}
        took_s = _timed(lambda: search(opener, **wanted, limit=10, told=lambda *_: None))  # noqa: B023
        yield Measurement(name=f"trace_search_{name}_rate", figure=events / took_s, unit="events/s", reference=reading)
        yield Measurement(name=f"trace_search_{name}", figure=took_s, unit="s")
    log.close()


def _fill(log: SqliteLog, events: int) -> None:
    made = [EventRecord(**one) for one in make_events(min(events, _DIFFERENT))]
    with log.writer(0) as writer:
        for first in range(0, events, _APPENDED):
            batch: list[bytes] = []
            for number in range(first, min(first + _APPENDED, events)):
                one = made[number % len(made)]
                body = one.body.replace(one.message_id.encode(), _id(number).encode())
                batch.append(encode(EventRecord(
                    one.source, one.type, _id(number), one.name, one.user_id, one.anonymous_id, one.received_at_ms,
                    one.timestamp_ms, one.raw, body,
                )))  # fmt: skip
            writer.append({EVENTS: batch})


def _id(number: int) -> str:
    return f"ajs-next-{number:012d}-{number * 2654435761 % 2**32:08x}"


def _ask(index: TraceIndex, events: int) -> list[float]:
    chance = random.Random(1)
    times_ms: list[float] = []
    for _ in range(_ASKED):
        number = chance.randrange(events)
        began = time.perf_counter()
        found = index.find(_id(number))
        times_ms.append((time.perf_counter() - began) * 1000)
        if [one.place.offset for one in found] != [number]:
            raise SystemExit(f"the index does not find {_id(number)}")
    return times_ms


def _read(log: SqliteLog, events: int) -> None:
    if sum(len(part.records) for part in log.read(EVENTS, 0, 0, max_records=events)) != events:
        raise SystemExit("the log does not hold what was written")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
