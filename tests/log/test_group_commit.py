"""Group commit when the log fails: requests hear of it, and it recovers without any."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from trackway.collector.readiness import Readiness
from trackway.log import group_commit
from trackway.log.contract import LogBusy, LogCorrupt, LogUnavailable, LogWriter
from trackway.log.group_commit import GroupCommit
from trackway.log.late_writer import LateWriter
from trackway.log.sqlite import SqliteLog

TOPIC = "raw"


class Spoiled:
    """A writer that fails while `fault` says so."""

    def __init__(self, writer: LogWriter) -> None:
        self.fault: Exception | None = None
        self.tried = threading.Semaphore(0)
        self._writer = writer

    def append(self, records: Mapping[str, Sequence[bytes]], marks: Mapping[str, bytes] | None) -> dict[str, range]:
        self.tried.release()
        if self.fault is not None:
            raise self.fault
        return self._writer.append(records, marks)

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
async def spoiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Spoiled, GroupCommit]]:
    monkeypatch.setattr(group_commit, "_TRY_AGAIN_S", 0.01)
    with closing(SqliteLog(tmp_path, (TOPIC,))) as log:
        writer = Spoiled(log.writer(0))
        commit = GroupCommit(writer, TOPIC, asyncio.get_running_loop())  # type: ignore[arg-type]
        yield writer, commit
        await commit.close()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what is waited for happens in a thread
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("fault", [LogUnavailable("no room"), ZeroDivisionError("a surprise")], ids=["log", "other"])
async def test_trouble_is_told_to_all_and_ends_by_itself(
    spoiled: tuple[Spoiled, GroupCommit], tmp_path: Path, fault: Exception, caplog: pytest.LogCaptureFixture
):
    writer, commit = spoiled
    ready = Readiness(tmp_path, floor_bytes=0, clock=lambda: 0.0, trouble=lambda: commit.trouble)
    assert ready() == (True, "")
    assert await commit.submit([b"a"]) == 0
    writer.fault = fault
    for _ in range(3):
        with pytest.raises(LogUnavailable, match=str(fault)):
            await commit.submit([b"b"])
    assert str(fault) in commit.trouble
    ok, reason = ready()
    assert not ok and str(fault) in reason
    assert caplog.text.count("no events are taken") == 1
    # Nobody sends anything any more, and all the same:
    writer.fault = None
    await until(lambda: not commit.trouble)
    assert ready() == (True, "")
    assert caplog.text.count("events are taken again") == 1
    assert await commit.submit([b"c"]) == 1


async def test_while_it_is_in_trouble_it_keeps_trying_and_can_be_closed(spoiled: tuple[Spoiled, GroupCommit]):
    writer, commit = spoiled
    writer.fault = LogUnavailable("no room")
    with pytest.raises(LogUnavailable):
        await commit.submit([b"b"])
    for _ in range(3):
        assert await asyncio.to_thread(writer.tried.acquire, timeout=30)


async def test_a_writer_that_is_late_answers_until_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(group_commit, "_TRY_AGAIN_S", 0.01)
    problems: list[Exception] = [LogCorrupt("torn"), LogUnavailable("no room"), LogCorrupt("torn again")]
    with closing(SqliteLog(tmp_path, (TOPIC,))) as log:

        def open_writer() -> LogWriter:
            if problems:
                raise problems.pop(0)
            return log.writer(0)

        writer = LateWriter(0, open_writer)
        assert writer.trouble == "torn"
        assert (writer.next_offset(TOPIC), writer.mark("any"), writer.faults) == (0, None, 0)
        commit = GroupCommit(writer, TOPIC, asyncio.get_running_loop(), trouble=writer.trouble)
        assert commit.trouble == "torn"
        await until(lambda: not commit.trouble)
        assert writer.trouble == ""
        assert await commit.submit([b"a", b"b"]) == 0
        assert writer.next_offset(TOPIC) == 2
        await commit.close()
        with log.writer(0):
            pass


def test_a_late_writer_does_not_wait_for_another_process(tmp_path: Path):
    with closing(SqliteLog(tmp_path, (TOPIC,))) as log, log.writer(0), pytest.raises(LogBusy):
        LateWriter(0, lambda: log.writer(0))
