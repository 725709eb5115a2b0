"""Faults of ours on the short way: each costs time, and no event, so nobody would see them if they were not told."""

import logging
from collections.abc import Callable

Fault = Callable[[tuple[int, int], Exception], None]
"""Is told that the short way failed on the call that stands at a partition's offset, and why."""
_log = logging.getLogger(__name__)


class Faults:
    """The faults of one short way. Each kind is logged once: what was raised, and where."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._told: set[tuple[type[Exception], str, int]] = set()

    def of_source(self, source: str) -> Fault:
        """Return what takes the faults on a source's calls."""

        def tell(place: tuple[int, int], error: Exception) -> None:
            self._counts[source] = self._counts.get(source, 0) + 1
            kind = _kind(error)
            if kind not in self._told:
                self._told.add(kind)
                _log.error(
                    "the short way failed on the call of source %s at %d:%d of the raw log; the stages take such ones, "
                    "so nothing is lost but time. Please report this fault of Trackway's: it is logged once, and all "
                    "are counted in trackway_pipeline_short_way_faults_total",
                    source,
                    *place,
                    exc_info=error,
                )

        return tell

    def take_counts(self) -> dict[str, int]:
        """Return the number of faults by source since this was asked last."""
        counts, self._counts = self._counts, {}
        return counts


def _kind(error: Exception) -> tuple[type[Exception], str, int]:
    """Return what an error is and where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (type(error), trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else (type(error), "", 0)
