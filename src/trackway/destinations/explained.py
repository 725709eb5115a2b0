"""What a setting of a destination's own type is in a workspace."""

from collections.abc import Callable
from typing import Any, cast

from trackway.destinations import registry
from trackway.destinations.reference import reference
from trackway.errors import TrackwayError
from trackway.workspace.explain import Explained
from trackway.workspace.load import FILE_NAME
from trackway.workspace.model import Destination, Workspace

HIDDEN = "***"


def of_destination(
    workspace: Workspace, key: str, *, is_secret: Callable[[str], bool] = lambda key: False
) -> Explained | None:
    """Return the explanation of a key such as `destinations.crm.settings.region`, None when there is none.

    Values of secrets are `***`, and those of keys that `is_secret`.
    """
    parts = key.split(".")
    if len(parts) < 4 or parts[0] != "destinations" or parts[2] != "settings" or parts[1] not in workspace.destinations:
        return None
    destination = workspace.destinations[parts[1]]
    if parts[3] == "mappings":
        meaning = "Changes to the usual mappings of the destination, and further ones."
        kind, default = "mappings by name", "{}"
    else:
        try:
            told = reference(destination.type, workspace.folder)
        except TrackwayError:
            return None
        one = next((one for one in told.settings if one.name == parts[3]), None)
        if one is None:
            return None
        meaning, kind, default = one.about, one.kind, one.default or None
    given: Any = destination.settings
    for part in parts[3:]:
        given = cast("dict[str, Any]", given).get(part) if isinstance(given, dict) else None
    value = None
    if given is not None:
        value = HIDDEN if "secret" in kind or is_secret(key) else _told(given)
        for secret in _secrets(workspace, parts[1], destination):
            value = value.replace(secret, HIDDEN)
    where = FILE_NAME if given is not None else "default"
    return Explained(
        key=key, meaning=meaning, kind=kind, default=default, value=value, set_in=where, taken_over="at once"
    )


def _secrets(workspace: Workspace, key: str, one: Destination) -> list[str]:
    try:
        where = f"destinations.{key}.settings"
        return registry.load(one.type, one.settings, where=where, folder=workspace.folder).secrets()
    except TrackwayError:
        return []


def _told(given: Any) -> str:
    """Return a value as it is written; of a group the names alone, for secrets may stand in it."""
    if isinstance(given, dict):
        return ", ".join(map(str, cast("dict[Any, Any]", given)))
    return str(given)
