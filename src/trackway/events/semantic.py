"""Semantic events: names and properties that Segment's public specification fixes, such as Order Completed.

They are recognised as leniently as Segment's matcher does it: object and action in either order, in any case, with
spaces, underscores or nothing between the words, so that `order_completed` and `Completed Order` are Order Completed.
Names that are easily a customer's own (Signed Up, Message Sent, …) are recognised only as they are written.
"""

import importlib.resources
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from trackway.events.clock_skew import parse_ms
from trackway.events.remarks import Remark, shown

_MOST_REMARKS: Final = 20
"""For one event; a cart with a hundred wrong products says no more than one with twenty."""
_SEPARATORS = str.maketrans("", "", " _")
JSON_KINDS: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "array": frozenset({list}),
    "object": frozenset({dict}),
    "date": frozenset({str}),
}
"""The Python types of the values that a type of the specification allows."""
_ACTIONS = frozenset({"sent", "playing"})
_ORDERS = frozenset({"Order Completed", "Order Updated"})
IDENTIFIED_PRODUCT = ("product_id", "sku")
"""Of which a product has at least one."""


class Property(Struct, frozen=True):
    """A property that the specification names."""

    name: str
    type: str | list[str]
    """JSON types, and `date`: ISO 8601 text."""
    description: str
    items: str | None = None
    """Of an array: a JSON type, or `product`, `filter`, `sort`."""
    fields: str | None = None
    enum: list[Any] | None = None
    """Of an array: what its members may be."""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    required: bool = True


class _Event(Struct, frozen=True):
    name: str
    category: str
    summary: str
    aliases: list[str] = []
    exact: bool = False
    include: list[str] = []
    properties: list[Property] = []


class _File(Struct, frozen=True):
    about: str
    property_aliases: dict[str, str]
    objects: dict[str, list[Property]]
    events: list[_Event]


class SemanticEvent(Struct, frozen=True):
    """A semantic event with all its properties."""

    name: str
    category: str
    """`ecommerce`, `video`, `mobile`, `b2b_saas`, `email`, `live_chat`, `ab_testing`, `ai_copilot` or `consent`."""
    summary: str
    properties: dict[str, Property]
    advised: tuple[tuple[str, ...], ...]
    """Properties that many destinations need; of each group one is enough."""
    renames: dict[str, str]
    """Other spellings of its properties, and the one used here."""
    product_lists: tuple[str, ...]
    """Properties that hold arrays of products, in which `product_renames` are other spellings."""
    types: dict[str, frozenset[type]]
    """The Python types that a property's JSON value may have; none where the type alone does not say it is right."""


@cache
def semantic_events() -> dict[str, SemanticEvent]:
    """Return all semantic events by their current name."""
    file = _read()
    return {event.name: _compile(event, file) for event in file.events}


@lru_cache(maxsize=10_000)
def recognise(name: str) -> SemanticEvent | None:
    """Return the semantic event that a track call's `event` means, None if it is none."""
    return semantic_events().get(name) or _spellings().get(_normal(name))


def check_properties(event: SemanticEvent, properties: dict[str, Any]) -> Sequence[Remark]:
    """Return what is missing among, or wrong about, the properties of a semantic event; nothing is changed."""
    remarks: list[Remark] = []
    types = event.types
    for name, value in properties.items():
        fitting = types.get(name)
        if fitting is None or value is None:
            continue
        if type(value) not in fitting:
            _check_value(event.properties[name], value, f"/properties/{name}", remarks)
    for group in event.advised:
        for name in group:
            if name in properties:
                break
        else:
            remarks.append(Remark("property_missing", f"/properties/{group[0]}", " or ".join(group)))
    return remarks[:_MOST_REMARKS] if len(remarks) > _MOST_REMARKS else remarks


def rename_properties(event: SemanticEvent, properties: dict[str, Any]) -> Sequence[Remark]:
    """Give properties spelled otherwise the name that the specification uses, in place; return which.

    A property that is there under its right name already is left alone, and so is the other one.
    """
    remarks: list[Remark] = []
    if not event.renames.keys().isdisjoint(properties):
        _rename_members(event.renames, properties, "/properties", remarks)
    for listed in event.product_lists:
        products = properties.get(listed)
        for number, product in enumerate(cast("list[Any]", products) if isinstance(products, list) else ()):
            if isinstance(product, dict):
                members = cast("dict[str, Any]", product)
                _rename_members(product_renames(), members, f"/properties/{listed}/{number}", remarks)
    return remarks[:_MOST_REMARKS] if len(remarks) > _MOST_REMARKS else remarks


def _rename_members(renames: Mapping[str, str], members: dict[str, Any], place: str, remarks: list[Remark]) -> None:
    for name, right in renames.items():
        if name in members and right not in members:
            members[right] = members.pop(name)
            remarks.append(Remark("property_renamed", f"{place}/{right}", name))


def _check_value(rule: Property, value: Any, pointer: str, remarks: list[Remark]) -> None:
    types = [rule.type] if isinstance(rule.type, str) else rule.type
    if not any(_is_of_type(value, kind) for kind in types):
        remarks.append(Remark("property_mistyped", pointer, f"{' or '.join(types)} expected, not {shown(value)}"))
    elif isinstance(value, list):
        _check_members(rule, cast("list[Any]", value), pointer, remarks)
    elif rule.enum is not None and value not in rule.enum:
        remarks.append(
            Remark("property_mistyped", pointer, f"one of {_listed(rule.enum)} expected, not {shown(value)}")
        )


def _check_members(rule: Property, members: list[Any], pointer: str, remarks: list[Remark]) -> None:
    fields = objects_in_arrays().get(rule.items or "")
    for number, member in enumerate(members):
        if len(remarks) >= _MOST_REMARKS:
            return
        place = f"{pointer}/{number}"
        if fields is not None and isinstance(member, dict):
            _check_member(rule.items or "", fields, cast("dict[str, Any]", member), place, remarks)
        elif fields is None and rule.items and not _is_of_type(member, rule.items):
            remarks.append(Remark("property_mistyped", place, f"{rule.items} expected, not {shown(member)}"))
        elif rule.enum is not None and member not in rule.enum:
            expected = _listed(rule.enum)
            remarks.append(Remark("property_mistyped", place, f"one of {expected} expected, not {shown(member)}"))


def _check_member(
    kind: str, fields: dict[str, Property], member: dict[str, Any], place: str, remarks: list[Remark]
) -> None:
    for name, value in member.items():
        rule = fields.get(name)
        if rule is not None and value is not None and type(value) not in _types_of(rule):
            _check_value(rule, value, f"{place}/{name}", remarks)
    if kind == "product" and not any(name in member for name in IDENTIFIED_PRODUCT):
        remarks.append(Remark("property_missing", f"{place}/product_id", " or ".join(IDENTIFIED_PRODUCT)))


def _is_of_type(value: Any, kind: str) -> bool:
    if kind == "date":
        return parse_ms(value) is not None
    if kind == "integer" and type(value) is float:
        return value.is_integer()
    return type(value) in JSON_KINDS[kind]


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))


@cache
def _read() -> _File:
    data = importlib.resources.files("trackway.events").joinpath("semantic_events.json").read_bytes()
    return msgspec.json.decode(data, type=_File)


@cache
def objects_in_arrays() -> dict[str, dict[str, Property]]:
    """Return the properties of the objects that arrays hold, by the name that `items` gives."""
    return {kind: {rule.name: rule for rule in rules} for kind, rules in _read().objects.items()}


@cache
def product_renames() -> dict[str, str]:
    """Return other spellings of the properties of a product in an array, and the ones used here; the vaguest last."""
    file, known = _read(), objects_in_arrays()["product"]
    renames = {alias: name for alias, name in file.property_aliases.items() if name in known and alias not in known}
    return {alias: name for alias, name in renames.items() if alias != "id"} | {"id": renames["id"]}


@lru_cache(maxsize=1000)
def _types_by_name(names: tuple[str, ...]) -> frozenset[type]:
    return frozenset(kind for name in names for kind in JSON_KINDS[name])


def _types_of(rule: Property) -> frozenset[type]:
    return _types_by_name((rule.type,) if isinstance(rule.type, str) else tuple(rule.type))


def _compile(event: _Event, file: _File) -> SemanticEvent:
    properties = {rule.name: rule for part in event.include for rule in file.objects[part]}
    properties |= {rule.name: rule for rule in event.properties}
    aliases = file.property_aliases
    renames = {alias: name for alias, name in aliases.items() if name in properties and alias != "id"}
    # Last, as the vaguest: where there is an orderId as well, that is meant.
    for name in ("order_id", aliases["id"]):
        if name in properties:
            renames["id"] = name
            break
    advised: tuple[tuple[str, ...], ...] = ()
    if event.name in _ORDERS:
        advised = (("order_id",), ("revenue", "total"), ("products",))
    elif "product" in event.include:
        advised = (IDENTIFIED_PRODUCT,)
    return SemanticEvent(
        event.name,
        event.category,
        event.summary,
        properties,
        advised,
        {alias: name for alias, name in renames.items() if alias not in properties},
        tuple(rule.name for rule in properties.values() if rule.items == "product"),
        {rule.name: _decisive_types(rule) for rule in properties.values()},
    )


@cache
def _spellings() -> dict[str, SemanticEvent]:
    """Return every other spelling, without separators and in lower case."""
    found: dict[str, SemanticEvent] = {}
    for event in _read().events:
        if event.exact:
            continue
        for name in (event.name, *event.aliases):
            found[_normal(name)] = found[_normal(_swapped(name))] = semantic_events()[event.name]
    return found


def _normal(name: str) -> str:
    return name.translate(_SEPARATORS).lower()


def _swapped(name: str) -> str:
    """Return the name with action and object, which the first verb parts, the other way round."""
    words = name.split()
    for place, word in enumerate(words):
        if word.lower().endswith("ed") or word.lower() in _ACTIONS:
            start = place or 1
            return " ".join(words[start:] + words[:start])
    return name


def _decisive_types(rule: Property) -> frozenset[type]:
    return frozenset() if rule.enum or rule.items or rule.type == "date" else _types_of(rule)
