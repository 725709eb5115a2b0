"""Whether a module is a destination's: what it lacks, and what in its tables cannot be, in a sentence for people."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from msgspec import Struct

from trackway.destinations import kit
from trackway.events import fql


def fault(module: Any) -> str:
    """Return what is wrong with a destination's module, `""` if nothing is as far as can be seen without settings."""
    lacking = [name for name in ("NAME", "Settings") if not hasattr(module, name)]
    if not hasattr(module, "request") and not hasattr(module, "exchange"):
        lacking.append("request")
    if hasattr(module, "ACTIONS") and not hasattr(module, "MAPPINGS"):
        lacking.append("MAPPINGS")
    if not hasattr(module, "LIMITS") and not hasattr(module, "limits"):
        lacking.append("LIMITS")
    if lacking:
        return f"it lacks {', '.join(lacking)}"
    return next(_wrong(module), "")


def _wrong(module: Any) -> Iterator[str]:
    if not (isinstance(module.Settings, type) and issubclass(module.Settings, Struct)):
        yield "Settings has to be a msgspec.Struct"
    if not isinstance(getattr(module, "LIMITS", kit.Limits()), kit.Limits):
        yield "LIMITS has to be a kit.Limits"
    actions, mappings = getattr(module, "ACTIONS", {}), getattr(module, "MAPPINGS", {})
    for table, kind, held in (("ACTIONS", kit.Action, actions), ("MAPPINGS", kit.Mapping, mappings)):
        members = cast("Mapping[Any, Any]", held).values() if isinstance(held, Mapping) else [None]
        if not all(isinstance(one, kind) for one in members):
            yield f"{table} has to be a dict of kit.{kind.__name__}"
    for name, mapping in mappings.items():
        place = f"MAPPINGS[{name!r}]"
        if mapping.action not in actions:
            yield f"{place}: there is no action {mapping.action} in ACTIONS"
        for field in mapping.fields:
            if field not in actions[mapping.action].fields:
                yield f"{place}: action {mapping.action} has no field {field}"
        try:
            fql.parse(mapping.trigger)
        except fql.FqlError as error:
            yield f"{place}: {error}"
