"""What the members of a call must be like for `semantic.py` and `reserved.py` to find nothing to say or to change.

The same rules once more, as tables that are quick to ask; the tests hold them to the rules themselves.
"""

from typing import Any

from trackway.events.members import NOTHING, NUMBERS, Look, Members, Shape, is_date
from trackway.events.money import CURRENCIES
from trackway.events.reserved import AMOUNTS, GROUP_TRAITS, QUANTITY, USER_TRAITS
from trackway.events.semantic import (
    IDENTIFIED_PRODUCT,
    JSON_KINDS,
    Property,
    SemanticEvent,
    objects_in_arrays,
    product_renames,
)

_NONE = type(None)
_NUMBER = Shape(NUMBERS | {_NONE})
_PRODUCT = Shape(frozenset({dict}), members=Members({"price": _NUMBER, QUANTITY: _NUMBER}))

RESERVED_PROPERTIES = Members(
    {
        **dict.fromkeys((*AMOUNTS, QUANTITY), _NUMBER),
        "currency": Shape(frozenset({str, _NONE}), enum=CURRENCIES),
        "products": Shape(frozenset({list, _NONE}), items=_PRODUCT),
    }
)
"""Of a track call."""

_TRAIT = {
    "text": Shape(frozenset({str, _NONE})),
    "text or number": Shape(frozenset({str, int, float, _NONE})),
    "object": Shape(frozenset({dict, _NONE})),
    "number": Shape(frozenset({int, float, _NONE})),
    "date": Shape(frozenset({str, _NONE}), look=is_date),
    "day": Shape(frozenset({str, _NONE}), look=is_date),
}
RESERVED_USER_TRAITS = Members({name: _TRAIT[kind] for name, kind in USER_TRAITS.items()})
RESERVED_GROUP_TRAITS = Members({name: _TRAIT[kind] for name, kind in GROUP_TRAITS.items()})


def semantic_properties(event: SemanticEvent, *, rename: bool) -> Members:
    """Return the table of a semantic event; with `rename` a property under an old name is one too many."""
    shapes = {name: _shape_of(rule, rename=rename) for name, rule in event.properties.items()}
    if rename:
        shapes |= dict.fromkeys(event.renames, NOTHING)
    return Members(shapes, one_of=event.advised)


def _shape_of(rule: Property, *, rename: bool = False) -> Shape:
    kinds = [rule.type] if isinstance(rule.type, str) else rule.type
    types = frozenset(kind for name in kinds for kind in JSON_KINDS[name])
    shape = Shape(types | {_NONE}, look=is_date if "date" in kinds else None)
    if list in types:
        shape = shape._replace(items=_item_of(rule, rename=rename))
    if rule.enum is None:
        return shape
    options = rule.enum
    if not all(isinstance(one, str) for one in options):
        return shape._replace(look=_one_of(options))
    texts = frozenset(options)
    # Of a list, what its members may be; else what the value may be.
    if list in types:
        return shape._replace(items=(shape.items or Shape()).and_(Shape(frozenset({str}), enum=texts)))
    return shape.and_(Shape(frozenset({str, _NONE}), enum=texts))


def _one_of(options: list[Any]) -> Look:
    return lambda value: value is None or value in options


def _item_of(rule: Property, *, rename: bool) -> Shape | None:
    fields = objects_in_arrays().get(rule.items or "")
    if fields is None:
        return _of_kind(rule.items) if rule.items else None
    own: dict[str, Shape] = {name: _shape_of(field) for name, field in fields.items()}
    if rename and rule.items == "product":
        own |= dict.fromkeys(product_renames(), NOTHING)
    one_of = (IDENTIFIED_PRODUCT,) if rule.items == "product" else ()
    return Shape(frozenset({dict}), members=Members(own, one_of=one_of))


def _of_kind(kind: str) -> Shape:
    return Shape(JSON_KINDS[kind], look=is_date if kind == "date" else None)
