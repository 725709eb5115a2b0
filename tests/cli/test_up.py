"""`trackway up` in a real terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.running import Trackway, poll_until

COMMAND = str(Path(sys.executable).with_name("trackway"))


def start_in_terminal(trackway: Trackway) -> tuple[int, int]:
    """Start it as a shell in a terminal would; return its process id and the terminal's other end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(COMMAND, [COMMAND, "up", "--workspace", str(trackway.folder)])
    return pid, terminal


def read_until(terminal: int, text: str, timeout_s: float = 60.0) -> str:
    seen = b""
    deadline = time.monotonic() + timeout_s
    while text.encode() not in seen:
        assert time.monotonic() < deadline, f"waited for {text!r}; saw:\n{seen.decode(errors='replace')}"
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 65536)
    return seen.decode(errors="replace")


@pytest.mark.parametrize("how", ["Ctrl-C", "the terminal is closed", "SIGTERM"])
def test_it_shows_its_status_and_leaves_nothing_behind(tmp_path: Path, how: str):
    trackway = Trackway(tmp_path)
    pid, terminal = start_in_terminal(trackway)
    try:
        shown = read_until(terminal, "events/s")
        assert trackway.collector_url in shown and trackway.write_key in shown
        children = psutil.Process(pid).children(recursive=True)
        assert len(children) == 3
        if how == "Ctrl-C":
            os.write(terminal, b"\x03")
        elif how == "SIGTERM":
            os.kill(pid, signal.SIGTERM)
        else:
            os.close(terminal)
        try:
            poll_until(lambda: os.waitpid(pid, os.WNOHANG) != (0, 0), what="it to end")
        except AssertionError as error:
            left = [(one.pid, one.status(), one.num_threads()) for one in children if one.is_running()]
            error.add_note(f"its children: {left}; it stands in:\n{Path(f'/proc/{pid}/wchan').read_text()}")
            raise
        assert not [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    finally:
        for process in psutil.Process().children(recursive=True):
            if str(tmp_path) in " ".join(process.cmdline()):
                process.kill()


def test_the_curl_line_works_as_pasted_when_output_is_no_terminal(tmp_path: Path):
    trackway = Trackway(tmp_path)
    out = tmp_path / "out.txt"
    any_port = os.environ | {"TRACKWAY__COLLECTOR__PORT": "0", "TRACKWAY__CONSOLE__PORT": "0"}
    with out.open("wb") as file:
        process = subprocess.Popen(
            [COMMAND, "up", "-w", str(tmp_path)], stdout=file, env=any_port, start_new_session=True
        )
    try:
        poll_until(lambda: "trackway demo" in out.read_text(), what="the commands to be printed", timeout_s=30)
        (line,) = [line for line in out.read_text().splitlines() if line.strip().startswith("curl ")]
        answer = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=20, check=True)
        assert answer.stdout == '{"success":true}'
        poll_until(lambda: trackway.events(), what="the event")
        # Commands find the ports that were free.
        for words in (["send", "Found", "-u", "u1"], ["sql", "select 7 as seven"]):
            found = subprocess.run(
                [COMMAND, *words, "-w", str(tmp_path)], env=any_port, capture_output=True, text=True, timeout=60
            )
            assert found.returncode == 0, found.stderr
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_two_on_one_workspace_and_a_port_in_use_are_refused_with_a_sentence(tmp_path: Path):
    first = Trackway(tmp_path / "one")
    first.start()
    try:
        again = subprocess.run([COMMAND, "up", "-w", str(first.folder)], capture_output=True, text=True, timeout=30)
        assert again.returncode == 1 and "another Trackway (process" in again.stderr
        port = first.collector_url.rpartition(":")[2]
        environ = os.environ | {"TRACKWAY__COLLECTOR__PORT": port}
        other = Trackway(tmp_path / "two")
        taken = subprocess.run(
            [COMMAND, "up", "-w", str(other.folder)], env=environ, capture_output=True, text=True, timeout=30
        )
        assert taken.returncode == 1
        assert f"127.0.0.1:{port} cannot be listened on" in taken.stderr and "TRACKWAY__COLLECTOR__PORT" in taken.stderr
    finally:
        first.stop()
