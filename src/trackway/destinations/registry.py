"""Find a destination by its type, and make it ready with an operator's settings."""

import difflib
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.errors import TrackwayError
from trackway.workspace.load import FILE_NAME, WorkspaceError, convert

CATALOG = "trackway.destinations.catalog"
ENTRY_POINTS = "trackway.destinations"
OWN = "destinations"
"""The folder in a workspace with destination types of its own, a file or a package each."""
_TOO_LARGE = 413


class Module(Protocol):
    """What the module of a destination holds.

    `limits(settings)` may stand for `LIMITS`, `ACTIONS` and `MAPPINGS` for `row`, `exchange` for `request` and `judge`.
    Without `row` or a table a row is the event as it stands; without `judge` the answer's status decides.
    """

    NAME: str
    """The name in an event's `integrations`, as Segment's users write it."""
    Settings: type[Struct]
    """What an operator fills in."""
    LIMITS: kit.Limits
    ACTIONS: Mapping[str, kit.Action]
    MAPPINGS: Mapping[str, kit.Mapping]
    FIRST_MATCH: bool
    """An event goes through the first mapping that wants it; default: through all."""
    limits: Callable[[Any], kit.Limits]
    row: Callable[[Any, kit.Event], kit.Rows]
    request: Callable[[Any, Sequence[kit.Row]], kit.Request]
    rows_together: Callable[[Any, str], int]
    """How many rows of a route go into one request, where that is fewer than `LIMITS.events`."""
    exchange: Callable[[Any, Sequence[kit.Row], kit.Cache], "Exchange"]
    """Several requests for rows of one route, one after the other: a look-up and a write, a token and a call."""
    check: Callable[[Any], kit.Request]
    """A request that changes nothing and is answered 2xx when the settings are right."""
    delete_user: Callable[[Any, str], kit.Request]
    """A request that has the vendor delete what it knows of a user."""

    def judge(self, response: kit.Response, *, count: int) -> list[kit.Outcome]:
        """Say what became of each of the `count` rows, in request order."""
        ...


Answer = kit.Response | kit.Retry | kit.Rejected
"""What came of a request; the latter two when nothing came back."""
Exchange = Generator[kit.Request, Answer, list[kit.Outcome]]


class DestinationError(TrackwayError):
    """There is no such destination, or its module is not one; the message says what to do."""


class UnreadableAnswer(TrackwayError):
    """The destination's `judge` could not make sense of an answer; delivery tries again."""


class Destination:
    """A destination with its settings: what delivery works with."""

    def __init__(
        self,
        kind: str,
        module: Module,
        settings: Any,
        *,
        name: str = "",
        mappings: Mapping[str, kit.Mapping] | None = None,
    ) -> None:
        self.kind = kind
        self.name = name or module.NAME
        self.settings = settings
        self.limits = module.limits(settings) if hasattr(module, "limits") else module.LIMITS
        self.mappings = mappings if mappings is not None else getattr(module, "MAPPINGS", {})
        self._module = module
        self._row = self._maker()
        self._judge = getattr(module, "judge", kit.by_status)
        self._together = getattr(module, "rows_together", None)
        self._exchange = getattr(module, "exchange", None)
        self._cache = kit.Cache()

    def _maker(self) -> Callable[[kit.Event], kit.Rows] | None:
        if hasattr(self._module, "ACTIONS"):
            first = getattr(self._module, "FIRST_MATCH", False)
            return kit.Mapped(self._module.ACTIONS, self.mappings, self.settings, first_match=first).rows
        return partial(self._module.row, self.settings) if hasattr(self._module, "row") else None

    def rows(self, event: kit.Event) -> Sequence[kit.Row] | kit.Skipped | kit.Rejected:
        """Return what is to be sent of `event`, at least one row, or why nothing is."""
        if self._row is None:
            return (kit.Row(event=event, value=msgspec.Raw(event.body)),)
        try:
            found = self._row(event)
        except Exception as error:  # noqa: BLE001  a destination may come from anyone; its fault costs this event only
            return kit.Rejected("mapping_failed", _where(error))
        finally:
            event.forget()
        if isinstance(found, kit.Row):
            return (found,)
        return found or kit.Skipped("NO_MATCHING_MAPPING")

    def exchange(self, rows: Sequence[kit.Row]) -> Exchange:
        """Yield the requests that carry `rows` (of one route), take their answers, and return an outcome per row.

        Rows that share no request are sent one after the other; when one of these requests gets no answer, the rows of
        those after it are to be sent again with it, and the ones before it are not.

        Raises:
            UnreadableAnswer: the destination could not judge an answer.
        """
        if rows[0].rejected is not None:
            return [row.rejected or kit.Delivered() for row in rows]
        together = self._together(self.settings, rows[0].route) if self._together else len(rows)
        outcomes: list[kit.Outcome] = []
        for first in range(0, len(rows), together):
            part = rows[first : first + together]
            steps = self._exchange(self.settings, part, self._cache) if self._exchange else self._single(part)
            try:
                outcomes.extend((yield from self._guarded(steps, len(part))))
            except UnreadableAnswer:
                if not outcomes:
                    raise
                outcomes.append(kit.Retry("unreadable_answer"))
            if isinstance(outcomes[-1], kit.Retry) and len(outcomes) < len(rows):
                # In order: what follows waits for what is tried again.
                return outcomes + [outcomes[-1]] * (len(rows) - len(outcomes))
        return outcomes

    def _single(self, rows: Sequence[kit.Row]) -> Exchange:
        response = yield self._module.request(self.settings, rows)
        if not isinstance(response, kit.Response):
            return [response] * len(rows)
        try:
            if response.status != _TOO_LARGE or len(rows) == 1:
                return self._judge(response, count=len(rows))
        except kit.Divide:
            if len(rows) == 1:
                return kit.by_status(response, count=1)
        half = len(rows) // 2
        return (yield from self._single(rows[:half])) + (yield from self._single(rows[half:]))

    def _guarded(self, steps: Exchange, count: int) -> Exchange:
        """Carry out one exchange of the module's; its faults cost the events of this request only."""
        try:
            request = next(steps)
        except StopIteration as done:
            return self._counted(done.value, count)
        except Exception as error:  # noqa: BLE001  as in `rows`
            return [kit.Rejected("request_failed", _where(error))] * count
        while True:
            answer = yield request
            try:
                request = steps.send(answer)
            except StopIteration as done:
                return self._counted(done.value, count)
            except Exception as error:
                raise UnreadableAnswer(type(error).__name__) from error

    @staticmethod
    def _counted(outcomes: list[kit.Outcome], count: int) -> list[kit.Outcome]:
        if len(outcomes) != count:
            raise UnreadableAnswer(f"{len(outcomes)} outcomes for {count} rows")
        return outcomes

    def check(self) -> kit.Request | None:
        """Return a request that is answered 2xx when the credentials are right, or None if there is no such request."""
        return self._module.check(self.settings) if hasattr(self._module, "check") else None

    def delete_user(self, user_id: str) -> kit.Request | None:
        """Return a request that has the vendor delete what it knows of a user, or None if it has no such request."""
        return self._module.delete_user(self.settings, user_id) if hasattr(self._module, "delete_user") else None

    def secrets(self) -> list[str]:
        """Return all secrets among the settings, for removing them from what is shown."""
        return sorted(set(_secrets(self.settings)), key=len, reverse=True)


def load(
    kind: str, settings: Mapping[str, Any], *, name: str = "", where: str, folder: Path | None = None
) -> Destination:
    """Return the destination of type `kind` with an operator's `settings`, which stand at `where` in the file.

    `folder` is the workspace's, which may hold destinations of its own.

    Raises:
        DestinationError: there is no such type; the message has the nearest one.
        WorkspaceError: the settings are wrong; it points at the place.
    """
    module = cast("Module", find(kind, folder))
    own = dict(settings)
    if not hasattr(module, "ACTIONS"):
        return Destination(kind, module, convert(own, module.Settings, where=where), name=name)
    written = own.pop("mappings", None)
    try:
        mappings = kit.overridden(module.ACTIONS, module.MAPPINGS, written, where=f"{where}.mappings")
    except kit.MappingError as error:
        raise WorkspaceError(f"{FILE_NAME}: {error}", where=error.where) from None
    return Destination(kind, module, convert(own, module.Settings, where=where), name=name, mappings=mappings)


def find(kind: str, folder: Path | None = None) -> ModuleType:
    """Return the module of a destination type: of the catalogue, of the workspace `folder`, or of an installed package.

    No other module is imported.

    Raises:
        DestinationError: there is none, or it lacks what a destination needs.
    """
    path = f"{CATALOG}.{kind}"
    if kind.isidentifier() and importlib.util.find_spec(path) is not None:
        return _checked(kind, importlib.import_module(path))
    if folder is not None and kind.isidentifier() and (file := own_file(folder, kind)) is not None:
        return _checked(kind, _from_file(kind, file))
    for point in entry_points(group=ENTRY_POINTS, name=kind):
        return _checked(kind, point.load())
    near = difflib.get_close_matches(kind, known(folder), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known(folder))}"
    raise DestinationError(f"there is no destination type {kind}; {hint}")


def known(folder: Path | None = None) -> list[str]:
    """Return the names of all destination types that can be found, without importing any."""
    package = importlib.import_module(CATALOG)
    names = {module.name for module in pkgutil.iter_modules(package.__path__)}
    if folder is not None:
        names |= {module.name for module in pkgutil.iter_modules([str(folder / OWN)])}
    names |= {point.name for point in entry_points(group=ENTRY_POINTS)}
    return sorted(name for name in names if not name.startswith("_"))


def own_file(folder: Path, kind: str) -> Path | None:
    """Return the file of a destination type that a workspace brings along, if there is one."""
    choices = (folder / OWN / f"{kind}.py", folder / OWN / kind / "__init__.py")
    return next((file for file in choices if file.is_file()), None)


def _from_file(kind: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"trackway_own_{kind}", file)
    if spec is None or spec.loader is None:
        raise DestinationError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[spec.name]
        raise DestinationError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _checked(kind: str, module: Any) -> ModuleType:
    lacking = [name for name in ("NAME", "Settings") if not hasattr(module, name)]
    if not hasattr(module, "request") and not hasattr(module, "exchange"):
        lacking.append("request")
    if hasattr(module, "ACTIONS") and not hasattr(module, "MAPPINGS"):
        lacking.append("MAPPINGS")
    if not hasattr(module, "LIMITS") and not hasattr(module, "limits"):
        lacking.append("LIMITS")
    if lacking:
        raise DestinationError(f"the module of destination type {kind} lacks {', '.join(lacking)}")
    return module


def _where(error: Exception) -> str:
    """Return what broke and where, without the values at hand: they may be secret."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"


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
