"""Look through a log for blocks that are torn, missing or altered."""

import sqlite3
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from trackway.log import segment
from trackway.log.block import Unpacker
from trackway.log.contract import LogCorrupt, LogError
from trackway.log.layout import Layout

Consumers = Mapping[str, Mapping[str, Mapping[int, int]]]
"""By topic and consumer, the next offset to read of each partition."""


class Fault(NamedTuple):
    """Something wrong in a log."""

    segment: Path
    topic: str
    """`""` when the whole segment cannot be read."""
    offset: int
    kind: str
    """`unreadable`, `altered`, `missing` or `overlapping`."""
    detail: str


class Checked(NamedTuple):
    """One segment that was looked through."""

    segment: Path
    blocks: int
    records: int
    faults: list[Fault]
    lost: int = 0
    """Records that an earlier repair wrote off."""


def verify(layout: Layout, consumers: Consumers) -> Iterator[Checked]:
    """Yield every segment of the log, oldest first in each partition, with what is wrong in it.

    Each block's bytes are held against its checksum, its records are counted, and the offsets must follow each other
    without a hole from the first segment that is kept to the last. That the log was cut off at either end shows where a
    consumer stands outside of it. A log may be looked through while it is written.
    """
    for partition in layout.partitions():
        folder = layout.partition(partition)
        paths = [folder / segment.name_of(number) for number in segment.list_segments(folder)]
        expected: dict[str, int] = {}
        for path, following in zip_longest(paths, paths[1:]):
            checked = _check_segment(path, following, expected)
            if checked is None:
                continue
            if path == paths[0]:
                _check_beginning(checked, consumers, partition)
            if following is None:
                _check_end(checked, consumers, partition, expected)
            yield checked


def _check_segment(path: Path, following: Path | None, expected: dict[str, int]) -> Checked | None:
    """Look through one segment; `expected` is the next offset by topic, and is moved on."""
    ends, given_up = _beginning_of(following)
    checked = Checked(path, 0, 0, [])
    try:
        with segment.reading(path) as db:
            for problem in db.execute("PRAGMA quick_check(10)").fetchall():
                if problem[0] != "ok":
                    checked.faults.append(Fault(path, "", 0, "unreadable", problem[0]))
            for topic, first in segment.firsts_of(db).items():
                _check_start(checked, topic, first, expected)
                checked = _check_topic(db, checked, topic, expected, ends.get(topic))
                if not given_up and topic in ends:
                    _check_overlap(db, checked, topic, ends[topic])
    except FileNotFoundError:
        return None  # retention was faster
    except LogError as error:
        checked.faults.append(Fault(path, "", 0, "unreadable", str(error)))
        expected.clear()  # where it should have ended is said by the next one alone
        expected.update(ends)
    return checked


def _beginning_of(path: Path | None) -> tuple[dict[str, int], bool]:
    """Return where a segment begins, and whether the one before it was given up for a fault."""
    if path is not None:
        try:
            with segment.reading(path) as db:
                return segment.firsts_of(db), segment.after_fault_of(db) is not None
        except (FileNotFoundError, LogError):
            pass  # it is reported when its turn comes
    return {}, False


def _check_start(checked: Checked, topic: str, first: int, expected: dict[str, int]) -> None:
    before = expected.setdefault(topic, first)
    if first != before:
        kind = "missing" if first > before else "overlapping"
        detail = f"the segment begins at {first}, the one before it ends at {before}"
        checked.faults.append(Fault(checked.segment, topic, min(first, before), kind, detail))
        expected[topic] = first


def _check_topic(
    db: sqlite3.Connection, checked: Checked, topic: str, expected: dict[str, int], end: int | None
) -> Checked:
    path, blocks, records, faults, lost = checked
    unpacker = Unpacker()
    written_off = segment.lost_of(db, topic)
    for block in segment.read_blocks(db, topic, 0, end):
        offset = expected[topic]
        if (offset, block.first) not in written_off and block.first != offset:
            kind = "missing" if block.first > offset else "overlapping"
            faults.append(Fault(path, topic, offset, kind, f"expected offset {offset}, found {block.first}"))
        try:
            unpacker.unpack(block, 0, start=block.first, limit=block.length, place=path.name)
        except LogCorrupt as error:
            faults.append(Fault(path, topic, block.first, "altered", str(error)))
        blocks, records = blocks + 1, records + block.length
        expected[topic] = block.first + block.length
    offset = expected[topic]
    end = segment.next_of(db, topic) if end is None else end
    if (offset, end) not in written_off and offset < end:
        faults.append(Fault(path, topic, offset, "missing", f"it ends at offset {offset}, the next begins at {end}"))
    expected[topic] = max(offset, end)
    return Checked(path, blocks, records, faults, lost + sum(after - first for first, after in written_off))


def _check_overlap(db: sqlite3.Connection, checked: Checked, topic: str, end: int) -> None:
    reached = segment.next_of(db, topic)
    if reached > end:
        detail = f"it reaches to offset {reached}, but the next segment begins at {end}"
        checked.faults.append(Fault(checked.segment, topic, end, "overlapping", detail))


def _check_beginning(checked: Checked, consumers: Consumers, partition: int) -> None:
    first, _ = _beginning_of(checked.segment)
    for topic, start in first.items():
        for name, read in consumers.get(topic, {}).items():
            if read.get(partition, start) < start:
                detail = f"{name} has read up to offset {read[partition]}, but the log begins at {start}"
                checked.faults.append(Fault(checked.segment, topic, read[partition], "missing", detail))


def _check_end(checked: Checked, consumers: Consumers, partition: int, expected: Mapping[str, int]) -> None:
    for topic, end in expected.items():
        for name, read in consumers.get(topic, {}).items():
            if read.get(partition, 0) > end:
                detail = f"{name} has read up to offset {read[partition]}, but the log ends at {end}"
                checked.faults.append(Fault(checked.segment, topic, end, "missing", detail))
