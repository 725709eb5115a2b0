"""The memory of message ids: which ones came before, and where the first one stands in `events`.

The newest ids are in memory. Some hundred thousand of them at a time become a run in a file, and runs of like size are
merged, both in threads of their own. The events log is the truth: the index remembers up to which offset of it the
files hold every id, and what a crash takes from memory is read again from there at the next start.

Ids lie in buckets of the time of receipt as long as the longest window, so that what is older than any window goes by
deleting files; an id is looked for in the two buckets that a window can reach.
"""

import hashlib
import threading
from bisect import bisect_left
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, cast

from xxhash import xxh3_128_digest

from trackway.events.memo import Memo
from trackway.events.records import EVENTS, decode_event
from trackway.log.contract import EventLog, LogUnavailable
from trackway.pipeline.id_bucket import Bucket
from trackway.pipeline.id_folder import IdFolder
from trackway.pipeline.id_runs import FileRun, Ids, MemoryRun, Seen, write

__all__ = ["MessageIndex", "Seen"]

_REACH = 2
"""Buckets that a window can touch: it is as long as one, and begins anywhere in one."""
_SHORTEST_BUCKET_MS = 3_600_000
_IN_MEMORY = 1 << 18
"""Ids in memory from which on they go into files, of a small index; of a larger one, a quarter of what files hold."""
_IN_MEMORY_AT_MOST = 4 * _IN_MEMORY
"""From which on they go there in any case, and `remember` waits for the disk if it is behind. After a crash as many,
and those that were on the way, are read from the log again."""


class _Leaving(NamedTuple):
    """Ids on their way into files."""

    known: dict[int, int]
    """By partition: up to which offset they, and the files before them, hold every id."""
    files: Future[dict[int, FileRun]]


class _Merging(NamedTuple):
    """Files on their way into one."""

    bucket: int
    files: list[FileRun]
    merged: Future[FileRun | None]
    stop: threading.Event


class MessageIndex:
    """Message ids by source. One process owns the folder; one thread calls this."""

    def __init__(self, folder: Path, *, keep_s: float) -> None:
        """Open the index in `folder`, making it if need be; ids are kept for at least `keep_s` seconds.

        Raises:
            TrackwayError: the folder is in use or damaged. Deleting it is safe: it is rebuilt from the log.
        """
        self._bucket_ms = max(_SHORTEST_BUCKET_MS, int(keep_s * 1000) + 1)
        self._folder = IdFolder(folder, bucket_ms=self._bucket_ms)
        self._seed = self._folder.seed
        self._known = dict(self._folder.known)
        self._buckets = {bucket: Bucket(runs) for bucket, runs in sorted(self._folder.runs.items())}
        self._newest = max(self._buckets, default=0)
        self._in_memory = 0
        self._leaves_at = self._leave_at()
        self._threads = ThreadPoolExecutor(2, "message-ids")
        self._closed = False
        self._leaving: _Leaving | None = None
        self._merging: _Merging | None = None

    def key_of(self, source: str, message_id: str) -> bytes:
        """Return the key of a message id: 20 bytes, so that the index costs the same for ids of any length.

        The hash is a quick one. So the source is not in it: whoever may write to one source must not be able to make
        up an id that counts as one of another's. And it has a seed that nobody outside knows, since it would take
        long to tell many ids apart that somebody made up to have one hash.
        """
        return _SOURCES[source] + xxh3_128_digest(message_id.encode(), self._seed)

    def keys_of(self, sources: Sequence[str], message_ids: Sequence[bytes]) -> list[bytes]:
        """Return the keys of message ids in UTF-8, each of the source at its place in `sources`."""
        codes = {source: _SOURCES[source] for source in set(sources)}
        seed = self._seed
        return [codes[source] + xxh3_128_digest(one, seed) for source, one in zip(sources, message_ids, strict=True)]

    def look_up(self, keys: Sequence[bytes], received_ms: Sequence[int]) -> dict[bytes, Seen]:
        """Return the newest event known for each of `keys` that came before.

        The keys are from `keys_of`; `received_ms` has the times of receipt of the calls that ask, epoch milliseconds.

        Raises:
            LogUnavailable: a file cannot be read.
        """
        if not keys:
            return {}
        first, last = min(received_ms) // self._bucket_ms, max(received_ms) // self._bucket_ms
        found: dict[bytes, Seen] = {}
        ids = Ids(keys)
        with self._told():
            for number in range(first - 1, last + 1):
                bucket = self._buckets.get(number)
                if bucket is not None:
                    found |= bucket.look_up(keys, ids)
        return found

    def remember(self, seen: Mapping[bytes, Seen], partition: int, next_offset: int) -> None:
        """Add ids, and that the partition's events below `next_offset` are known; forget what no window reaches.

        Raises:
            LogUnavailable: a file cannot be written.
        """
        with self._told():
            for number, some in self._by_bucket(seen).items():
                self._bucket(number).add(some)
            self._known[partition] = next_offset
            self._in_memory += len(seen)
            self._forget()
            self._arrange()

    def _bucket(self, number: int) -> Bucket:
        bucket = self._buckets.get(number)
        if bucket is None:
            expected = max(map(len, self._buckets.values()), default=0)
            bucket = self._buckets[number] = Bucket(room=expected)
        return bucket

    def _by_bucket(self, seen: Mapping[bytes, Seen]) -> dict[int, Mapping[bytes, Seen]]:
        found = {one.received_at_ms // self._bucket_ms for one in seen.values()}
        if len(found) == 1:  # nearly always
            return {found.pop(): seen}
        return {
            bucket: {key: one for key, one in seen.items() if one.received_at_ms // self._bucket_ms == bucket}
            for bucket in found
        }

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise LogUnavailable(
                f"the index of message ids cannot be used: {error}. Make room, or mend the disk: nothing is lost, "
                "what the index misses it reads from the log"
            ) from error

    def _forget(self) -> None:
        """Remove what no window reaches any more, and the filters of what only calls that come late ask about."""
        newest = max(self._buckets, default=0)
        if newest <= self._newest:
            return
        self._newest = newest
        late = self._buckets.get(newest - _REACH)
        if late is not None:
            late.forget_filter()
        old = [number for number in self._buckets if number < newest - _REACH]
        if old and self._merging is not None:
            self._end_merging(self._merging)
        if old:
            self._save([run for number in old for run in self._buckets.pop(number).files])

    def _save(self, gone: Sequence[FileRun] = (), known: Mapping[int, int] | None = None) -> None:
        runs = {number: bucket.files for number, bucket in self._buckets.items()}
        self._folder.save(self._folder.known if known is None else known, runs, gone)
        self._leaves_at = self._leave_at()

    def _leave_at(self) -> int:
        """Return from how many ids in memory on they go into files."""
        in_files = sum(len(run) for bucket in self._buckets.values() for run in bucket.files)
        return min(max(_IN_MEMORY, in_files // 4), _IN_MEMORY_AT_MOST)

    def _arrange(self) -> None:
        """Take over what the threads have written, and give them what is to be written next."""
        leaving, merging = self._leaving, self._merging
        if leaving is not None and (leaving.files.done() or self._in_memory >= _IN_MEMORY_AT_MOST):
            self._arrive(leaving)
        if merging is not None and merging.merged.done():
            self._end_merging(merging)
        if self._leaving is None and self._in_memory >= self._leaves_at:
            self._leave()
        if self._merging is None:
            self._merge()

    def _leave(self) -> None:
        """Let all ids in memory be written into files."""
        runs = {number: bucket.leave() for number, bucket in self._buckets.items()}
        files = {self._folder.new_path(number): (number, some) for number, some in runs.items() if some}
        self._leaving = _Leaving(dict(self._known), self._threads.submit(_write_all, files))
        self._in_memory = 0

    def _arrive(self, leaving: _Leaving) -> None:
        files = leaving.files.result()
        self._leaving = None
        for number, file in files.items():
            if number in self._buckets:
                self._buckets[number].arrive(file)
        self._save([file for number, file in files.items() if number not in self._buckets], leaving.known)

    def _merge(self) -> None:
        for number, bucket in self._buckets.items():
            files = bucket.alike()
            if files:
                stop = threading.Event()
                merged = self._threads.submit(write, self._folder.new_path(number), files, stop.is_set)
                self._merging = _Merging(number, files, merged, stop)
                return

    def _end_merging(self, merging: _Merging) -> None:
        """Take over what has become of files, or leave them as they were if it is not done."""
        self._merging = None
        merging.stop.set()
        merged = merging.merged.result()
        if merged is not None:
            self._buckets[merging.bucket].replace(merging.files, merged)
            self._save(merging.files)

    def catch_up(self, log: EventLog, partition: int, head: int) -> int:
        """Read what the index misses from the events log, up to offset `head`; return the number of events read.

        Events from before any bucket that is kept are passed over.
        """
        offset = max(self._known.get(partition, 0), log.starts(EVENTS).get(partition, 0))
        count = 0
        if offset < head:
            (last,) = (decode_event(part.records[0]) for part in log.read(EVENTS, partition, head - 1))
            kept_from_ms = last.received_at_ms - _REACH * self._bucket_ms
            offset = _first_written_at(kept_from_ms, log, partition, range(offset, head))
        while offset < head:
            for part in log.read(EVENTS, partition, offset, max_records=20_000):
                self.remember(self._seen_in(part.records, partition, part.first), partition, part.next)
                offset = part.next
                count += len(part.records)
        return count

    def _seen_in(self, records: Iterable[bytes], partition: int, first: int) -> dict[bytes, Seen]:
        events = map(decode_event, records)
        return {
            self.key_of(event.source, event.message_id): Seen(event.received_at_ms, partition, offset)
            for offset, event in enumerate(events, first)
        }

    def close(self) -> None:
        """Put everything on disk and close.

        Raises:
            LogUnavailable: a file cannot be written.
        """
        if self._closed:
            return
        self._closed = True
        try:
            with self._told():
                if self._merging is not None:
                    self._end_merging(self._merging)
                if self._leaving is not None:
                    self._arrive(self._leaving)
                self._leave()
                self._arrive(cast(_Leaving, self._leaving))
        finally:
            self._threads.shutdown()
            for bucket in self._buckets.values():
                for run in bucket.files:
                    run.close()
            self._folder.close()


def _write_all(runs: Mapping[Path, tuple[int, Sequence[MemoryRun]]]) -> dict[int, FileRun]:
    return {number: cast(FileRun, write(path, some)) for path, (number, some) in runs.items()}


_SOURCES: Memo[str, bytes] = Memo(lambda source: hashlib.blake2b(source.encode(), digest_size=4).digest())


def _first_written_at(at_ms: int, log: EventLog, partition: int, offsets: range) -> int:
    """Return the first of `offsets` that was written at a time, or later; the end if there is none."""

    def written_ms(offset: int) -> int:
        return next(iter(log.read(EVENTS, partition, offset))).time_ms

    return offsets.start + bisect_left(offsets, at_ms, key=written_ms)
