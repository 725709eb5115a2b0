"""Segment's mapping directives (`@path`, `@if`, …) as expressions, so that an exported mapping works as it is.

Source: the README of mapping-kit in Segment's open-source action-destinations, read 2026-11-23. `@liquid` is not known.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from trackway.destinations.kit import conditions, functions, values
from trackway.destinations.kit import expressions as ex
from trackway.errors import TrackwayError


class MappingError(TrackwayError):
    """A mapping cannot be read; `where` is the dotted place in it."""

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.where = where


def read_segment(value: Any, where: str = "") -> ex.Expression:
    """Return the expression of a mapping in Segment's form: directives, objects of them, and literal values.

    Raises:
        MappingError: a directive is unknown or lacks something; it points at the place.
    """
    if isinstance(value, list):
        parts = [read_segment(one, f"{where}[{n}]") for n, one in enumerate(cast("list[Any]", value))]
        return ex.call(_listed, *parts, always=True)
    if not isinstance(value, dict):
        return ex.const(value)
    members = cast("dict[str, Any]", value)
    name = directive(members)
    if name is None:
        return ex.fields({key: read_segment(one, f"{where}.{key}") for key, one in members.items()})
    if len([key for key in members if key.startswith("@")]) > 1:
        raise MappingError("one directive at a time", where=where)
    if name not in _DIRECTIVES:
        raise MappingError(f"{name} is unknown; there are {', '.join(_DIRECTIVES)}", where=where)
    return _DIRECTIVES[name](members[name], f"{where}.{name}")


def directive(members: Mapping[str, Any]) -> str | None:
    """Return the name of the directive that an object is, or None if it is a plain one."""
    return next((key for key in members if key.startswith("@")), None)


def _options(value: Any, where: str, *needed: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MappingError(f"expected an object with {', '.join(needed)}", where=where)
    options = cast("dict[str, Any]", value)
    for name in needed:
        if name not in options:
            raise MappingError(f"{name} is missing", where=where)
    return options


def path(value: Any, where: str) -> ex.Expression:
    """Return what stands at the path that `value` is."""
    if not isinstance(value, str):
        raise MappingError("expected a path such as $.properties.revenue", where=where)
    return ex.at(value)


def template(value: Any, where: str) -> ex.Expression:
    """Return the text with holes that `value` is."""
    if not isinstance(value, str):
        raise MappingError("expected text with holes such as {{event}}", where=where)
    return ex.template(value.replace("{{$.", "{{"))


def _if(value: Any, where: str) -> ex.Expression:
    options = _options(value, where)
    then = read_segment(options.get("then"), f"{where}.then")
    otherwise = read_segment(options.get("else"), f"{where}.else")
    for key, test in (("exists", conditions.exists), ("blank", _NotBlank)):
        if key in options:
            asked = read_segment(options[key], f"{where}.{key}")
            if key == "exists" and options[key] == options.get("then"):
                return ex.first_of(asked, otherwise)
            return ex.when(test(asked), then, otherwise)
    raise MappingError("exists or blank is missing", where=where)


class _NotBlank(ex.Test):
    """The value is there and not `""`; Segment calls the test `blank` all the same."""

    def __init__(self, value: ex.Expression) -> None:
        self.value = value

    def emit(self, code: Any) -> str:
        found = code.hold(self.value.emit(code))
        return f"({found} is not None and {found} != '')"


def _case(value: Any, where: str) -> ex.Expression:
    options = _options(value, where, "operator", "value")
    turn = {"lower": functions.lower, "upper": functions.upper}.get(options["operator"])
    if turn is None:
        raise MappingError("operator is lower or upper", where=where)
    return turn(read_segment(options["value"], f"{where}.value"))


def _replace(value: Any, where: str) -> ex.Expression:
    options = _options(value, where, "pattern", "value")
    pairs = [(str(options["pattern"]), str(options.get("replacement") or ""))]
    if options.get("pattern2"):
        pairs.append((str(options["pattern2"]), str(options.get("replacement2") or "")))
    ignore_case, every = options.get("ignorecase") is True, options.get("global") is not False
    source = read_segment(options["value"], f"{where}.value")
    return ex.call(values.replace, source, tuple(pairs), ignore_case=ignore_case, every=every)


def _array_path(value: Any, where: str) -> ex.Expression:
    if not isinstance(value, list) or not value:
        raise MappingError("expected a list of a path and a shape", where=where)
    given = cast("list[Any]", value)
    items = ex.at(given[0]) if isinstance(given[0], str) else read_segment(given[0], f"{where}[0]")
    if len(given) < 2 or not given[1]:
        return items
    return ex.each(items, read_segment(given[1], f"{where}[1]"))


def _flatten(value: Any, where: str) -> ex.Expression:
    options = _options(value, where, "separator", "value")
    source = read_segment(options["value"], f"{where}.value")
    return functions.flatten(source, str(options["separator"]), lists=not options.get("omitArrays"))


def _json(value: Any, where: str) -> ex.Expression:
    options = _options(value, where, "mode", "value")
    source = read_segment(options["value"], f"{where}.value")
    if options["mode"] not in ("encode", "decode"):
        raise MappingError("mode is encode or decode", where=where)
    if options["mode"] == "encode":
        return ex.call(values.encode_json, source)
    return ex.call(_decoded, source)


def _merge(value: Any, where: str) -> ex.Expression:
    options = _options(value, where, "objects", "direction")
    if not isinstance(options["objects"], list):
        raise MappingError("expected a list of objects", where=f"{where}.objects")
    if options["direction"] not in ("left", "right"):
        raise MappingError("direction is left or right", where=where)
    objects = [
        read_segment(one, f"{where}.objects[{n}]") for n, one in enumerate(cast("list[Any]", options["objects"]))
    ]
    return ex.merge(*(reversed(objects) if options["direction"] == "left" else objects))


def _transform(value: Any, where: str) -> ex.Expression:
    options = _options(value, where, "apply", "mapping")
    apply = read_segment(options["apply"], f"{where}.apply").compiled("apply")
    mapping = read_segment(options["mapping"], f"{where}.mapping").compiled("mapping")

    def both(event: Any) -> Any:
        return mapping(apply(event))

    return ex.call(both, ex.at(""), always=True)


def _exclude_when_null(value: Any, where: str) -> ex.Expression:
    return ex.call(values.without_nulls, read_segment(value, where))


def _listed(*found: Any) -> list[Any]:
    return [one for one in found if one is not None]


def _decoded(value: Any) -> Any:
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else value
    except msgspec.DecodeError:
        return value


_DIRECTIVES: dict[str, Callable[[Any, str], ex.Expression]] = {
    "@path": path,
    "@template": template,
    "@literal": read_segment,
    "@if": _if,
    "@case": _case,
    "@replace": _replace,
    "@arrayPath": _array_path,
    "@flatten": _flatten,
    "@json": _json,
    "@merge": _merge,
    "@transform": _transform,
    "@excludeWhenNull": _exclude_when_null,
}
