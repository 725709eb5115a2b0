"""P1: several processes write to a log and are killed, at any moment, rotation, checkpoints and retention included."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.promises.log_check import PARTITIONS, check


@pytest.mark.timeout(180)
def test_whenever_its_writers_are_killed_the_log_has_all_they_acknowledged(memory_path: Path):
    chance = random.Random(11)
    for number in range(4):
        children = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.promises.log_child", memory_path, str(partition), str(number), "100000"],
                stdout=subprocess.PIPE,
            )
            for partition in PARTITIONS
        ]
        for child in children:
            assert child.stdout
            for _ in range(chance.randrange(1, 200)):
                assert child.stdout.readline()
            child.kill()
        for child in children:
            child.communicate()
        # A line that its writer could not finish tells of nothing.
        told = (memory_path / "told").read_bytes().rpartition(b"\n")[0]
        assert check(memory_path, told) == []
    # Most segments are deleted by now; the number says how many there have been.
    assert max(int(one.stem) for one in (memory_path / "log" / "p00001").glob("*.segment")) > 2
