"""Write off what a damaged log cannot give any more, so that its readers can go on.

A damaged segment is written anew, with every block that is sound. The ranges that are missing are noted in it: readers
pass over them, and show it by the next offset they return. The damaged file stays beside it, as `….segment.damaged`,
for whoever wants to try more; delete it by hand. Nobody does this by himself: records that were acknowledged and are
gone are for an operator to know of.
"""

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from trackway.log import segment, storage
from trackway.log.block import BLOCK_RECORDS, Block, Unpacker
from trackway.log.contract import LogCorrupt, LogError, LogUnavailable
from trackway.log.layout import Layout, now_ms
from trackway.log.lock import take_lock
from trackway.log.verify import Consumers

_SUFFIX = ".damaged"


class Lost(NamedTuple):
    """Neighbouring records that nobody will find again."""

    topic: str
    first: int
    next: int
    """The offset after the last one."""


class Repaired(NamedTuple):
    """One segment that was damaged."""

    partition: int
    segment: Path
    damaged: Path
    """Where the file is kept as it was found."""
    lost: list[Lost]


class _Content(NamedTuple):
    """What can be read of a segment."""

    firsts: dict[str, int]
    marks: dict[str, bytes]
    begun_ms: int
    after_fault: str | None
    blocks: dict[str, dict[int, Block]]
    """By topic and offset, the sound ones."""
    reach: dict[str, int]
    """By topic, the offset after the last block that was seen, sound or not."""
    written_off: list[Lost]
    whole: bool
    """Whether nothing was seen that cannot be read."""


def repair(layout: Layout, consumers: Consumers, *, write: bool = True) -> Iterator[Repaired]:
    """Yield every segment that is damaged, with what is lost of it; repaired when yielded, unless `write` is False.

    Where the last segment of a partition should have ended is not known: it is taken to end behind what was found in
    it and behind what consumers have read, so that no offset is given out twice.

    Raises:
        LogBusy: the partition is being written; stop its writer first.
        LogUnavailable: the repaired file cannot be written. The damaged one is untouched.
    """
    for partition in layout.partitions():
        lock = take_lock(layout.partition(partition)) if write else None
        try:
            yield from _repair_partition(layout, partition, consumers, write=write)
        finally:
            if lock is not None:
                os.close(lock)


def _repair_partition(layout: Layout, partition: int, consumers: Consumers, *, write: bool) -> Iterator[Repaired]:
    folder = layout.partition(partition)
    paths = [folder / segment.name_of(number) for number in segment.list_segments(folder)]
    positions = {
        topic: [read[partition] for read in consumers.get(topic, {}).values() if partition in read]
        for topic in layout.topics
    }
    starts: dict[str, int] = {}
    marks: dict[str, bytes] = {}
    for path, following in itertools.zip_longest(paths, paths[1:]):
        content = _read(path, layout.topics)
        beginning = _begin(content, starts, _firsts(following), positions)
        ends = _firsts(following) or _end(content, beginning, positions, last=following is None)
        lost = [
            gap for topic, first in beginning.items() for gap in _gaps(content, topic, first, ends.get(topic, first))
        ]
        fresh = [gap for gap in lost if gap not in content.written_off]
        if fresh or not content.whole:
            repaired = content._replace(firsts=beginning, marks=content.marks or marks, written_off=lost)
            damaged = path.with_name(path.name + _SUFFIX)
            if write:
                _write(path, damaged, repaired)
            yield Repaired(partition, path, damaged, fresh)
        starts, marks = ends, content.marks or marks


def _begin(
    content: _Content, starts: Mapping[str, int], ends: Mapping[str, int], positions: Mapping[str, list[int]]
) -> dict[str, int]:
    """Return where a segment begins: by what it says, else where the one before it ends, else where it is needed."""
    if content.firsts:
        return content.firsts
    needed = {topic: [*read, *([ends[topic]] if topic in ends else [])] for topic, read in positions.items()}
    return {topic: starts[topic] if topic in starts else min(needed[topic], default=0) for topic in needed}


def _end(
    content: _Content, beginning: Mapping[str, int], positions: Mapping[str, list[int]], *, last: bool
) -> dict[str, int]:
    """Return where a segment ends that no readable one follows."""
    ends: dict[str, int] = {}
    for topic, first in beginning.items():
        known = [gap.next for gap in content.written_off if gap.topic == topic]
        ends[topic] = max([first, content.reach.get(topic, 0), *known, *(positions.get(topic, []) if last else [])])
    return ends


def _gaps(content: _Content, topic: str, first: int, end: int) -> Iterator[Lost]:
    for start, block in sorted(content.blocks.get(topic, {}).items()):
        if first < start < end:
            yield Lost(topic, first, start)
        first = max(first, start + block.length)
    if first < end:
        yield Lost(topic, first, end)


def _firsts(path: Path | None) -> dict[str, int]:
    if path is None:
        return {}
    try:
        with segment.reading(path) as db:
            return segment.firsts_of(db)
    except (FileNotFoundError, LogError):
        return {}


def _read(path: Path, topics: tuple[str, ...]) -> _Content:
    """Return what can be read of a segment, also from what an interrupted repair has put aside."""
    content = _Content({}, {}, now_ms(), None, {topic: {} for topic in topics}, {}, [], True)
    for one in (path, path.with_name(path.name + _SUFFIX)):
        if one.exists() and (one == path or not content.whole):
            content = _add(content, one, topics)
    return content


def _add(content: _Content, path: Path, topics: tuple[str, ...]) -> _Content:
    try:
        with segment.reading(path) as db:
            whole = db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok" and content.whole
            content = content._replace(
                firsts=content.firsts or segment.firsts_of(db),
                begun_ms=segment.created_ms(db),
                after_fault=segment.after_fault_of(db),
                written_off=[Lost(topic, *gap) for topic in topics for gap in segment.lost_of(db, topic)],
            )
            with contextlib.suppress(sqlite3.Error):
                content = content._replace(marks=segment.marks_of(db))
            for topic in topics:
                whole &= _gather(db, topic, content)
            return content._replace(whole=whole)
    except LogError:
        return content._replace(whole=False)


def _gather(db: sqlite3.Connection, topic: str, content: _Content) -> bool:
    """Add the sound blocks of a topic to `content`: from both ends, as far as the file can be read.

    Return whether all of them could be.
    """
    unpacker = Unpacker()
    for order in ("ASC", "DESC"):
        whole = True
        try:
            for row in db.execute(
                f"SELECT first, count, time_ms, codec, crc, payload FROM block_{topic} ORDER BY first {order}"  # noqa: S608
            ):
                block = Block._make(row)
                if 0 < block.length <= BLOCK_RECORDS:
                    content.reach[topic] = max(content.reach.get(topic, 0), block.first + block.length)
                try:
                    unpacker.unpack(block, 0, start=block.first, limit=block.length, place="")
                    content.blocks[topic][block.first] = block
                except LogCorrupt:
                    whole = False
        except sqlite3.Error:
            whole = False
            continue  # what lies behind is read from the other end
        return whole
    return False


def _write(path: Path, damaged: Path, content: _Content) -> None:
    def fill(db: sqlite3.Connection) -> None:
        segment.create(db, content.firsts, content.marks, content.begun_ms, after_fault=content.after_fault)
        segment.put_lost(db, content.written_off)
        for topic in content.firsts:
            segment.put_blocks(db, topic, (block for _, block in sorted(content.blocks.get(topic, {}).items())))

    try:
        # Put aside by a second name, as a repair that is cut short must leave all that there was.
        for old, new in zip(segment.files_of(path)[:2], segment.files_of(damaged)[:2], strict=True):
            if old.exists() and not new.exists():
                os.link(old, new)
        storage.sync_folder(path.parent)
        segment.make(path, fill)
        storage.sync_folder(path.parent)
    except (sqlite3.Error, OSError) as error:
        raise LogUnavailable(f"{path} cannot be repaired: {storage.explain(error)}") from error
