"""Find a destination by its type, and make it ready with an operator's settings."""

import difflib
import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import msgspec

from trackway.destinations import kit
from trackway.destinations.destination import Destination, Module, place_of
from trackway.destinations.kit.values import Unfit
from trackway.destinations.shape import fault
from trackway.errors import TrackwayError
from trackway.workspace.load import FILE_NAME, WorkspaceError, convert

CATALOG = "trackway.destinations.catalog"
ENTRY_POINTS = "trackway.destinations"
OWN = "destinations"
"""The folder in a workspace with destination types of its own, a file or a package each."""


class DestinationError(TrackwayError):
    """There is no such destination, or its module is not one; the message says what to do."""


def load(
    kind: str, settings: Mapping[str, Any], *, name: str = "", where: str, folder: Path | None = None
) -> Destination:
    """Return the destination of type `kind` with an operator's `settings`, which stand at `where` in the file.

    `folder` is the workspace's, which may hold destinations of its own.

    Raises:
        DestinationError: there is no such type (the message has the nearest one), or its module is wrong.
        WorkspaceError: likewise, or the settings are wrong; it points at the place in the workspace's file.
    """
    try:
        module = cast("Module", find(kind, folder))
    except DestinationError as error:
        parent, _, _ = where.rpartition(".")
        if not parent:  # the type was not read from the workspace's file
            raise
        raise WorkspaceError(f"{FILE_NAME}: {parent}.type: {error}", where=f"{parent}.type") from error
    own = dict(settings)
    mappings: Mapping[str, kit.Mapping] | None = None
    if hasattr(module, "ACTIONS"):
        written = own.pop("mappings", None)
        try:
            mappings = kit.overridden(module.ACTIONS, module.MAPPINGS, written, where=f"{where}.mappings")
        except kit.MappingError as error:
            raise WorkspaceError(f"{FILE_NAME}: {error}", where=error.where) from None
    converted = convert(own, module.Settings, where=where)
    _check_secrets(converted, where)
    try:
        return Destination(kind, module, converted, name=name, mappings=mappings)
    except Exception as error:  # a destination may come from anyone
        wrong = str(error) if isinstance(error, Unfit | TrackwayError) else place_of(error)
        raise DestinationError(f"the module of destination type {kind} cannot be used: {wrong}") from error


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
        return _checked(kind, _from_package(point))
    near = difflib.get_close_matches(_as_type(kind), known(folder), n=1)
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


def _check_secrets(settings: Any, where: str) -> None:
    """Refuse an empty text for a secret that is needed: mostly it is a variable that was set to nothing."""
    for one in msgspec.structs.fields(settings):
        value = getattr(settings, one.name)
        if one.required and isinstance(value, kit.Secret) and not value.reveal():
            place = ".".join(part for part in (where, one.encode_name) if part)
            raise WorkspaceError(f"{FILE_NAME}: {place} is empty; is its variable or file?", where=place)


def _as_type(name: str) -> str:
    """Return a name as Segment's users write it, such as `HubSpot Cloud Mode (Actions)`, in the form of types."""
    return re.sub(r"\W+", "_", re.sub(r"\(?\bactions\b\)?|cloud mode", "", name.lower())).strip("_")


def _from_package(point: EntryPoint) -> ModuleType:
    try:
        return point.load()
    except Exception as error:
        raise DestinationError(f"{point.value} cannot be imported: {type(error).__name__}: {error}") from error


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
    if wrong := fault(module):
        raise DestinationError(f"the module of destination type {kind} cannot be used: {wrong}")
    return module
