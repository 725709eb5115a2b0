"""When segments are checkpointed while they are written to."""

import queue
import threading
from pathlib import Path

import pytest

from trackway.log import keeper as keeper_module
from trackway.log import segment
from trackway.log.keeper import Keeper

MUCH = keeper_module._CHECKPOINT_BYTES  # pyright: ignore[reportPrivateUsage]
SEGMENT = Path("0000000001.segment")


class Checkpoints:
    """Checkpoints that begin when asked for and end when told to."""

    def __init__(self) -> None:
        self.begun: queue.Queue[Path] = queue.Queue()
        self.may_end = threading.Semaphore(0)

    def run(self, path: Path) -> None:
        self.begun.put(path)
        assert self.may_end.acquire(timeout=30)


@pytest.fixture
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> Checkpoints:
    found = Checkpoints()
    monkeypatch.setattr(segment, "checkpoint", found.run)
    return found


def commit_until_a_checkpoint_begins(keeper: Keeper, checkpoints: Checkpoints, size: int) -> int:
    """Commit `size` bytes at a time; return how often, until a checkpoint began."""
    for number in range(1, 100_000):
        keeper.tidy(SEGMENT, size)
        try:
            assert checkpoints.begun.get(timeout=0.001) == SEGMENT
        except queue.Empty:
            continue
        return number
    raise AssertionError("none began")


def test_a_checkpoint_begins_when_much_was_committed(checkpoints: Checkpoints):
    keeper = Keeper()
    for _ in range(3):
        keeper.tidy(SEGMENT, MUCH // 4)
    assert checkpoints.begun.empty()
    keeper.tidy(SEGMENT, MUCH // 4)
    assert checkpoints.begun.get(timeout=30) == SEGMENT
    checkpoints.may_end.release()
    keeper.close()


def test_none_begins_on_what_the_one_before_may_have_copied(checkpoints: Checkpoints):
    """The commit that is told first after a checkpoint may have been in it, however large: it does not count."""
    keeper = Keeper()
    keeper.tidy(SEGMENT, MUCH)
    checkpoints.begun.get(timeout=30)
    for _ in range(10):
        keeper.tidy(SEGMENT, MUCH)
    assert checkpoints.begun.empty()
    checkpoints.may_end.release()
    # However many of these are told before the keeper notes the end: the one that counts comes after another one.
    assert commit_until_a_checkpoint_begins(keeper, checkpoints, MUCH) >= 2
    checkpoints.may_end.release()
    keeper.close()
