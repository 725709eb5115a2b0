"""A flag that signal handlers set."""

import subprocess
import sys
import threading

import pytest

from trackway.node.flag import Flag

_STORM = """
import random, signal
from trackway.node.flag import Flag

flag = Flag()
signal.signal(signal.SIGALRM, lambda *_: flag.set())
for _ in range(20_000):
    flag = Flag()
    signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-6, 1e-4))
    while not flag.wait(1e-5):
        pass
    flag.clear()
    assert not flag.is_set()
"""


def test_a_handler_may_set_it_wherever_in_wait_it_comes():
    # With threading.Event this stands still within the first hundred.
    subprocess.run([sys.executable, "-c", _STORM], timeout=60, check=True)


@pytest.mark.parametrize("times", [1, 3])
def test_it_wakes_who_waits_in_another_thread(times: int):
    flag = Flag()
    woken: list[bool] = []
    thread = threading.Thread(target=lambda: woken.append(flag.wait()))
    thread.start()
    for _ in range(times):
        flag.set()
    thread.join(60)
    assert woken == [True]
    assert flag.is_set() and flag.wait(0)


def test_after_clear_it_is_waited_for_again():
    flag = Flag()
    assert not flag.wait(0.001)
    flag.set()
    flag.set()
    flag.clear()
    assert not flag.is_set() and not flag.wait(0.001)
    flag.set()
    assert flag.wait(0)
