"""What a change of the settings can do to a running product: taken over at once, or held back until a restart."""

from typing import Any, NamedTuple, cast

import msgspec
from msgspec import Struct

from trackway.workspace.model import Workspace


class Change(NamedTuple):
    """New settings, as far as a running product can take them over."""

    workspace: Workspace
    waiting: tuple[str, ...]
    """Dotted keys whose change waits for a restart; in `workspace` they are as at the start."""


def hold_back(started: Workspace, found: Workspace) -> Change:
    """Return `found` with what is read only at the start as it is in `started`."""
    held, waiting = _hold_back(started, found, "")
    return Change(held, waiting)


def is_read_at_start(kind: msgspec.inspect.Type) -> bool:
    """Return whether a field of this type is marked `AT_START`."""
    if not isinstance(kind, msgspec.inspect.Metadata):
        return False
    extra = cast("dict[str, Any] | None", kind.extra)  # pyright: ignore[reportUnknownMemberType]
    return bool(extra and extra.get("at_start"))


def _hold_back(started: Any, found: Any, where: str) -> tuple[Any, tuple[str, ...]]:
    held: dict[str, Any] = {}
    waiting: list[str] = []
    for field in msgspec.structs.fields(found):
        before, after = getattr(started, field.name), getattr(found, field.name)
        place = f"{where}{field.encode_name}"
        if is_read_at_start(msgspec.inspect.type_info(field.type)):
            if before != after:
                held[field.name] = before
                waiting.append(place)
        elif isinstance(after, Struct) and type(before) is type(after):
            held[field.name], more = _hold_back(before, after, f"{place}.")
            waiting += more
    return msgspec.structs.replace(found, **held), tuple(waiting)
