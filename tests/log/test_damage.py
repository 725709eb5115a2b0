"""Readers, writers and `repair` on damaged files: nothing is passed over in silence, and nothing sound is given up."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.log.contract import TOPICS, numbered, read_all, values
from trackway.log import segment
from trackway.log.contract import LogBusy, LogCorrupt, LogUnavailable
from trackway.log.sqlite import SqliteLog

RECORDS = 1200


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(tmp_path, TOPICS, segment_bytes=2000)) as log:
        with log.writer(0) as writer:
            for number in range(60):
                writer.append({"events": numbered(20, number * 20), "quarantine": [b"q"]}, {"m": b"%d" % number})
        yield log


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "p00000").glob("*.segment"))


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def alter_block(folder: Path) -> None:
    change(segments(folder)[1], "UPDATE block_events SET payload = zeroblob(length(payload)) WHERE first % 100 = 40")


def remove_block(folder: Path) -> None:
    change(segments(folder)[1], "DELETE FROM block_events WHERE first % 100 = 40")


def remove_last_block(folder: Path) -> None:
    change(segments(folder)[1], "DELETE FROM block_events WHERE first = (SELECT max(first) FROM block_events)")


def zero_page(folder: Path) -> None:
    content = bytearray(segments(folder)[1].read_bytes())
    start = content.index(b"record 300") // 8192 * 8192
    content[start : start + 8192] = bytes(8192)
    segments(folder)[1].write_bytes(content)


def zero_file(folder: Path) -> None:
    segments(folder)[1].write_bytes(bytes(8192))


def empty_file(folder: Path) -> None:
    segments(folder)[1].write_bytes(b"")


def cut_file(folder: Path) -> None:
    path = segments(folder)[1]
    path.write_bytes(path.read_bytes()[:16384])


def flip_bit(folder: Path) -> None:
    content = bytearray(segments(folder)[1].read_bytes())
    content[content.index(b"record 300")] ^= 4
    segments(folder)[1].write_bytes(content)


def remove_file(folder: Path) -> None:
    segments(folder)[1].unlink()


DAMAGES = [
    alter_block,
    remove_block,
    remove_last_block,
    zero_page,
    zero_file,
    empty_file,
    cut_file,
    flip_bit,
    remove_file,
]


@pytest.fixture(params=DAMAGES, ids=lambda damage: damage.__name__)
def damage(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    return request.param


def test_readers_stop_at_damage_with_all_that_stands_before_it(
    log: SqliteLog, tmp_path: Path, damage: Callable[[Path], None]
):
    damage(tmp_path)
    with log.reader("events") as reader:
        found = values(reader.poll())
        with pytest.raises(LogCorrupt, match="trackway log repair"):
            reader.poll(timeout_s=30)
        assert found == numbered(len(found))
        assert reader.position()[0] == len(found)
        for _ in range(2):  # it does not go on by itself
            with pytest.raises(LogCorrupt, match=r"p00000"):
                reader.poll(timeout_s=5)


def test_repair_gives_up_only_what_cannot_be_read(log: SqliteLog, tmp_path: Path, damage: Callable[[Path], None]):
    path = segments(tmp_path)[1]
    damage(tmp_path)
    before = path.read_bytes() if path.exists() else None
    assert [fault for one in log.verify() for fault in one.faults] != []
    planned = list(log.repair(write=False))
    (repaired,) = log.repair()
    assert [repaired] == planned
    assert list(log.repair()) == []
    assert [fault for one in log.verify() for fault in one.faults] == []
    lost = {offset for gap in repaired.lost if gap.topic == "events" for offset in range(gap.first, gap.next)}
    assert 0 < len(lost) <= 500
    with log.reader("events") as reader:
        slices = read_all(reader)
    assert values(slices) == [record for offset, record in enumerate(numbered(RECORDS)) if offset not in lost]
    assert [one.records[0] for one in slices] == [b"record %d" % one.first for one in slices]
    if before is not None:
        assert repaired.damaged.read_bytes() == before
    assert sum(one.lost for one in log.verify()) == sum(gap.next - gap.first for gap in repaired.lost)
    with log.writer(0) as writer:
        assert writer.append({"events": numbered(1, RECORDS)}) == {"events": range(RECORDS, RECORDS + 1)}
        assert writer.mark("m") == b"59"


@pytest.mark.parametrize("damage", [zero_file, empty_file, cut_file], ids=lambda damage: damage.__name__)
def test_a_damaged_end_keeps_the_writer_out_until_it_is_repaired(
    log: SqliteLog, tmp_path: Path, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
):
    with log.reader("events", consumer="loader") as reader:
        read_all(reader)
        reader.commit()
    last = segments(tmp_path)[-1]
    monkeypatch.setitem(globals(), "segments", lambda folder: [last, last])
    damage(tmp_path)
    with pytest.raises(LogCorrupt, match="trackway log repair"):
        log.writer(0)
    with pytest.raises(LogCorrupt):
        log.heads("events")
    assert [one.segment for one in log.repair()] == [last]
    with log.writer(0) as writer:
        # Where it ended only the consumer knows: no offset is given out twice.
        assert writer.append({"events": [b"new"]}) == {"events": range(RECORDS, RECORDS + 1)}
    with log.reader("events", consumer="loader") as reader:
        assert values(read_all(reader)) == [b"new"]


def test_a_reader_passes_over_an_end_that_was_written_off(log: SqliteLog, tmp_path: Path):
    change(segments(tmp_path)[-1], "UPDATE block_events SET payload = x'00' WHERE first >= 1180")
    (repaired,) = log.repair()
    assert [gap for gap in repaired.lost if gap.topic == "events"] == [("events", 1180, 1200)]
    with log.reader("events") as reader:
        assert values(read_all(reader)) == numbered(1180)
        assert reader.position() == {0: 1200} == log.heads("events")
        with log.writer(0) as writer:
            writer.append({"events": [b"new"]})
        assert [(one.first, one.records) for one in reader.poll()] == [(1200, [b"new"])]


def test_offsets_that_were_read_are_not_given_out_again(log: SqliteLog, tmp_path: Path):
    with log.reader("events", consumer="loader") as reader:
        read_all(reader)
        reader.commit()
    change(segments(tmp_path)[-1], "DELETE FROM block_events WHERE first >= 1180")
    faults = [fault for one in log.verify() for fault in one.faults]
    assert [(fault.kind, fault.offset) for fault in faults] == [("missing", 1180)]
    with log.writer(0) as writer:
        assert writer.append({"events": [b"new"]}) == {"events": range(RECORDS, RECORDS + 1)}
    with log.reader("events", consumer="loader") as reader:
        assert values(read_all(reader)) == [b"new"]
    with log.reader("events", start={0: 1170}) as reader:
        assert values(reader.poll()) == numbered(10, 1170)
        with pytest.raises(LogCorrupt, match="from offset 1180 to 1199 are missing"):
            reader.poll()


def test_repair_leaves_a_partition_alone_that_is_being_written(log: SqliteLog, tmp_path: Path):
    alter_block(tmp_path)
    with log.writer(0), pytest.raises(LogBusy):
        list(log.repair())
    assert len(list(log.repair())) == 1


def test_a_repair_that_was_cut_short_can_be_done_again(log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    alter_block(tmp_path)
    planned = list(log.repair(write=False))

    def fail(path: Path, _fill: object) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(segment, "make", fail)
        with pytest.raises(LogUnavailable, match="no room"):
            list(log.repair())
    assert list(log.repair()) == planned
    assert [fault for one in log.verify() for fault in one.faults] == []


def test_damage_in_one_partition_does_not_hide_the_others(log: SqliteLog, tmp_path: Path):
    alter_block(tmp_path)
    with log.writer(1) as writer, log.reader("events") as reader:
        complaints = 0
        found: list[bytes] = []
        for number in range(40):
            writer.append({"events": [b"other %d" % number]})
            try:
                found += values(reader.poll(max_records=5000))
            except LogCorrupt:
                complaints += 1
        assert complaints > 1
        others = [one for one in found if one.startswith(b"other")]
        assert others == [b"other %d" % number for number in range(len(others))]
        assert len(others) > 30


def test_records_that_the_log_lost_at_its_beginning_are_missed_by_verify(log: SqliteLog, tmp_path: Path):
    with log.reader("events", consumer="loader") as reader:
        reader.poll(max_records=20)
        reader.commit()
    segments(tmp_path)[0].unlink()
    faults = [fault for one in log.verify() for fault in one.faults]
    assert [(fault.kind, fault.topic, fault.offset) for fault in faults] == [("missing", "events", 20)]
    assert "loader has read up to offset 20" in faults[0].detail
