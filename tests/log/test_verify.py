"""`verify` finds what is torn, missing or altered, and nothing else."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.log.contract import TOPICS, numbered
from trackway.log.layout import Layout
from trackway.log.sqlite import SqliteLog
from trackway.log.verify import verify


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(SqliteLog(tmp_path, TOPICS, segment_bytes=2000)) as log, log.writer(0) as writer:
        for number in range(60):
            writer.append({"events": numbered(20, number * 20), "quarantine": [b"q%d" % number]})
    return tmp_path


def look(folder: Path) -> list[tuple[str, str]]:
    return [(fault.kind, fault.topic) for one in verify(Layout(folder, TOPICS, 2000), {}) for fault in one.faults]


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "p00000").glob("*.segment"))


def test_a_sound_log_has_no_faults_and_every_record_is_counted(folder: Path):
    found = list(verify(Layout(folder, TOPICS, 2000), {}))
    assert len(found) > 2 and not [fault for one in found for fault in one.faults]
    assert sum(one.records for one in found) == 60 * 21


def test_a_log_that_begins_late_is_sound(folder: Path):
    for path in segments(folder)[:2]:
        path.unlink()
    assert look(folder) == []


def test_an_altered_block_is_found(folder: Path):
    change(segments(folder)[1], "UPDATE block_events SET payload = zeroblob(length(payload)) WHERE first % 40 = 0")
    assert set(look(folder)) == {("altered", "events")}


def test_a_changed_count_is_found(folder: Path):
    change(segments(folder)[0], "UPDATE block_quarantine SET count = count + 1 WHERE first = 0")
    assert ("altered", "quarantine") in look(folder)


def test_a_missing_block_is_found(folder: Path):
    change(segments(folder)[0], "DELETE FROM block_events WHERE first = (SELECT max(first) FROM block_events)")
    assert look(folder) == [("missing", "events")]


def test_a_missing_segment_is_found(folder: Path):
    segments(folder)[1].unlink()
    assert sorted(set(look(folder))) == [("missing", "events"), ("missing", "quarantine")]


@pytest.mark.parametrize("where", [0, 0.5])
def test_a_torn_file_is_found(folder: Path, where: float):
    path = segments(folder)[1]
    content = path.read_bytes()
    middle = int(len(content) * where)
    path.write_bytes(content[:middle] + b"\xaa" * 4096 + content[middle + 4096 :])
    assert {kind for kind, _ in look(folder)} & {"unreadable", "altered"}
