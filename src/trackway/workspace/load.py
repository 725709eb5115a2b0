"""Read `trackway.yaml`: secrets from the environment or files, overrides from the environment, errors that help."""

import difflib
import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import yaml

from trackway.workspace.alerting import Names, unknown_name
from trackway.workspace.mistakes import FILE_NAME, WorkspaceError, join
from trackway.workspace.model import NAME_PATTERN, Warehouse, Workspace
from trackway.workspace.query import FieldPath, Query
from trackway.workspace.references import SENDING, References
from trackway.workspace.secret import Secret
from trackway.workspace.units import Duration, Size

ENV_PREFIX = "TRACKWAY__"
T = TypeVar("T")
_NAME = re.compile(NAME_PATTERN)
_NO_SETTINGS = {"folder"}
"""Members of a workspace that are not in its file."""
_PLANS = "tracking plans are files in plans/, which say for which sources they are: see docs/tracking-plans.md"
_ELSEWHERE = {"plan": _PLANS, "plans": _PLANS, "tracking_plan": _PLANS, "tracking_plans": _PLANS}
_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]+)`(?: - at `\$\.?([^`]*)`)?")
_MISSING_FIELD = re.compile(r"Object missing required field `([^`]+)`")
_BAD_CHOICE = "Invalid enum value "
_PLACE = re.compile(r"(.*) - at `\$\.?([^`]*)`", re.DOTALL)


def load_workspace(
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    files: set[Path] | None = None,
    sending: bool = True,
) -> Workspace:
    """Read the workspace in `folder`; every file that has a say in it is added to `files`.

    With `sending` false something stands in for what only sending needs, of destinations and alerts, where its variable
    is not set or its file is not there: whoever looks from another shell than the server's seldom has the secrets.

    `TRACKWAY__COLLECTOR__PORT=9000` in `environ` (default: the process's) overrides `collector.port`. `${NAME}` in a
    value, `{env: NAME}` and `{file: PATH}` are replaced; a path is relative to the folder.

    Raises:
        WorkspaceError: with the place in the file and what to do.
    """
    environ = os.environ if environ is None else environ
    file = folder / FILE_NAME
    if files is not None:
        files.add(file)
    try:
        tree = yaml.safe_load(file.read_text("utf-8"))
    except FileNotFoundError:
        raise WorkspaceError(f"{file} does not exist; `trackway up --workspace {folder}` makes one") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WorkspaceError(unreadable(file, error)) from error
    if not isinstance(tree, dict):
        raise WorkspaceError(f"{file}: expected settings such as `sources:` at the top, found {type(tree).__name__}")
    settings = cast("dict[str, Any]", tree)
    _override(settings, environ)
    seen: set[Path] = set() if files is None else files
    values = References(folder, environ, seen, stand_ins={} if sending else SENDING)
    settings = cast("dict[str, Any]", values.resolve(settings))
    workspace = convert(settings, Workspace, where="")
    workspace = msgspec.structs.replace(workspace, folder=folder.resolve())
    _check(workspace)
    return workspace


def resolve(value: Any, folder: Path, *, environ: Mapping[str, str] | None = None) -> Any:
    """Return `value` with what stands for `${NAME}`, `{env: NAME}` and `{file: PATH}`, relative to `folder`, in it.

    Raises:
        WorkspaceError: a variable is not set, a file cannot be read.
    """
    return References(folder, os.environ if environ is None else environ, set()).resolve(value)


def unreadable(file: Path, error: Exception) -> str:
    """Return what is to be said of a YAML file that cannot be read; with the place in it, if that is known."""
    return f"{file} cannot be read: {error}".replace('in "<unicode string>", ', "")


def convert(value: Any, kind: type[T], *, where: str) -> T:
    """Turn plain settings into the struct `kind`; `where` is their dotted place in the file, for messages.

    Raises:
        WorkspaceError: naming the place, and for an unknown key the nearest known one, or all.
    """
    try:
        return msgspec.convert(value, kind, dec_hook=_decode_hook)
    except msgspec.ValidationError as error:
        raise _nearer(value, kind, where) or _explained(str(error), kind, where) from None


def _nearer(value: Any, kind: type[Any], where: str) -> WorkspaceError | None:
    """Look for the fault within the named members of a group, or of a group in it; msgspec does not tell the names."""
    info = msgspec.inspect.type_info(kind)
    if not isinstance(info, msgspec.inspect.StructType) or not isinstance(value, dict):
        return None
    groups = cast("dict[str, Any]", value)
    for field in info.fields:
        members, group = groups.get(field.encode_name), field.type
        if isinstance(group, msgspec.inspect.StructType) and isinstance(members, dict):
            if (error := _nearer(members, group.cls, join(where, field.encode_name))) is not None:
                return error
            continue
        if not (isinstance(group, msgspec.inspect.DictType) and isinstance(members, dict)):
            continue
        if not isinstance(group.value_type, msgspec.inspect.StructType):
            continue
        for name, member in cast("dict[Any, Any]", members).items():
            place = join(where, field.encode_name)
            if not (isinstance(name, str) and _NAME.fullmatch(name)):
                advice = "write it in lower case, with letters, digits, - and _ only"
                return WorkspaceError(f"{FILE_NAME}: {place}: {name!r} cannot be a name; {advice}", where=place)
            try:
                convert(member, group.value_type.cls, where=join(place, name))
            except WorkspaceError as error:
                return error
    return None


def _decode_hook(kind: type[Any], value: Any) -> Any:
    if kind is Path:
        return Path(str(value))
    if kind in (Duration, Size, Secret, Query, FieldPath):
        return kind.decode(value)
    raise NotImplementedError(kind)


def _override(settings: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith(ENV_PREFIX):
            continue
        *parents, last = name.removeprefix(ENV_PREFIX).lower().split("__")
        node = settings
        for parent in parents:
            child = node.setdefault(parent, {})
            if not isinstance(child, dict):
                raise WorkspaceError(f"{name}: {parent} in {FILE_NAME} is not a group of settings", where=parent)
            node = cast("dict[str, Any]", child)
        try:
            node[last] = yaml.safe_load(environ[name])
        except yaml.YAMLError as error:
            problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
            where = ".".join((*parents, last))
            raise WorkspaceError(f"{name}: its value is no YAML: {problem}; put it into quotes", where=where) from None


def _explained(text: str, kind: type[Any], where: str) -> WorkspaceError:
    if found := _UNKNOWN_FIELD.search(text):
        key, path = found[1], join(where, found[2] or "")
        place = join(path, key)
        return WorkspaceError(f"{FILE_NAME}: {place} is unknown{_hint(key, kind, found[2] or '')}", where=place)
    told, path = found.groups() if (found := _PLACE.fullmatch(text)) else (text, "")
    place = join(where, path)
    if found := _MISSING_FIELD.fullmatch(told):
        place = join(place, found[1])
        return WorkspaceError(f"{FILE_NAME}: {place} is missing", where=place)
    if told.startswith(_BAD_CHOICE) and (choices := _choices(kind, path)):
        told = f"{told.removeprefix(_BAD_CHOICE)} is none of {', '.join(map(str, choices))}"
    return WorkspaceError(f"{FILE_NAME}: {place + ': ' if place else ''}{told}", where=place)


def _hint(key: str, kind: type[Any], path: str) -> str:
    """Return what to write instead of an unknown key in the group at the dotted `path` in `kind`."""
    groups = [one for one in _kinds_at(kind, path) if isinstance(one, msgspec.inspect.StructType)]
    known = [name for group in groups for field in group.fields if (name := field.encode_name) not in _NO_SETTINGS]
    if key in _ELSEWHERE:
        return f"; {_ELSEWHERE[key]}"
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}" if known else ""


def _choices(kind: type[Any], path: str) -> tuple[Any, ...]:
    """Return the values that stand to choose at the dotted `path` in `kind`; none where it cannot be told."""
    literals = [one for one in _kinds_at(kind, path) if isinstance(one, msgspec.inspect.LiteralType)]
    return tuple(value for one in literals for value in one.values)


def _kinds_at(kind: type[Any], path: str) -> Sequence[msgspec.inspect.Type]:
    """Return what a value at the dotted `path` in `kind` may be; `[…]` in it is any member of a table or list."""
    kinds = _each(msgspec.inspect.type_info(kind))
    for name in re.findall(r"\[[^]]*\]|[^.[]+", path):
        below: list[msgspec.inspect.Type] = []
        for one in kinds:
            if isinstance(one, msgspec.inspect.StructType):
                below += [field.type for field in one.fields if field.encode_name == name]
            elif isinstance(one, msgspec.inspect.DictType):
                below.append(one.value_type)
            elif isinstance(one, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
                below.append(one.item_type)
        kinds = [part for one in below for part in _each(one)]
    return kinds


def _each(kind: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    if isinstance(kind, msgspec.inspect.Metadata):
        return _each(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return [part for one in kind.types for part in _each(one)]
    return [kind]


def _check(workspace: Workspace) -> None:
    """Look for what a struct alone cannot tell."""
    owner: dict[str, str] = {}
    for name, source in workspace.sources.items():
        for key in source.write_keys:
            if not key or key != key.strip():
                place = f"sources.{name}.write_keys"
                raise WorkspaceError(f"{FILE_NAME}: {place}: a write key is empty or has spaces around it", where=place)
            if key in owner:
                place = f"sources.{name}.write_keys"
                raise WorkspaceError(
                    f"{FILE_NAME}: {place}: a write key belongs to one source, this one is also in {owner[key]}",
                    where=place,
                )
            owner[key] = name
    for proxy in workspace.collector.trusted_proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError as error:
            place = "collector.trusted_proxies"
            raise WorkspaceError(f"{FILE_NAME}: {place}: {error}", where=place) from None
    for name, source in workspace.sources.items():
        _check_sources(workspace, source.forward.targets, f"sources.{name}.forward")
        for target in source.forward.targets:
            if workspace.sources[target].forward.targets or target == name:
                place = f"sources.{name}.forward"
                advice = f"{target} hands calls on itself, which might go round for ever; name a source that does not"
                raise WorkspaceError(f"{FILE_NAME}: {place}: {advice}", where=place)
    for name, destination in workspace.destinations.items():
        _check_sources(workspace, destination.sources, f"destinations.{name}.sources")
    for name, warehouse in workspace.warehouses.items():
        _check_warehouse(warehouse, f"warehouses.{name}")
    _check_places(workspace.warehouses)
    names = Names(list(workspace.sources), list(workspace.destinations), list(workspace.warehouses))
    if (mistake := unknown_name(workspace.alerts, names)) is not None:
        place = f"alerts.{mistake[0]}"
        raise WorkspaceError(f"{FILE_NAME}: {place}: {mistake[1]}", where=place)
    for number, rule in enumerate(workspace.privacy.rules):
        place = f"privacy.rules[{number}]"
        _check_sources(workspace, rule.sources, f"{place}.sources")
        if rule.do == "hash" and workspace.privacy.salt is None:
            advice = "a hash needs a salt: add `salt: {env: PRIVACY_SALT}` under privacy"
            raise WorkspaceError(f"{FILE_NAME}: {place}: {advice}", where=place)
        if rule.path.keys[0] in ("type", "messageId"):
            raise WorkspaceError(f"{FILE_NAME}: {place}.path: an event without {rule.path} is none", where=place)


def _check_warehouse(warehouse: Warehouse, place: str) -> None:
    """Each kind has settings that it needs, and some that another kind has; every row has some columns."""
    for pattern, table in warehouse.tables.items():
        for column in {"id", "received_at"}.intersection(table.leave_out):
            where = f"{place}.tables.{pattern}.leave_out"
            raise WorkspaceError(f"{FILE_NAME}: {where}: every row has {column}; take it from the list", where=where)
    if warehouse.type == "postgres" and warehouse.url is None:
        advice = "a PostgreSQL warehouse needs the address of its database: url: {env: WAREHOUSE_URL}"
        raise WorkspaceError(f"{FILE_NAME}: {place}.url: {advice}", where=f"{place}.url")
    if warehouse.type == "files" and warehouse.path == Warehouse().path:
        advice = "a warehouse of files needs a place: a folder such as data/lake, or s3://bucket/prefix"
        raise WorkspaceError(f"{FILE_NAME}: {place}.path: {advice}", where=f"{place}.path")
    for key, kinds in _KEYS_OF_KINDS.items():
        if warehouse.type not in kinds and getattr(warehouse, key) != getattr(Warehouse(), key):
            message = f"only a warehouse of type {' or '.join(kinds)} has this; the type here is {warehouse.type}"
            raise WorkspaceError(f"{FILE_NAME}: {place}.{key}: {message}", where=f"{place}.{key}")


def _check_places(warehouses: Mapping[str, Warehouse]) -> None:
    """No two warehouses may load into one place: each would find the other's tables and position."""
    owner: dict[str, str] = {}
    for name, one in warehouses.items():
        key = "url" if one.type == "postgres" else "path"
        place = one.url.reveal() if one.url is not None else str(Path(one.path))
        if one.enabled and (other := owner.setdefault(f"{key} {place}", name)) != name:
            where = f"warehouses.{name}.{key}"
            advice = f"{other} is loaded into the same place; give each a {key} of its own"
            raise WorkspaceError(f"{FILE_NAME}: {where}: {advice}", where=where)


_KEYS_OF_KINDS = {
    "url": ("postgres",),
    "password": ("postgres",),
    "path": ("duckdb", "files"),
    "iceberg": ("files",),
    "s3": ("files",),
}


def _check_sources(workspace: Workspace, sources: list[str] | None, place: str) -> None:
    for source in sources or ():
        if source not in workspace.sources:
            near = difflib.get_close_matches(source, workspace.sources, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise WorkspaceError(f"{FILE_NAME}: {place}: there is no source {source}{hint}", where=place)
