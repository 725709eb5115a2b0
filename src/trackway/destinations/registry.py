"""Find a destination by its type, and make it ready with an operator's settings."""

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Generator, Mapping, Sequence
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, Protocol, cast

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.errors import TrackwayError
from trackway.workspace.load import convert

CATALOG = "trackway.destinations.catalog"
ENTRY_POINTS = "trackway.destinations"


class Module(Protocol):
    """What the module of a destination holds.

    `limits(settings)` may stand for `LIMITS`. `row` and `judge` may be absent: then a row is the event as it stands,
    and the answer's status decides.
    """

    NAME: str
    """The name in an event's `integrations`, as Segment's users write it."""
    Settings: type[Struct]
    """What an operator fills in."""
    LIMITS: kit.Limits
    limits: Callable[[Any], kit.Limits]
    row: Callable[[Any, kit.Event], "Rows"]
    request: Callable[[Any, Sequence[kit.Row]], kit.Request]

    def judge(self, response: kit.Response, *, count: int) -> list[kit.Outcome]:
        """Say what became of each of the `count` rows, in request order."""
        ...


Rows = kit.Row | Sequence[kit.Row] | kit.Skipped | kit.Rejected
Exchange = Generator[kit.Request, kit.Response, list[kit.Outcome]]


class DestinationError(TrackwayError):
    """There is no such destination, or its module is not one; the message says what to do."""


class UnreadableAnswer(TrackwayError):
    """The destination's `judge` could not make sense of an answer; delivery tries again."""


class Destination:
    """A destination with its settings: what delivery works with."""

    def __init__(self, kind: str, module: Module, settings: Any, *, name: str = "") -> None:
        self.kind = kind
        self.name = name or module.NAME
        self.settings = settings
        self.limits = module.limits(settings) if hasattr(module, "limits") else module.LIMITS
        self._module = module
        self._row = getattr(module, "row", None)
        self._judge = getattr(module, "judge", kit.by_status)

    def rows(self, event: kit.Event) -> Sequence[kit.Row] | kit.Skipped | kit.Rejected:
        """Return what is to be sent of `event`, at least one row, or why nothing is."""
        if self._row is None:
            return (kit.Row(event=event, value=msgspec.Raw(event.body)),)
        try:
            found = self._row(self.settings, event)
        except Exception as error:  # noqa: BLE001  a destination may come from anyone; its fault costs this event only
            return kit.Rejected("mapping_failed", type(error).__name__)
        if isinstance(found, kit.Row):
            return (found,)
        return found or kit.Skipped("NO_MATCHING_MAPPING")

    def exchange(self, rows: Sequence[kit.Row]) -> Exchange:
        """Yield the requests that carry `rows`, take their answers, and return an outcome per row, in order.

        Raises:
            UnreadableAnswer: the destination could not judge an answer.
        """
        try:
            request = self._module.request(self.settings, rows)
        except Exception as error:  # noqa: BLE001  as in `rows`
            return [kit.Rejected("request_failed", type(error).__name__)] * len(rows)
        response = yield request
        try:
            outcomes = self._judge(response, count=len(rows))
        except Exception as error:
            raise UnreadableAnswer(type(error).__name__) from error
        if len(outcomes) != len(rows):
            raise UnreadableAnswer(f"{len(outcomes)} outcomes for {len(rows)} rows")
        return outcomes

    def secrets(self) -> list[str]:
        """Return all secrets among the settings, for removing them from what is shown."""
        return sorted(set(_secrets(self.settings)), key=len, reverse=True)


def load(kind: str, settings: Mapping[str, Any], *, name: str = "", where: str) -> Destination:
    """Return the destination of type `kind` with an operator's `settings`, which stand at `where` in the file.

    Raises:
        DestinationError: there is no such type; the message has the nearest one.
        WorkspaceError: the settings are wrong; it points at the place.
    """
    module = cast("Module", find(kind))
    return Destination(kind, module, convert(dict(settings), module.Settings, where=where), name=name)


def find(kind: str) -> ModuleType:
    """Return the module of a destination type: from the catalogue, else from an installed package; import no other.

    Raises:
        DestinationError: there is none, or it lacks what a destination needs.
    """
    path = f"{CATALOG}.{kind}"
    if kind.isidentifier() and importlib.util.find_spec(path) is not None:
        return _checked(kind, importlib.import_module(path))
    for point in entry_points(group=ENTRY_POINTS, name=kind):
        return _checked(kind, point.load())
    near = difflib.get_close_matches(kind, known(), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known())}"
    raise DestinationError(f"there is no destination type {kind}; {hint}")


def known() -> list[str]:
    """Return the names of all destination types that can be found, without importing any."""
    package = importlib.import_module(CATALOG)
    names = {module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")}
    return sorted(names | {point.name for point in entry_points(group=ENTRY_POINTS)})


def _checked(kind: str, module: Any) -> ModuleType:
    lacking = [name for name in ("NAME", "Settings", "request") if not hasattr(module, name)]
    if not hasattr(module, "LIMITS") and not hasattr(module, "limits"):
        lacking.append("LIMITS")
    if lacking:
        raise DestinationError(f"the module of destination type {kind} lacks {', '.join(lacking)}")
    return module


def _secrets(value: Any) -> list[str]:
    if isinstance(value, kit.Secret):
        return [value.reveal()] if value.reveal() else []
    if isinstance(value, Struct):
        return [secret for name in value.__struct_fields__ for secret in _secrets(getattr(value, name))]
    if isinstance(value, dict):
        return [secret for item in cast("dict[Any, Any]", value).values() for secret in _secrets(item)]
    if isinstance(value, list | tuple):
        return [secret for item in cast("Sequence[Any]", value) for secret in _secrets(item)]
    return []
