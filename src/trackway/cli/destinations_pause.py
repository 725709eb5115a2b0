"""Hold destinations back and let them go on; a running product follows within a second or two."""

import time
from collections.abc import Sequence
from pathlib import Path

from trackway.delivery import pauses
from trackway.errors import TrackwayError
from trackway.state import open_state
from trackway.workspace import load_workspace


def set_paused(folder: Path, names: Sequence[str], *, paused: bool) -> None:
    """Note that destinations of the workspace in `folder` are to be held back, or not; durable on return.

    Raises:
        TrackwayError: there is no such destination that is switched on; nothing was noted.
    """
    workspace = load_workspace(folder, sending=False)
    known = [key for key, one in workspace.destinations.items() if one.enabled]
    for name in names:
        if name not in known:
            there_are = ", ".join(known) or "none"
            raise TrackwayError(f"there is no destination {name} that is switched on; there are: {there_are}")
    engine = open_state(workspace.data / "state.db")
    try:
        for name in names:
            if paused:
                pauses.add(engine, name, time.time_ns() // 1_000_000)
            else:
                pauses.remove(engine, name)
    finally:
        engine.dispose()
