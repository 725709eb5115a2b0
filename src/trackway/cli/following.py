"""The clean log as a stream of entries: the newest ones, and then each one within milliseconds of its commit."""

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from trackway.console.entries import Entry, Filter, open_record, with_body
from trackway.console.history import Vector, heads, read_page
from trackway.events.records import CLEAN_TOPICS
from trackway.log.contract import LogReader, Slice
from trackway.log.sqlite import SqliteLog
from trackway.node.flag import Flag

__all__ = ["Filter", "follow_log", "newest"]
_POLL_S = 30.0
_WAITING_SLICES = 64
_END_S = 5.0
_SEARCH_S = 10.0
_LOOK_UP_S = 0.25
_Found = tuple[str, Slice] | Exception


def newest(folder: Path, wanted: Filter, count: int, asked: Flag) -> tuple[list[Entry], Vector]:
    """Return the newest `count` wanted entries, oldest first, and the place after the last record of the log.

    There are fewer when the log has no more, when looking further back would take more than 10 seconds, or when it was
    `asked` to end.
    """
    deadline = time.monotonic() + _SEARCH_S
    with contextlib.closing(SqliteLog(folder, CLEAN_TOPICS)) as log:
        end = before = heads(log)
        entries: list[Entry] = []
        while len(entries) < count and time.monotonic() < deadline and not asked.is_set():
            page = read_page(log, wanted, before=before, limit=count - len(entries))
            entries += page.entries
            before = page.before
            if page.exhausted:
                break
        return entries[::-1], end


def follow_log(folder: Path, wanted: Filter, start: Vector, asked: Flag) -> Iterator[Entry]:
    """Yield wanted entries from `start` on, until `asked` to end; partitions that come later are followed as well.

    Raises:
        LogCorrupt: a block was altered on disk.
    """
    found: queue.Queue[_Found] = queue.Queue(_WAITING_SLICES)
    stopping = threading.Event()
    with contextlib.closing(SqliteLog(folder, CLEAN_TOPICS)) as log, contextlib.ExitStack() as stack:
        for topic in wanted.topics:
            reader = log.reader(topic, start={part: offset for (name, part), offset in start.items() if name == topic})
            thread = threading.Thread(target=_read, args=(reader, found, stopping), name=f"tail-{topic}", daemon=True)
            thread.start()
            stack.callback(_end, reader, thread, stopping)
        while not asked.is_set():
            try:
                got = found.get(timeout=_LOOK_UP_S)
            except queue.Empty:
                continue
            if isinstance(got, Exception):
                raise got
            for entry in _entries(*got, wanted):
                if asked.is_set():
                    return
                yield entry


def _entries(topic: str, part: Slice, wanted: Filter) -> Iterator[Entry]:
    for offset, record in enumerate(part.records, part.first):
        opened = open_record(topic, part.partition, offset, record)
        if wanted.matches(opened):
            yield with_body(opened.entry, opened.body)


def _read(reader: LogReader, found: "queue.Queue[_Found]", stopping: threading.Event) -> None:
    with reader:
        while not stopping.is_set():
            try:
                slices = reader.poll(max_records=500, timeout_s=_POLL_S)
            except Exception as error:  # noqa: BLE001 - handed to the thread that shows entries
                _offer(found, error, stopping)
                return
            for part in slices:
                _offer(found, (reader.topic, part), stopping)


def _end(reader: LogReader, thread: threading.Thread, stopping: threading.Event) -> None:
    stopping.set()
    reader.wake()
    thread.join(_END_S)


def _offer(found: "queue.Queue[_Found]", item: _Found, stopping: threading.Event) -> None:
    """Put `item` into the queue unless nobody will take it any more."""
    while not stopping.is_set():
        with contextlib.suppress(queue.Full):
            found.put(item, timeout=0.2)
            return
