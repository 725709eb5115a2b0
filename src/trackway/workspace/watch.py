"""Notice when `trackway.yaml` changes."""

import asyncio
import logging
from collections.abc import Callable

from trackway.errors import TrackwayError
from trackway.workspace.load import FILE_NAME, load_workspace
from trackway.workspace.model import Workspace

_LOOK_EVERY_S = 0.5
_log = logging.getLogger(__name__)


async def watch_workspace(workspace: Workspace, changed: Callable[[Workspace], None]) -> None:
    """Call `changed` with the new settings whenever the file changes, for ever.

    A file with a mistake in it changes nothing: the mistake is logged, and the old settings stay.
    """
    seen = _stamp(workspace)
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        now = _stamp(workspace)
        if now == seen or now is None:
            continue
        seen = now
        try:
            changed(load_workspace(workspace.folder))
        except TrackwayError as error:
            _log.warning("%s; the settings before it stay in force", error)


def _stamp(workspace: Workspace) -> tuple[int, int, int] | None:
    """What changes with the file; None while an editor is replacing it."""
    try:
        found = (workspace.folder / FILE_NAME).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
