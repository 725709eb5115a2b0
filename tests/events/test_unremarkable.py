"""The tables of what needs no remark, held to the rules that make the remarks."""

import copy
import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.events.tables import Tables
from tests.services import find_compiled
from trackway.events.clock_skew import parse_ms
from trackway.events.members import ANYTHING, NOTHING, Members, Shape, is_date, is_moment
from trackway.events.reserved import GROUP_TRAITS, USER_TRAITS, repair_properties, repair_traits
from trackway.events.semantic import check_properties, rename_properties, semantic_events
from trackway.events.unremarkable import (
    RESERVED_GROUP_TRAITS,
    RESERVED_PROPERTIES,
    RESERVED_USER_TRAITS,
    semantic_properties,
)
from trackway.workspace.plans.quick import validator_of

_plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
    | st.sampled_from(["EUR", "usd", "$5", "2026-11-20", "2026-11-20T10:00:00Z", "1795168801", "asc", "price"])
)
_products = st.lists(
    st.dictionaries(
        st.sampled_from(
            ["product_id", "sku", "id", "productId", "imageUrl", "price", "quantity", "name", "position", "x"]
        ),
        _plain,
    )
    | _plain,
    max_size=3,
)
values = _plain | _products | st.dictionaries(st.sampled_from(["a", "type", "value"]), _plain, max_size=2)
EVENTS = sorted(semantic_events())


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(EVENTS), st.data())
def test_what_a_table_of_a_semantic_event_takes_is_never_remarked_on(name: str, data: st.DataObject):
    event = semantic_events()[name]
    names = [*event.properties, *event.renames, "x"]
    properties = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=5))
    for group in event.advised:
        if data.draw(st.booleans()):
            fitting = "list" if list in event.types.get(group[0], ()) else "o-1"
            properties.setdefault(group[0], [] if fitting == "list" else fitting)
    table = Tables(semantic_properties(event, rename=True).and_(RESERVED_PROPERTIES))
    if not table.any_fits(msgspec.json.encode(properties)):
        return
    before = copy.deepcopy(properties)
    assert not rename_properties(event, properties)
    assert not check_properties(event, properties)
    assert not repair_properties(properties)
    assert properties == before


@pytest.mark.parametrize("name", EVENTS)
def test_a_semantic_event_as_specified_needs_no_remark(name: str):
    event = semantic_events()[name]
    table = Tables(semantic_properties(event, rename=True))
    product = {"product_id": "p", "sku": "s", "price": 1.5}
    kinds: dict[str, Any] = {
        "string": "s",
        "number": 1.5,
        "integer": 2,
        "boolean": True,
        "object": {},
        "date": "2026-01-01",
    }
    properties: dict[str, Any] = {}
    for rule in event.properties.values():
        kind = rule.type if isinstance(rule.type, str) else rule.type[0]
        if kind == "array":
            properties[rule.name] = [product] if rule.items == "product" else []
        else:
            properties[rule.name] = rule.enum[0] if rule.enum else kinds[kind]
    assert not check_properties(event, properties)
    assert table.all_fit(msgspec.json.encode(properties))
    for wrong in event.advised:
        less = {key: value for key, value in properties.items() if key not in wrong}
        assert not table.any_fits(msgspec.json.encode(less))


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(sorted(USER_TRAITS.keys() | GROUP_TRAITS.keys())), values, max_size=4))
def test_what_a_table_of_traits_takes_is_never_remarked_on(traits: dict[str, Any]):
    text, before = msgspec.json.encode(traits), copy.deepcopy(traits)
    for kinds, table in ((USER_TRAITS, _USER), (GROUP_TRAITS, _GROUP)):
        if table.any_fits(text):
            assert not repair_traits(traits, kinds)
            assert traits == before


_USER, _GROUP = Tables(RESERVED_USER_TRAITS), Tables(RESERVED_GROUP_TRAITS)


def test_usual_traits_need_no_remark():
    traits = {"email": "a@b.c", "age": 7, "created_at": "2026-11-20T10:00:00.000Z", "address": {"city": "x"}, "x": [1]}
    assert _USER.all_fit(msgspec.json.encode(traits))
    assert _GROUP.all_fit(b'{"employees":"10-50","name":"x"}')


_PARTS = [
    ["2026-11-20", "2026-02-29", "2024-02-28", "0000-01-01", "0001-01-01", "9999-12-31", "2026-13-01", "2026-04-31"],
    ["T", " ", "t", ""],
    ["10:00:00", "23:59:60", "24:00:00", "10:00", "", "00:00:00.5", "00:00:00.1234567890", "00:00:00,5"],
    ["", "Z", "z", "+01:00", "-00:00", "+24:00", "+0100", "\n"],
]


def test_a_date_is_one_for_the_clock_as_well():
    taken = [0, 0]
    for parts in itertools.product(*_PARTS):
        text = "".join(parts)
        found = [is_date(text), is_moment(text)]
        taken = [one + more for one, more in zip(taken, found, strict=True)]
        assert not any(found) or parse_ms(text) is not None
        assert found[0] or not found[1]
        assert not found[1] or validator_of({"format": "date-time"}).is_valid(text)
    assert taken == [28, 24]
    assert is_date(7)


def test_both_tables_hold():
    one = Members({"a": Shape(frozenset({str, int})), "b": ANYTHING}, required=["a"], others=False)
    other = Members({"a": Shape(frozenset({int, float}), minimum=2), "c": NOTHING, "d": ANYTHING}, one_of=[("b", "d")])
    table = Tables(one.and_(other))
    assert table.all_fit(b'{"a":2,"b":null}')
    for text in (b'{"a":1,"b":1}', b'{"a":"2","b":1}', b'{"a":2}', b'{"a":2,"b":1,"e":1}', b'{"b":1}', b"[]", b"{"):
        assert not table.any_fits(text), text
    none = Members({"a": Shape(enum=frozenset())}).and_(Members({"a": ANYTHING}))
    assert not Tables(none).any_fits(b'{"a":"x"}')
    looking = Members({"a": Shape(look=lambda value: value != 3)}).and_(
        Members({"a": Shape(frozenset({int}), maximum=5)})
    )
    assert [Tables(looking).all_fit(b'{"a":%d}' % number) for number in (2, 3, 5, 6)] == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("count", [8, 31, 32, 33, 64])
def test_each_of_many_members_is_needed(count: int):
    names = [f"n{number}" for number in range(count)]
    grouped = [(name, name, f"{name} or this") for name in names]  # that a name comes twice changes nothing
    everything = dict.fromkeys(names)
    for table in (
        Tables(Members({}, required=names)),
        Tables(Members(dict.fromkeys(names, ANYTHING), one_of=grouped)),
    ):
        assert table.all_fit(msgspec.json.encode(everything))
        for name in names:
            assert not table.any_fits(msgspec.json.encode({key: 1 for key in names if key != name}))


def test_more_needed_members_than_can_be_told_apart_are_refused():
    settler = find_compiled("trackway.events.compiled_members").Settler
    with pytest.raises(ValueError, match="too many members are needed"):
        settler(Members({}, required=map(str, range(65))))


def test_what_stands_in_unnamed_members_is_read_all_the_same():
    table = Tables(Members({"a": Shape(items=Shape(members=Members({"b": ANYTHING})))}, others=False))
    assert table.all_fit(b'{"a":[{"c":1}]}')
    assert not table.any_fits(b'{"a":[{"c":1e999}]}')
    assert not table.any_fits(b'{"a":[{"c":"\xff"}]}')


def test_what_may_not_stand_in_an_object_leaves_its_table_closed():
    product = Shape(frozenset({dict}), members=Members({"sku": ANYTHING}))
    listed = Members({"products": Shape(frozenset({list}), items=product)})
    strict = Members({"x": Shape(frozenset({int}))}, others=False)
    assert not listed.is_closed
    assert not Members(listed.shapes, others=False).is_closed
    assert listed.and_(strict).is_closed
    table = Tables(listed.and_(strict))
    assert table.all_fit(b'{"x":1}')
    for text in (b'{"x":1,"products":[]}', b'{"x":1,"y":"\xff"}', b'{"x":"\xff"}', b'{"x":1e999}'):
        assert not table.any_fits(text)
