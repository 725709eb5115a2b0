"""Look through a log for blocks that are torn, missing or altered."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from trackway.log import segment
from trackway.log.contract import LogCorrupt
from trackway.log.layout import Layout


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


def verify(layout: Layout) -> Iterator[Checked]:
    """Yield every segment of the log, oldest first in each partition, with what is wrong in it.

    Each block's bytes are held against its checksum, its records are counted, and the offsets must follow each other
    without a hole from the first segment that is kept to the last. A log may be looked through while it is written.
    """
    for partition in layout.partitions():
        folder = layout.partition(partition)
        expected: dict[str, int] = {}
        for number in segment.list_segments(folder):
            checked = _check_segment(folder / segment.name_of(number), expected)
            if checked is not None:
                yield checked


def _check_segment(path: Path, expected: dict[str, int]) -> Checked | None:
    """Look through one segment; `expected` is the next offset by topic, and is moved on."""
    checked = Checked(path, 0, 0, [])
    try:
        with closing(segment.open_for_reading(path)) as db:
            if not segment.is_complete(db):
                return None  # it is being created; a crash at that point is repaired by the next writer
            for problem in db.execute("PRAGMA quick_check(10)").fetchall():
                if problem[0] != "ok":
                    checked.faults.append(Fault(path, "", 0, "unreadable", problem[0]))
            for topic, first in segment.firsts_of(db).items():
                _check_start(checked, topic, first, expected)
                checked = _check_topic(db, checked, topic, expected)
    except FileNotFoundError:
        return None  # retention was faster
    except sqlite3.DatabaseError as error:
        checked.faults.append(Fault(path, "", 0, "unreadable", str(error)))
        expected.clear()  # where it should have ended is not known
    return checked


def _check_start(checked: Checked, topic: str, first: int, expected: dict[str, int]) -> None:
    before = expected.setdefault(topic, first)
    if first != before:
        kind = "missing" if first > before else "overlapping"
        detail = f"the segment begins at {first}, the one before it ends at {before}"
        checked.faults.append(Fault(checked.segment, topic, min(first, before), kind, detail))
        expected[topic] = first


def _check_topic(db: sqlite3.Connection, checked: Checked, topic: str, expected: dict[str, int]) -> Checked:
    path, blocks, records, faults = checked
    unpacker = segment.Unpacker()
    for block in segment.read_blocks(db, topic, 0):
        offset = expected[topic]
        if block.first != offset:
            kind = "missing" if block.first > offset else "overlapping"
            faults.append(Fault(path, topic, offset, kind, f"expected offset {offset}, found {block.first}"))
        try:
            found = unpacker.unpack(block, 0, start=block.first, limit=block.length, place=path.name)
            if len(found.records) != block.length:
                detail = f"{len(found.records)} records where {block.length} should be"
                faults.append(Fault(path, topic, block.first, "altered", detail))
        except LogCorrupt as error:
            faults.append(Fault(path, topic, block.first, "altered", str(error)))
        blocks, records = blocks + 1, records + block.length
        expected[topic] = block.first + block.length
    return Checked(path, blocks, records, faults)
