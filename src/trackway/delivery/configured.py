"""A destination as trackway.yaml has it, for those who send nothing themselves."""

from trackway.delivery.filters import Filter
from trackway.destinations import registry
from trackway.destinations.destination import Destination
from trackway.errors import TrackwayError
from trackway.workspace.model import Workspace


def load_destination(workspace: Workspace, key: str) -> tuple[Destination, Filter]:
    """Return a destination and its filter with today's settings, also one that is switched off.

    Raises:
        TrackwayError: there is no such destination, or its settings are wrong.
    """
    settings = workspace.destinations.get(key)
    if settings is None:
        raise TrackwayError(f"there is no destination {key} in trackway.yaml any more")
    where = f"destinations.{key}.settings"
    destination = registry.load(
        settings.type, settings.settings, name=settings.name, where=where, folder=workspace.folder
    )
    return destination, Filter.of(destination.name, workspace, key)
