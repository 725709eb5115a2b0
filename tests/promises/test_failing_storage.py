"""P1: storage that fails, is full, or may not be written. What is acknowledged is kept, what is not is not seen."""

import errno
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.promises.log_server import TOPICS
from tests.promises.storage import WRITE, Disk, Storage, changes
from trackway.log.sqlite import SqliteLog

SEGMENT_BYTES = 20_000


class Forgetful(random.Random):
    """A chance that keeps nothing that was not synced."""

    def choice(self, seq: Sequence[float]) -> float:
        return min(seq)


class Server:
    """A process with the log's writer, and what it has acknowledged."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.acknowledged: list[bytes] = []
        self._folder = folder
        self._environment = environment
        self._tries = 0
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.promises.log_server", self._folder, str(SEGMENT_BYTES)],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.trouble: str = self._hear()["trouble"]

    def append(self, count: int = 1) -> str:
        """Append records that were never appended before; return the error, or nothing."""
        self._tries += 1
        got = self.ask(f"append try{self._tries} {count}")
        if "error" in got:
            return got["error"]
        assert got["range"] == [len(self.acknowledged), len(self.acknowledged) + count]
        self.acknowledged += [f"try{self._tries} {number}".encode() for number in range(count)]
        return ""

    def ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._hear()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def stop(self) -> str:
        """End it in peace; return what it logged."""
        return self._process.communicate(timeout=60)[1]

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, self._process.communicate()[1]
        return json.loads(line)


@pytest.fixture
def storage(storage_library: Path, tmp_path: Path) -> Iterator[Storage]:
    with closing(Storage(storage_library, tmp_path / "root")) as storage:
        yield storage


@pytest.fixture
def server(storage: Storage) -> Iterator[Server]:
    server = Server(storage.root / "log", storage.environment)
    yield server
    server.kill()


def stored(folder: Path) -> list[bytes]:
    """Return all records, which must be there without holes and without doubles, and must be sound."""
    with closing(SqliteLog(folder, TOPICS)) as log:
        with log.reader("events") as reader:
            slices = []
            while found := reader.poll():
                slices += found
        assert [fault for one in log.verify() for fault in one.faults] == []
        expected = 0
        for one in slices:
            assert one.first == expected
            expected = one.next
        assert log.heads("events") == {0: expected}
    return [record for one in slices for record in one.records]


def segments(storage: Storage) -> list[Path]:
    return sorted((storage.root / "log" / "p00000").glob("*.segment"))


def test_nothing_is_written_any_more_to_a_file_whose_fsync_failed(storage: Storage, server: Server):
    assert server.append(3) == ""
    (first,) = segments(storage)
    write_ahead = first.with_name(first.name + "-wal").stat().st_ino
    with closing(SqliteLog(storage.root / "log", TOPICS)) as log, log.reader("events") as reader:
        assert reader.poll() != []
        storage.fail(sync=errno.EIO)
        assert "SQLITE_IOERR_FSYNC" in server.append()
        before = sum(one.kind == WRITE and one.inode == write_ahead for one in changes(storage.trace))
        assert "no new segment can be begun" in server.append()
        assert reader.poll() == [], "a reader saw what was not acknowledged"
        storage.fail()
        assert server.append(2) == ""
        assert [found.records for found in reader.poll()] == [server.acknowledged[3:]]
    after = sum(one.kind == WRITE and one.inode == write_ahead for one in changes(storage.trace))
    assert after == before > 0
    assert len(segments(storage)) == 2
    assert server.ask("faults") == {"faults": 1}
    assert stored(storage.root / "log") == server.acknowledged
    log_lines = server.stop()
    assert log_lines.count("nothing more is written to this file") == 1 and str(first) in log_lines


def test_a_commit_that_failed_is_never_seen_even_if_its_file_kept_it(storage: Storage, server: Server, tmp_path: Path):
    assert server.append(3) == ""
    with closing(SqliteLog(storage.root / "log", TOPICS)) as log, log.reader("events") as reader:
        assert reader.poll() != []
        storage.fail(sync=errno.EIO, times=1)
        assert server.append() != ""
        assert server.append(2) == ""
        # As after a crash, when the next to open the file recovers what stands in its write-ahead log.
        crashed = tmp_path / "crashed"
        shutil.copytree(storage.root / "log", crashed, ignore=shutil.ignore_patterns("*-shm", "*.bell"))
        assert [one.records for one in reader.poll()] == [server.acknowledged[3:]]
    with closing(sqlite3.connect(crashed / "p00000" / "0000000001.segment")) as db:
        assert db.execute("SELECT first FROM block_events").fetchall() == [(0,), (3,)], "it did not keep it"
    assert stored(crashed) == server.acknowledged


def test_a_commit_that_failed_is_written_off_at_once(storage: Storage, server: Server):
    assert server.append(3) == ""
    storage.fail(sync=errno.EIO, times=1)
    assert server.append() != ""
    server.kill()
    assert stored(storage.root / "log") == server.acknowledged
    server.start()
    assert server.append() == ""
    assert stored(storage.root / "log") == server.acknowledged


def test_what_only_the_page_cache_has_is_not_built_upon(storage: Storage, server: Server, tmp_path: Path):
    disk = Disk(storage.root)
    assert server.append(3) == ""
    storage.fail(sync=errno.EIO)
    assert server.append() != ""
    server.kill()
    storage.fail()
    server.start()
    server.acknowledged = stored(storage.root / "log")
    assert server.append(2) == ""
    for change in changes(storage.trace):
        disk.change(change)
    after = tmp_path / "after"
    after.mkdir()
    disk.write_after_power_loss(after, Forgetful())
    assert stored(after / "log") == server.acknowledged


def test_a_process_that_dies_with_its_storage_loses_nothing(storage: Storage, server: Server):
    assert server.append(3) == ""
    storage.fail(sync=errno.EIO)
    assert server.append() != "" and server.append() != ""
    server.kill()
    storage.fail()
    server.start()
    found = stored(storage.root / "log")
    # Whether the commit that failed reached the file, nobody knows; its client sends again.
    assert found[:3] == server.acknowledged
    server.acknowledged = found
    assert server.append(2) == ""
    assert stored(storage.root / "log") == server.acknowledged


@pytest.mark.parametrize(
    "fault",
    [{"room": 0}, {"write": errno.EROFS, "create": errno.EROFS}, {"write": errno.EIO}, {"sync": errno.EIO}],
    ids=["full", "read-only", "writes fail", "syncs fail"],
)
def test_the_log_goes_on_by_itself_when_storage_is_back(storage: Storage, server: Server, fault: dict[str, int]):
    for count in (1, 500, 1, 2000):
        storage.fail(**fault)
        assert server.append(count) != "" and server.append() != ""
        storage.fail()
        assert server.append(count) == ""
    assert stored(storage.root / "log") == server.acknowledged
    server.stop()
    assert stored(storage.root / "log") == server.acknowledged


def test_a_full_disk_leaves_nothing_half_written_wherever_it_fills_up(storage: Storage, server: Server):
    chance = random.Random(3)
    for number in range(60):
        storage.fail(room=chance.choice([0, 100, 5_000, 20_000, chance.randrange(60_000)]))
        for _ in range(3):
            server.append(chance.choice([1, 300, 1500]))
        if number % 10 == 0:
            assert stored(storage.root / "log") == server.acknowledged
        if number % 20 == 19:
            server.kill()
            server.start()
        storage.fail()
        assert server.append() == ""
    assert len(segments(storage)) > 3
    server.kill()
    assert stored(storage.root / "log") == server.acknowledged


@pytest.mark.parametrize(
    "fault",
    [{"room": 0}, {"write": errno.EROFS, "create": errno.EROFS}, {"sync": errno.EIO}],
    ids=["full", "read-only", "syncs fail"],
)
@pytest.mark.parametrize("had_records", [False, True], ids=["new", "old"])
def test_a_writer_that_starts_on_bad_storage_waits_for_better(
    storage: Storage, server: Server, fault: dict[str, int], had_records: bool
):
    if had_records:
        assert server.append(3) == ""
    else:
        server.kill()
        for path in (storage.root / "log" / "p00000").iterdir():
            path.unlink()
    server.kill()
    storage.fail(**fault)
    server.start()
    assert server.append() != ""
    storage.fail()
    assert server.append(2) == ""
    assert stored(storage.root / "log") == server.acknowledged


def test_on_a_real_disk_that_fills_up_nothing_is_lost(mount: Callable[[str], Path]):
    small_disk = mount("2m")
    server = Server(small_disk / "log")
    ballast = small_disk / "ballast"
    ballast.write_bytes(os.urandom(1_500_000))
    errors = [server.append(1500) for _ in range(100)]
    assert any("full" in error or "space" in error for error in errors)
    ballast.unlink()
    assert server.append() == ""
    assert stored(small_disk / "log") == server.acknowledged
    server.kill()
