"""What retention deletes, whatever the clock does."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.log.contract import TOPICS, numbered, read_all, values
from trackway.log import retention, segment, sqlite_writer, storage
from trackway.log.retention import SteadyClock
from trackway.log.sqlite import SqliteLog

HOUR_S, DAY_S, YEAR_S = 3600, 24 * 3600, 365 * 24 * 3600
NOW_S = 1_795_000_000


class Clocks:
    """A machine whose wall clock can be set."""

    def __init__(self) -> None:
        self.machine_s = 0.0
        self.wall_s = float(NOW_S)

    def pass_(self, seconds: float, *, jump_s: float = 0) -> None:
        self.machine_s += seconds
        self.wall_s += seconds + jump_s

    def steady(self) -> SteadyClock:
        return SteadyClock(lambda: int(self.wall_s * 1000), lambda: self.machine_s)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(sqlite_writer, "now_ms", lambda: int(clocks.wall_s * 1000))
    return clocks


@pytest.fixture
def make_log(tmp_path: Path, clocks: Clocks) -> Iterator[Callable[[], SqliteLog]]:
    opened: list[SqliteLog] = []

    def make() -> SqliteLog:
        opened.append(log := SqliteLog(tmp_path, TOPICS, segment_bytes=2000))
        log._clock = clocks.steady()
        return log

    yield make
    for log in opened:
        log.close()


def write(log: SqliteLog, count: int, *, partition: int = 0) -> None:
    """Fill `count` segments."""
    with log.writer(partition) as writer:
        for _ in range(count):
            writer.append({"events": numbered(200, writer.next_offset("events"))})


def watch(log: SqliteLog, clocks: Clocks, hours: float, *, keep_s: float) -> int:
    """Let retention work every half a minute for some hours; return how many bytes it freed."""
    freed = 0
    for _ in range(int(hours * 120)):
        freed += log.retain(max_age_s=keep_s)
        clocks.pass_(30)
    return freed


def test_what_is_too_old_goes_and_the_rest_stays(make_log: Callable[[], SqliteLog], clocks: Clocks):
    log = make_log()
    write(log, 3)
    clocks.pass_(2 * DAY_S)
    write(log, 3)
    assert watch(log, clocks, 1.1, keep_s=DAY_S) > 0
    assert log.starts("events") == {0: 600}
    with log.reader("events") as reader:
        assert values(read_all(reader)) == numbered(600, 600)


def test_a_clock_that_jumps_ahead_deletes_nothing(make_log: Callable[[], SqliteLog], clocks: Clocks):
    log = make_log()
    write(log, 3)
    assert watch(log, clocks, 2, keep_s=DAY_S) == 0
    clocks.pass_(30, jump_s=YEAR_S)
    write(log, 1)
    assert watch(log, clocks, 0.9, keep_s=DAY_S) == 0
    clocks.pass_(30, jump_s=-YEAR_S)
    assert watch(log, clocks, 2, keep_s=DAY_S) == 0
    assert log.starts("events") == {0: 0}


def test_a_clock_that_is_wrong_at_the_start_deletes_nothing(make_log: Callable[[], SqliteLog], clocks: Clocks):
    write(make_log(), 3)
    clocks.pass_(60, jump_s=YEAR_S)
    log = make_log()
    assert watch(log, clocks, 0.5, keep_s=DAY_S) == 0
    clocks.pass_(30, jump_s=-YEAR_S)
    assert watch(log, clocks, 2, keep_s=DAY_S) == 0


def test_what_was_written_while_the_clock_was_ahead_is_not_kept_for_a_year(
    make_log: Callable[[], SqliteLog], clocks: Clocks
):
    log = make_log()
    write(log, 2)
    clocks.pass_(30, jump_s=YEAR_S)
    write(log, 3)
    clocks.pass_(30, jump_s=-YEAR_S)
    write(log, 2)
    clocks.pass_(2 * DAY_S)
    write(log, 1)
    assert watch(log, clocks, 1.1, keep_s=DAY_S) > 0
    assert log.starts("events") == {0: 1400}


@pytest.mark.parametrize("jump_s", [-DAY_S, YEAR_S], ids=["back", "ahead"])
@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
def test_offsets_and_readers_do_not_care_what_time_it_is(
    make_log: Callable[[], SqliteLog], clocks: Clocks, jump_s: float, restart: bool
):
    log = make_log()
    with log.reader("events", consumer="loader") as reader:
        write(log, 2)
        assert values(read_all(reader)) == numbered(400)
        reader.commit()
        clocks.pass_(1, jump_s=jump_s)
        write(make_log() if restart else log, 3)
        assert values(read_all(reader)) == numbered(600, 400)
    assert log.consumers("events") == {"loader": {0: 400}}
    assert [fault for one in log.verify() for fault in one.faults] == []


def test_the_budget_takes_the_oldest_of_all_partitions(make_log: Callable[[], SqliteLog], clocks: Clocks):
    log = make_log()
    for _ in range(4):
        for partition in (0, 1):
            write(log, 1, partition=partition)
            clocks.pass_(60)
    log.retain(max_bytes=log.size_bytes() - 1)
    assert log.starts("events") == {0: 200, 1: 0}
    log.retain(max_bytes=log.size_bytes() - 1)
    assert log.starts("events") == {0: 200, 1: 200}


def test_a_partition_that_nobody_reads_does_not_keep_the_others(make_log: Callable[[], SqliteLog], clocks: Clocks):
    log = make_log()
    for partition in (0, 1):
        write(log, 3, partition=partition)
        clocks.pass_(60)
    with log.reader("events", consumer="loader") as reader:
        read_all(reader)
        reader.commit({0: 0, 1: 600})
    log.retain(max_bytes=0)
    assert log.starts("events") == {0: 0, 1: 600}


def test_positions_are_on_the_disk_before_anything_is_deleted(
    make_log: Callable[[], SqliteLog], monkeypatch: pytest.MonkeyPatch
):
    log = make_log()
    write(log, 3)
    done: list[str] = []
    settle = log._cursors.settle
    monkeypatch.setattr(log._cursors, "settle", lambda: done.append("settled") or settle())
    monkeypatch.setattr(retention.segment, "delete", lambda path: done.append(segment.name_of(int(path.stem))) or 1)
    log.retain(max_bytes=0)
    assert done == ["settled", *(segment.name_of(number) for number in (1, 2, 3))]


def test_a_segment_that_cannot_be_deleted_is_tried_again(
    make_log: Callable[[], SqliteLog], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    log = make_log()
    write(log, 3)

    def fail(folder: Path) -> None:
        raise OSError("read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "sync_folder", fail)
        log.retain(max_bytes=0)
    assert "read-only file system" in caplog.text
    log.retain(max_bytes=0)
    assert log.starts("events") == {0: 600}


@given(st.lists(st.tuples(st.floats(1, 600), st.sampled_from([0, 0, 0, 0, 0.001, -DAY_S, YEAR_S])), max_size=60))
def test_a_clock_is_believed_only_after_an_hour_without_a_jump(steps: list[tuple[float, float]]):
    clocks = Clocks()
    steady = clocks.steady()
    since_s: float | None = None
    for seconds, jump_s in steps:
        clocks.pass_(seconds, jump_s=jump_s)
        if since_s is None or abs(jump_s) > 1:
            since_s = clocks.machine_s
        believed = steady.now_ms()
        assert (believed is not None) == (clocks.machine_s - since_s >= HOUR_S)
        assert believed in (None, int(clocks.wall_s * 1000))
