"""On which of the machine's cores a process runs."""

import os

_ALL = "TRACKWAY_CORES"
"""Names, to the processes that this one starts, the cores that it had before it kept to one."""


def keep_to_one(number: int, processes: int) -> None:
    """Keep the process to a core of its own among `processes` of its kind, of which it is the one with this number.

    For processes of which several threads take turns at Python's lock: on two cores each thread finds in the other
    core's cache what it needs next (docs/decisions/0023). Nothing is done where there are not enough cores, or where
    the system cannot tell. Threads that are started later, and other processes, keep to the same core.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if 1 < len(cores) >= processes:
        os.environ[_ALL] = ",".join(map(str, cores))
        os.sched_setaffinity(0, {cores[-1 - number]})  # the first has the most to do for the system


def use_all() -> None:
    """Run on whatever core is free, also if the process that started this one keeps to one."""
    cores = os.environ.pop(_ALL, "")
    if cores:
        os.sched_setaffinity(0, set(map(int, cores.split(","))))
