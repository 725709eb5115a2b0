"""Mappings as an operator writes them in trackway.yaml: the usual ones changed, switched off, or others added.

    mappings:
      track:                          # a usual one, changed
        fields:
          country: $.properties.country
          event_properties: {total: {money: $.properties.total}}
      page: {enabled: false}
      sign_up:                        # one more
        action: trackEvent
        trigger: event = "Signed Up"
        fields: {event: "Joined {{properties.plan}}"}

A member of an object is written with a dot: `user_data.email`. Text that begins with `$.` is a path, text with `{{…}}`
a template, an object with one of the names in `OPERATIONS` what that says; all else is itself. A null leaves the field
out. A list instead of an object is a Segment user's export (`action`, `subscribe`, `mapping` each) and replaces the
usual mappings.
"""

import difflib
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from typing import Any, cast

from trackway.destinations.kit import conditions, people
from trackway.destinations.kit import expressions as ex
from trackway.destinations.kit import functions as fn
from trackway.destinations.kit.actions import Action, Field, Mapping
from trackway.destinations.kit.directives import MappingError, directive, path, read_segment, template
from trackway.destinations.kit.values import Unfit
from trackway.destinations.kit.written import check_text
from trackway.events import fql

_Members = dict[str, Any]


def apply(
    actions: MappingOf[str, Action], usual: MappingOf[str, Mapping], written: Any, *, where: str = "mappings"
) -> dict[str, Mapping]:
    """Return the mappings in force: the usual ones with what an operator has `written` about them.

    Raises:
        MappingError: something in it cannot be; it points at the place.
    """
    if written is None:
        return dict(usual)
    if isinstance(written, list):
        exported = cast("list[Any]", written)
        return dict(_exported(actions, one, f"{where}[{n}]", n) for n, one in enumerate(exported))
    mappings = dict(usual)
    for name, change in _object(written, where).items():
        place = f"{where}.{name}"
        mappings[name] = _changed(actions, mappings.get(name), _object(change, place), place)
    return mappings


def _changed(actions: MappingOf[str, Action], old: Mapping | None, change: _Members, where: str) -> Mapping:
    _known(change, {"action", "trigger", "fields", "enabled"}, where)
    if old is None and not ("action" in change and "trigger" in change):
        raise MappingError("a new mapping needs action and trigger, or write the name of a usual one", where=where)
    action = _action(actions, change.get("action", old.action if old else ""), f"{where}.action")
    trigger = _trigger(change.get("trigger", old.trigger if old else ""), f"{where}.trigger")
    fields = dict(old.fields) if old else {}
    for name, source in _object(change.get("fields", {}), f"{where}.fields").items():
        whole, _, member = name.partition(".")
        _known({whole: source}, actions[action].fields, f"{where}.fields")
        found = read_source(source, f"{where}.fields.{name}")
        if not member:
            _fitting(found, actions[action].fields[whole], f"{where}.fields.{name}")
        if member:
            found = _with_member(fields.get(whole, actions[action].fields[whole].default), member, found)
        fields[whole] = found
    enabled = change.get("enabled", old.enabled if old else True)
    if not isinstance(enabled, bool):
        raise MappingError("must be true or false", where=f"{where}.enabled")
    return Mapping(action=action, trigger=trigger, fields=fields, enabled=enabled)


def _fitting(source: ex.Expression, field: Field, where: str) -> None:
    """Refuse a plain object for a field that holds a single value: an operation was meant, mostly."""
    kind = _SINGLE.get(field.kind)
    if kind and isinstance(source, ex.fields):
        named = " and ".join(source.members) or "nothing"
        near = difflib.get_close_matches(named, OPERATIONS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(OPERATIONS)}"
        raise MappingError(f"must be {kind}; an object with {named} is no operation: {hint}", where=where)
    _holding(source, field, where)


def _holding(source: ex.Expression, field: Field, where: str) -> None:
    """Refuse a constant that the field cannot hold."""
    if isinstance(source, ex.const):
        try:
            field.turner()(source.value)
        except Unfit as error:
            raise MappingError(str(error), where=where) from None


_SINGLE = {"text": "text", "number": "a number", "whole": "a whole number", "flag": "true or false", "time": "a time"}
"""Kinds of fields that no object can become."""


def _with_member(object_: Any, member: str, source: ex.Expression) -> ex.Expression:
    """Return an object of expressions with one member taken from elsewhere; a source of another kind is laid over."""
    if isinstance(object_, ex.fields):
        return ex.fields({**object_.members, member: source})
    return ex.merge(object_, ex.fields({member: source}))


def _exported(actions: MappingOf[str, Action], value: Any, where: str, number: int) -> tuple[str, Mapping]:
    """Return one of Segment's subscriptions; a field that its mapping does not name has no value."""
    one = _object(value, where)
    action = _action(actions, one.get("action", one.get("partnerAction", "")), f"{where}.action")
    trigger = _trigger(one.get("subscribe", one.get("trigger", "")), f"{where}.subscribe")
    fields: dict[str, Any] = dict.fromkeys(actions[action].fields, ex.nothing())
    for name, source in _object(one.get("mapping", {}), f"{where}.mapping").items():
        # Fields that are ours to decide, such as how to batch, are in Segment's exports too.
        if name in fields:
            fields[name] = found = read_segment(source, f"{where}.mapping.{name}")
            _holding(found, actions[action].fields[name], f"{where}.mapping.{name}")
    name = f"{one.get('name') or action} {number + 1}"
    return name, Mapping(action=action, trigger=trigger, fields=fields, enabled=one.get("enabled", True) is not False)


def _action(actions: MappingOf[str, Action], name: Any, where: str) -> str:
    if name not in actions:
        raise MappingError(_unknown(str(name), actions), where=where)
    return str(name)


def _trigger(text: Any, where: str) -> str:
    if not isinstance(text, str):
        raise MappingError('must be a condition such as type = "track"', where=where)
    try:
        fql.parse(text)
    except fql.FqlError as error:
        raise MappingError(str(error), where=where) from None
    return text


def _object(value: Any, where: str) -> _Members:
    if not isinstance(value, dict):
        raise MappingError("expected an object", where=where)
    return cast("_Members", value)


def _known(members: _Members, known: Any, where: str) -> None:
    for name in members:
        if name not in known:
            raise MappingError(_unknown(name, known), where=f"{where}.{name}")


def _unknown(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"{name!r} is unknown; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}")


def read_source(value: Any, where: str) -> ex.Expression:
    """Return the expression that an operator has written for a field.

    Raises:
        MappingError: it cannot be read; it points at the place.
    """
    if isinstance(value, str):
        check_text(value, where)
        if value.startswith("$."):
            return ex.at(value)
        return ex.template(value) if "{{" in value else ex.const(value)
    if isinstance(value, list):
        return read_segment(cast("list[Any]", value), where)
    if not isinstance(value, dict):
        return ex.const(value)
    members = cast("_Members", value)
    if directive(members):
        return read_segment(members, where)
    if len(members) == 1 and (name := next(iter(members))) in OPERATIONS:
        return OPERATIONS[name](members[name], f"{where}.{name}")
    return ex.fields({name: read_source(one, f"{where}.{name}") for name, one in members.items()})


_Read = Callable[[Any, str], ex.Expression]


def _one(make: Callable[[Any], ex.Expression]) -> _Read:
    """Return the reader of an operation on one value."""
    return lambda value, where: make(read_source(value, where))


def _several(make: Callable[..., ex.Expression], least: int, most: int) -> _Read:
    """Return the reader of an operation on a list of values."""

    def read(value: Any, where: str) -> ex.Expression:
        given = cast("list[Any]", value) if isinstance(value, list) else [value]
        if not least <= len(given) <= most:
            count = str(least) if least == most else f"{least} or more" if most > 2 else f"{least} or {most}"
            raise MappingError(f"expected a list of {count} values", where=where)
        return make(*(read_source(one, f"{where}[{n}]") for n, one in enumerate(given)))

    return read


def _limited(make: Callable[[Any, int], ex.Expression], what: str) -> _Read:
    """Return the reader of an operation on a value and a number."""

    def read(value: Any, where: str) -> ex.Expression:
        given = cast("list[Any]", value)
        if not isinstance(value, list) or len(given) != 2 or type(given[1]) is not int or given[1] < 0:
            raise MappingError(f"expected a list of a value and a number of {what}", where=where)
        return make(read_source(given[0], f"{where}[0]"), given[1])

    return read


def _named(make: Callable[..., ex.Expression]) -> _Read:
    """Return the reader of an operation on an object and names of its members."""

    def read(value: Any, where: str) -> ex.Expression:
        given = cast("list[Any]", value)
        if not isinstance(value, list) or len(given) < 2 or not all(isinstance(one, str) for one in given[1:]):
            raise MappingError("expected a list of an object and names of its members", where=where)
        return make(read_source(given[0], f"{where}[0]"), *given[1:])

    return read


def _each(value: Any, where: str) -> ex.Expression:
    given = cast("list[Any]", value)
    if not isinstance(value, list) or len(given) != 2:
        raise MappingError("expected a list of a list's path and what each item becomes", where=where)
    return ex.each(read_source(given[0], f"{where}[0]"), read_source(given[1], f"{where}[1]"))


def _when(value: Any, where: str) -> ex.Expression:
    options = _object(value, where)
    _known(options, {"exists", "value", "in", "then", "else"}, where)
    then, otherwise = (read_source(options.get(key), f"{where}.{key}") for key in ("then", "else"))
    if "exists" in options:
        return ex.when(conditions.exists(read_source(options["exists"], f"{where}.exists")), then, otherwise)
    if "value" not in options or not isinstance(options.get("in"), list):
        raise MappingError("expected exists, or value and in (a list), with then and else", where=where)
    return ex.when(conditions.equals(read_source(options["value"], f"{where}.value"), *options["in"]), then, otherwise)


OPERATIONS: dict[str, _Read] = {
    "const": lambda value, _: ex.const(value),
    "path": path,
    "template": template,
    "first_of": _several(ex.first_of, 1, 100),
    "when": _when,
    "each": _each,
    "merge": _several(ex.merge, 1, 100),
    "without": _named(fn.without),
    "only": _named(fn.only),
    "flatten": _one(fn.flatten),
    "cut": _limited(lambda value, count: fn.cut(value, chars=count), "characters"),
    "cut_bytes": _limited(lambda value, count: fn.cut(value, size_bytes=count), "bytes"),
    "at_most": _limited(fn.at_most, "items"),
    "lower": _one(fn.lower),
    "upper": _one(fn.upper),
    "text": _one(fn.text),
    "number": _one(fn.number),
    "json": _one(fn.json_text),
    "money": _one(fn.money),
    "minor_units": _several(fn.minor_units, 1, 2),
    "times": _several(fn.times, 2, 2),
    "order_value": _one(fn.order_value),
    "epoch_ms": _one(fn.epoch_ms),
    "epoch_s": _one(fn.epoch_s),
    "iso": _one(fn.iso),
    "iso_day": _one(fn.iso_day),
    "email": _one(people.email),
    "phone": _several(people.phone, 1, 2),
    "day": _one(people.day),
    "person_name": _one(people.person_name),
    "hashed": _one(people.hashed),
}
"""What an operator may write as the one member of an object, by name."""
