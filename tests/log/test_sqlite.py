"""The SQLite log: the contract, and what is particular to its files."""

import itertools
import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.log.contract import TOPICS, LogContract, MakeLog, numbered, read_all, values
from trackway.log import segment
from trackway.log.contract import LogCorrupt, LogUnavailable
from trackway.log.sqlite import SqliteLog


class TestSqliteLog(LogContract):
    @pytest.fixture
    def make_log(self, tmp_path: Path) -> Iterator[MakeLog]:
        opened: list[SqliteLog] = []
        numbers = itertools.count()

        def make(*, small: bool = False, fresh: bool = False) -> SqliteLog:
            folder = tmp_path / (f"log{next(numbers)}" if fresh else "log")
            opened.append(SqliteLog(folder, TOPICS, segment_bytes=2000 if small else 1 << 20))
            return opened[-1]

        yield make
        for log in opened:
            log.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log", TOPICS, segment_bytes=2000)
    yield log
    log.close()


def segments(log: SqliteLog, folder: Path) -> list[Path]:
    return sorted((folder / "log" / "p00000").glob("*.segment"))


def test_segments_are_sealed_without_a_write_ahead_log(log: SqliteLog, tmp_path: Path):
    with log.writer(0) as writer:
        for number in range(40):
            writer.append({"events": numbered(20, number * 20)})
    files = segments(log, tmp_path)
    assert len(files) > 3
    assert not list((tmp_path / "log" / "p00000").glob("*-wal"))


def test_a_segment_whose_creation_was_cut_short_is_made_anew(log: SqliteLog, tmp_path: Path):
    with log.writer(0) as writer:
        writer.append({"events": numbered(3)}, {"m": b"1"})
    folder = tmp_path / "log" / "p00000"
    sqlite3.connect(folder / "next.draft").execute("PRAGMA journal_mode=WAL").connection.close()
    # Of an earlier segment of this name: SQLite would take it for the new one's.
    (folder / (segment.name_of(2) + "-wal")).write_bytes(b"left over" * 1000)
    assert log.heads("events") == {0: 3}
    with log.writer(0) as writer:
        assert writer.append({"events": numbered(497, 3)}) == {"events": range(3, 500)}
        assert writer.append({"events": numbered(1, 500)}) == {"events": range(500, 501)}
        assert writer.mark("m") == b"1"
    assert len(segments(log, tmp_path)) == 2
    with log.reader("events") as reader:
        assert values(read_all(reader)) == numbered(501)


def test_an_altered_block_is_found_out(log: SqliteLog, tmp_path: Path):
    with log.writer(0) as writer:
        writer.append({"events": numbered(3)})
    (file,) = segments(log, tmp_path)
    db = sqlite3.connect(file)
    (payload,) = db.execute("SELECT payload FROM block_events").fetchone()
    db.execute("UPDATE block_events SET payload = ?", (payload[:-1] + b"X",))
    db.commit()
    db.close()
    with log.reader("events") as reader, pytest.raises(LogCorrupt, match=r"events: the block at offset 0"):
        reader.poll()


def test_a_failed_commit_leaves_nothing_and_the_writer_recovers(log: SqliteLog, tmp_path: Path):
    with log.writer(0) as writer:
        writer.append({"events": numbered(3)})
        (file,) = segments(log, tmp_path)
        locker = sqlite3.connect(file, isolation_level=None)
        writer._db.execute("PRAGMA busy_timeout=10")
        locker.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogUnavailable, match="nothing was written"):
            writer.append({"events": [b"lost"]})
        locker.execute("ROLLBACK")
        locker.close()
        assert writer.append({"events": numbered(1, 3)}) == {"events": range(3, 4)}
    with log.reader("events") as reader:
        assert values(read_all(reader)) == numbered(4)


def test_an_unwritable_folder_is_refused_with_the_reason(tmp_path: Path):
    log = SqliteLog(tmp_path / "log", TOPICS)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "p00000").write_text("a file where a folder should be")
    with pytest.raises(LogUnavailable, match="p00000"):
        log.writer(0)
    log.close()


def test_reader_follows_a_writer_in_another_process_through_rotations(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=_append_for_ever, args=(str(tmp_path), 3000), daemon=True)
    child.start()
    log = SqliteLog(tmp_path / "log", TOPICS, segment_bytes=2000)
    deadline = time.monotonic() + 60
    got: list[bytes] = []
    with log.reader("events") as reader:
        while len(got) < 3000 and time.monotonic() < deadline:
            got += values(reader.poll(timeout_s=1))
    child.join(30)
    log.close()
    assert got == numbered(3000)


@pytest.mark.parametrize("acknowledged", [1, 40, 400])
def test_acknowledged_records_survive_kill_without_holes(tmp_path: Path, acknowledged: int):
    context = multiprocessing.get_context("spawn")
    told, tell = context.Pipe(duplex=False)
    child = context.Process(target=_append_and_tell, args=(str(tmp_path), tell), daemon=True)
    child.start()
    last = -1
    for _ in range(acknowledged):
        last = told.recv()
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)
    while told.poll():
        last = told.recv()
    log = SqliteLog(tmp_path / "log", TOPICS, segment_bytes=20_000)
    with log.writer(0) as writer:
        kept = writer.next_offset("events")
    with log.reader("events") as reader:
        slices = read_all(reader)
    log.close()
    assert kept > last
    assert values(slices) == numbered(kept)
    assert [s.first for s in slices] == [0, *itertools.accumulate(len(s.records) for s in slices)][:-1]


def _append_for_ever(folder: str, count: int) -> None:
    log = SqliteLog(Path(folder) / "log", TOPICS, segment_bytes=2000)
    with log.writer(0) as writer:
        for number in range(0, count, 10):
            writer.append({"events": numbered(10, number)})


def _append_and_tell(folder: str, tell) -> None:
    log = SqliteLog(Path(folder) / "log", TOPICS, segment_bytes=20_000)
    writer = log.writer(0)
    while True:
        first = writer.next_offset("events")
        tell.send(writer.append({"events": numbered(first % 7 + 1, first)})["events"][-1])
