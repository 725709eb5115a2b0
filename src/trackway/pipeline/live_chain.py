"""The chain of a running pipeline: built anew when one of its files changes."""

import logging
import time
from collections.abc import Callable, Sequence

from trackway.errors import TrackwayError
from trackway.pipeline.chain import Stage, build_chain, chain_stamp
from trackway.workspace.model import Workspace

_LOOK_EVERY_S = 0.5
_log = logging.getLogger(__name__)


class LiveChain:
    """Gives the stages for the next batch. A file with a mistake in it changes nothing: it is logged."""

    def __init__(self, workspace: Workspace, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Build the chain of `workspace`.

        Raises:
            TrackwayError: a file that a stage needs cannot be read.
        """
        self._workspace = workspace
        self._clock = clock
        self._stamp = chain_stamp(workspace)
        self._stages: Sequence[Stage] = build_chain(workspace)
        self._next_look = clock() + _LOOK_EVERY_S

    def __call__(self) -> Sequence[Stage]:
        """Return the stages, after a look at the files once in a while."""
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + _LOOK_EVERY_S
            self._look()
        return self._stages

    def _look(self) -> None:
        stamp = chain_stamp(self._workspace)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._stages = build_chain(self._workspace)
        except TrackwayError as error:
            _log.warning("%s; the pipeline goes on as before", error)
