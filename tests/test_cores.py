"""Processes that keep to one core, and those that they start."""

import json
import os
import subprocess
import sys

import pytest

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="needs a system with two cores that can tell which")

_ASK = "import os, json; print(json.dumps(sorted(os.sched_getaffinity(0))), flush=True)"
_CHILD = f"from trackway.cores import use_all; use_all(); {_ASK}"


def cores_of(number: int, processes: int) -> tuple[list[int], list[int]]:
    """The cores of a process that is to keep to one, and of one that it starts."""
    script = (
        f"from trackway.cores import keep_to_one; keep_to_one({number}, {processes}); {_ASK}; "
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_CHILD!r}], check=True)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    own, child = map(json.loads, run.stdout.splitlines())
    return own, child


def test_each_of_several_has_its_own_and_what_they_start_has_all():
    found = [cores_of(number, 2) for number in range(2)]
    assert [len(own) for own, _ in found] == [1, 1]
    assert found[0][0] != found[1][0]
    assert [child for _, child in found] == [CORES, CORES]


def test_more_than_there_are_cores_run_on_any():
    assert cores_of(0, len(CORES) + 1) == (CORES, CORES)
