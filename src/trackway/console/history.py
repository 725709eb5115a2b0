"""Reading the clean log backwards: the newest records first, page by page, in bounded time.

A `Vector` says for each partition of each topic which offset comes next. It is the cursor of a page ("everything below
is older") as well as the place where a live view stands ("everything below was seen").
"""

import heapq
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from trackway.console.entries import Entry, Filter, open_record, with_body
from trackway.log.contract import EventLog

Vector = dict[tuple[str, int], int]
MAX_SCANNED = 50_000
MAX_SCAN_S = 2.0
_FIRST_CHUNK, _LAST_CHUNK = 128, 2048
_PART = re.compile(r"([a-z]{1,32})\.(\d{1,9})\.(\d{1,18})")


class Page(NamedTuple):
    """Some records and how the search for them went."""

    entries: list[Entry]
    """Newest first."""
    scanned: int
    """Records looked at."""
    exhausted: bool
    """True when there is nothing older to look at."""
    before: Vector
    """Where the next older page begins."""


class _Record(NamedTuple):
    time_ms: int
    topic: str
    partition: int
    offset: int
    record: bytes


def format_vector(vector: Vector) -> str:
    """Write a vector as `events.0.17,quarantine.0.2`."""
    return ",".join(f"{topic}.{partition}.{offset}" for (topic, partition), offset in sorted(vector.items()))


def parse_vector(text: str, topics: Sequence[str]) -> Vector | None:
    """Read what `format_vector` wrote; None when it is anything else."""
    vector: Vector = {}
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None or found[1] not in topics:
            return None
        vector[found[1], int(found[2])] = int(found[3])
    return vector


def heads(log: EventLog) -> Vector:
    """Return the vector after the last record of every topic."""
    return {(topic, partition): head for topic in log.topics for partition, head in log.heads(topic).items()}


def read_page(
    log: EventLog,
    wanted: Filter,
    *,
    before: Vector,
    limit: int,
    floor: Mapping[tuple[str, int], int] | None = None,
    bodies: bool = True,
    max_scanned: int = MAX_SCANNED,
) -> Page:
    """Return the newest `limit` wanted records below `before`, and not below `floor`.

    The search ends after `max_scanned` records or 2 seconds; `before` of the page goes on from there.
    """
    deadline = time.monotonic() + MAX_SCAN_S
    older = dict(before)
    entries: list[Entry] = []
    scanned = 0
    may_match = {topic: wanted.sieve(topic) for topic in wanted.topics}
    for item in _newest_first(log, wanted.topics, before, floor or {}):
        if len(entries) >= limit or scanned >= max_scanned or time.monotonic() > deadline:
            return Page(entries, scanned, False, older)
        scanned += 1
        older[item.topic, item.partition] = item.offset
        if not may_match[item.topic](item.record):
            continue
        found = open_record(item.topic, item.partition, item.offset, item.record)
        if wanted.matches(found):
            entries.append(with_body(found.entry, found.body) if bodies else found.entry)
    return Page(entries, scanned, True, older)


def _newest_first(
    log: EventLog, topics: Sequence[str], before: Vector, floor: Mapping[tuple[str, int], int]
) -> Iterator[_Record]:
    starts = {(topic, partition): start for topic in topics for partition, start in log.starts(topic).items()}
    backwards = [
        _backwards(log, topic, partition, end, max(starts.get((topic, partition), 0), floor.get((topic, partition), 0)))
        for (topic, partition), end in before.items()
        if topic in topics
    ]
    return heapq.merge(*backwards, key=lambda item: item.time_ms, reverse=True)


def _backwards(log: EventLog, topic: str, partition: int, end: int, floor: int) -> Iterator[_Record]:
    size = _FIRST_CHUNK
    while end > floor:
        first = max(floor, end - size)
        chunk = [
            _Record(got.time_ms, topic, partition, got.first + i, record)
            for got in log.read(topic, partition, first, max_records=end - first)
            for i, record in enumerate(got.records)
        ]
        if not chunk:
            return  # retention was faster
        yield from reversed(chunk)
        end, size = first, min(size * 2, _LAST_CHUNK)
