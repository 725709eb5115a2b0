"""Ask destinations whether they know the credentials of the workspace."""

from pathlib import Path

from trackway.delivery.check import Checked, check
from trackway.errors import TrackwayError
from trackway.workspace import load_workspace


async def check_all(folder: Path, name: str | None = None) -> list[Checked]:
    """Return what each destination of the workspace in `folder` says, or the one called `name`.

    Raises:
        TrackwayError: there is no such destination, or its settings are wrong.
    """
    workspace = load_workspace(folder)
    chosen = [key for key in workspace.destinations if name in (None, key)]
    if not chosen:
        known = ", ".join(workspace.destinations) or "none"
        raise TrackwayError(f"there is no destination {name or ''} in trackway.yaml; there are: {known}")
    return [await check(key, workspace) for key in chosen]
