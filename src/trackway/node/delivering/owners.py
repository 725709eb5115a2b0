"""Which process delivers to which destination."""

import os
from collections import Counter

from trackway.workspace.model import Workspace


def processes_of(workspace: Workspace) -> int:
    """Return how many processes deliver; 1 is the hub's own."""
    wanted = workspace.delivery.processes
    if wanted != "auto":
        return wanted
    enabled = sum(one.enabled for one in workspace.destinations.values())
    # A core is left to the collector, the pipeline and the hub.
    return max(1, min(len(os.sched_getaffinity(0)) - 1, enabled))


class Owners:
    """Spreads destinations over processes: as evenly as can be, and none ever moves while the product runs.

    One that is gone and comes back has the owner that it had: the end of its first life cannot cross its second.
    """

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._of: dict[str, int] = {}

    def of(self, workspace: Workspace) -> dict[str, int]:
        """Return the number of the process for each enabled destination; `{}` when the hub delivers to all."""
        if self.processes == 1:
            return {}
        enabled = [key for key, one in workspace.destinations.items() if one.enabled]
        load = Counter(self._of[key] for key in enabled if key in self._of)
        for key in enabled:
            if key not in self._of:
                self._of[key] = min(range(self.processes), key=lambda number: (load[number], number))
                load[self._of[key]] += 1
        return {key: self._of[key] for key in enabled}
