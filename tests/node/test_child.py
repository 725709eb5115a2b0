"""A child process of the supervisor: one that cannot do its work, and one that is told to end."""

import subprocess
import sys
from pathlib import Path

from trackway.node.orders import News, Orders, to_line
from trackway.workspace import load_workspace


def test_a_child_that_cannot_begin_says_why_in_a_line(tmp_path: Path):
    (tmp_path / "trackway.yaml").write_text("sources: {web: {write_keys: [wk]}}")
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "web.yaml").write_text("track: [\n")
    orders = to_line(Orders("pipeline", News(load_workspace(tmp_path))))
    with subprocess.Popen(
        [sys.executable, "-m", "trackway.node"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin and child.stderr
        child.stdin.write(orders)
        child.stdin.flush()  # and left open: the supervisor lives
        assert child.wait(60) == 1
        said = child.stderr.read().decode()
    assert said == f"{tmp_path}/plans/web.yaml:2: did not find expected node content\n"


def test_a_child_ends_at_sigterm(tmp_path: Path):
    (tmp_path / "trackway.yaml").write_text("sources: {web: {write_keys: [wk]}}")
    orders = to_line(Orders("pipeline", News(load_workspace(tmp_path))))
    with subprocess.Popen(
        [sys.executable, "-m", "trackway.node"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin and child.stdout
        child.stdin.write(orders)
        child.stdin.flush()
        assert child.stdout.readline() == b"ready\n"
        child.terminate()
        assert child.wait(60) == 0
