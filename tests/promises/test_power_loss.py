"""P1: storage that forgets what was not synced. Whenever the power fails, nothing acknowledged is lost.

A log is written, by several processes, on storage that notes each change (`storage.c`). From these notes follows what a
disk could hold had the machine lost its power at any of them, and each such disk has to be a sound log.
"""

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.log_check import PARTITIONS, check
from tests.promises.storage import Disk, Storage, changes


def write_for_a_while(storage: Storage, seed: int, *, commits: int, spoil: str = "") -> None:
    """Let a process a partition write to the log at once."""
    code = f"{spoil}\nimport sys; from pathlib import Path; from tests.promises.log_child import main\n"
    code += "main(Path(sys.argv[1]), *map(int, sys.argv[2:]))"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, storage.root, str(partition), str(seed + partition), str(commits)],
            env=storage.environment,
            stdout=subprocess.DEVNULL,
        )
        for partition in PARTITIONS
    ]
    assert [child.wait(60) for child in children] == [0] * len(children)


def moments(trace: Path, disk: Disk, wanted: int, chance: random.Random) -> Iterator[None]:
    """Bring `disk` to `wanted` moments of a trace, one after the other."""
    all_changes = list(changes(trace))
    chosen = set(chance.sample(range(len(all_changes)), min(wanted, len(all_changes))))
    for number, change in enumerate(all_changes):
        disk.change(change)
        if number in chosen:
            yield


def cut_power(library: Path, folder: Path, *, rounds: int, cuts: int, commits: int, spoil: str = "") -> list[str]:
    """Write, cut the power at random moments, look at what is left, and go on from there; return what is wrong."""
    chance = random.Random(7)
    root = folder / "round0"
    wrong: list[str] = []
    told = b""
    for number in range(rounds):
        storage = Storage(library, root)
        disk = Disk(root)
        write_for_a_while(storage, number * 100, commits=commits, spoil=spoil)
        storage.close()
        after = folder / f"round{number + 1}"
        for _ in moments(storage.trace, disk, cuts, chance):
            shutil.rmtree(after, ignore_errors=True)
            after.mkdir()
            disk.write_after_power_loss(after, chance)
            wrong += check(after, told + disk.told)
            kept = bytes(disk.told)
        # The next round goes on from the last moment, which has been opened and mended by `check`.
        told += kept
        root = after
    return wrong


@pytest.mark.timeout(180)
def test_whenever_the_power_fails_everything_acknowledged_is_there(storage_library: Path, memory_path: Path):
    assert cut_power(storage_library, memory_path, rounds=2, cuts=25, commits=100) == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "spoil",
    [
        "from trackway.log import segment; opened = segment.open_for_writing\n"
        "def lax(path): db = opened(path); db.execute('PRAGMA synchronous=OFF'); return db\n"
        "segment.open_for_writing = lax",
        "from trackway.log import storage; storage.sync_folder = lambda folder: None",
    ],
    ids=["commits without a sync", "names without a sync"],
)
def test_the_test_sees_what_is_not_synced(storage_library: Path, memory_path: Path, spoil: str):
    assert cut_power(storage_library, memory_path, rounds=1, cuts=15, commits=60, spoil=spoil) != []
