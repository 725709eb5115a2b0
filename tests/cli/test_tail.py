import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import pytest
from typer.testing import CliRunner

from tests.cli.serving import write_workspace
from trackway.cli import app
from trackway.cli.tail_line import tail_line
from trackway.console.entries import Entry, open_record
from trackway.events.records import (
    CLEAN_TOPICS,
    DROPPED,
    EVENTS,
    QUARANTINE,
    DroppedRecord,
    EventRecord,
    Place,
    QuarantineRecord,
    Refusal,
    encode,
)
from trackway.log.contract import LogWriter
from trackway.log.sqlite import SqliteLog

NOW_MS = 1_795_168_800_250


def event(
    message_id: str, *, name: str = "Signed Up", user: str = "u1", source: str = "web", type: str = "track"
) -> bytes:
    body = {"messageId": message_id, "event": name}
    record = EventRecord(
        source, type, message_id, name, user, None, NOW_MS, NOW_MS, Place(0, 0), msgspec.json.encode(body)
    )
    return encode(record)


REFUSED = encode(
    QuarantineRecord(
        "web",
        "track",
        "q-1",
        NOW_MS,
        Place(0, 0),
        "collector",
        Refusal("event_not_defined", "/event", "Name it."),
        b'{"userId":"u9"}',
    )
)
REPEATED = encode(DroppedRecord("app", "track", "d-1", NOW_MS, Place(0, 0), "duplicate", Place(0, 0)))


def open_log(folder: Path) -> SqliteLog:
    return SqliteLog(folder / "data" / "log" / "clean", CLEAN_TOPICS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_workspace(tmp_path / "workspace", collector=1)


@pytest.fixture
def writer(folder: Path) -> Iterator[LogWriter]:
    with (
        contextlib.closing(SqliteLog(folder / "data" / "log" / "clean", CLEAN_TOPICS)) as log,
        log.writer(0) as open_one,
    ):
        yield open_one


def next_millisecond() -> None:
    """Records of different topics are ordered by the millisecond of their commit."""
    now = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= now:
        pass


def lines_of(runner: CliRunner, folder: Path, *flags: str) -> list[str]:
    result = runner.invoke(app, ["tail", "--no-follow", "-w", str(folder), *flags])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def ids_of(runner: CliRunner, folder: Path, *flags: str) -> list[str]:
    return [json.loads(line)["messageId"] for line in lines_of(runner, folder, "--json", *flags)]


def test_the_newest_come_last_and_all_outcomes_are_there(folder: Path, writer: LogWriter, runner: CliRunner) -> None:
    for number in range(30):
        writer.append({EVENTS: [event(f"m-{number}")]})
    for records in ({QUARANTINE: [REFUSED]}, {DROPPED: [REPEATED]}):
        next_millisecond()
        writer.append(records)
    assert ids_of(runner, folder, "-n", "4") == ["m-28", "m-29", "q-1", "d-1"]
    assert len(ids_of(runner, folder)) == 10
    assert ids_of(runner, folder, "-n", "0") == []
    shown = lines_of(runner, folder, "-n", "3")
    assert "Signed Up" in shown[0]
    assert "u1" in shown[0]
    assert shown[1].endswith("event_not_defined at /event")
    assert shown[2].endswith("duplicate")


def test_filters(folder: Path, writer: LogWriter, runner: CliRunner) -> None:
    records = [
        event("m-1"),
        event("m-2", name="Order Completed"),
        event("m-3", user="Anna"),
        event("m-4", source="app"),
        event("m-5", type="page", name="Home"),
    ]
    writer.append({EVENTS: records, QUARANTINE: [REFUSED], DROPPED: [REPEATED]})
    assert ids_of(runner, folder, "--name", "order") == ["m-2"]
    assert ids_of(runner, folder, "--user", "ann") == ["m-3"]
    assert ids_of(runner, folder, "--type", "page") == ["m-5"]
    assert set(ids_of(runner, folder, "--source", "app")) == {"m-4", "d-1"}
    assert ids_of(runner, folder, "--outcome", "quarantined") == ["q-1"]
    assert ids_of(runner, folder, "--outcome", "dropped", "--source", "web") == []
    wrong = runner.invoke(app, ["tail", "-w", str(folder), "--outcome", "lost"])
    assert wrong.exit_code == 2


def test_json_has_the_event_itself(folder: Path, writer: LogWriter, runner: CliRunner) -> None:
    writer.append({EVENTS: [event("m-1")]})
    [entry] = map(json.loads, lines_of(runner, folder, "--json"))
    assert entry["body"] == {"messageId": "m-1", "event": "Signed Up"}
    assert entry["outcome"] == "ok"
    assert entry["receivedAt"] == "2026-11-20T10:00:00.250Z"


def test_what_clients_send_does_not_steer_the_terminal() -> None:
    line = tail_line(open_record(EVENTS, 0, 0, event("m-1", name="\x1b[2J\r\nX", user="\x9b1m")).entry)
    assert line.plain.isprintable()
    assert "�[2J" in line.plain


@contextlib.contextmanager
def tailing(folder: Path, *flags: str) -> "Iterator[subprocess.Popen[str]]":
    """A `trackway tail` that follows; killed at the end if it has not ended, telling where it stood."""
    command = [sys.executable, "-X", "faulthandler", "-c", "from trackway.cli import main; main()", "tail"]
    process = subprocess.Popen(
        [*command, "-w", str(folder), *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGABRT)
            print(process.communicate(timeout=30)[1])


def lines_as_they_come(stream: IO[str]) -> "queue.Queue[tuple[float, str]]":
    came: queue.Queue[tuple[float, str]] = queue.Queue()

    def read() -> None:
        for line in stream:
            came.put((time.monotonic(), line))

    threading.Thread(target=read, daemon=True).start()
    return came


def test_new_events_show_at_once_and_ctrl_c_ends_it(folder: Path, writer: LogWriter) -> None:
    writer.append({EVENTS: [event("m-0")]})
    with tailing(folder, "--json", "-n", "1") as process:
        assert process.stdout
        came = lines_as_they_come(process.stdout)
        assert json.loads(came.get(timeout=60)[1])["messageId"] == "m-0"
        delays: list[float] = []
        for number in range(1, 21):
            writer.append({EVENTS: [event(f"m-{number}")]})
            written = time.monotonic()
            moment, line = came.get(timeout=30)
            assert json.loads(line)["messageId"] == f"m-{number}"
            delays.append(moment - written)
        writer.append({QUARANTINE: [REFUSED]})
        assert json.loads(came.get(timeout=30)[1])["messageId"] == "q-1"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr
        assert process.stderr.read() == ""
    # The median: on a busy machine single ones may wait for a processor.
    assert sorted(delays)[len(delays) // 2] < 0.1


def test_it_waits_for_a_log_that_is_not_there_yet(folder: Path) -> None:
    with tailing(folder, "--json") as process:
        assert process.stdout
        came = lines_as_they_come(process.stdout)
        with (
            contextlib.closing(SqliteLog(folder / "data" / "log" / "clean", CLEAN_TOPICS)) as log,
            log.writer(0) as writer,
        ):
            writer.append({EVENTS: [event("m-1")]})
            assert json.loads(came.get(timeout=60)[1])["messageId"] == "m-1"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_ctrl_c_is_heard_where_an_exception_would_be_passed_over(
    folder: Path, writer: LogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    class Finalized:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def line(entry: Entry) -> str:
        shown.append(entry.message_id or "")
        if shown == ["m-0"]:
            writer.append({EVENTS: [event("m-1")]})
        elif shown == ["m-0", "m-1"]:
            writer.append({EVENTS: [event("m-2"), event("m-3")]})
            Finalized()
        else:
            raise AssertionError("it goes on after Ctrl-C")
        return shown[-1]

    writer.append({EVENTS: [event("m-0")]})
    monkeypatch.setattr("trackway.cli.tail_line.tail_line", line)
    result = CliRunner().invoke(app, ["tail", "-w", str(folder), "-n", "1"])
    assert (result.exit_code, shown) == (0, ["m-0", "m-1"]), result.output
