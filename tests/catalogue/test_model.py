"""The catalogue in memory: what it lists, what it remarks on, and that it is bounded."""

from typing import Any

import msgspec
import pytest

from tests.catalogue.making import event
from trackway.catalogue import model, shapes
from trackway.catalogue.findings import CODES, CatalogueFinding
from trackway.catalogue.model import SourceModel
from trackway.events.naming_lint import Code
from trackway.events.records import Place

HERE = Place(0, 7)


def feed(
    source: SourceModel, *members: Any, name: str = "Order Completed", kind: str = "track"
) -> list[tuple[str, ...]]:
    found = [one for each in members for one in source.add(event(name, each, kind=kind), HERE)]
    return [(one.code, one.path, one.detail) for one in found]


def types(source: SourceModel, name: str = "Order Completed", kind: str = "track") -> dict[str, dict[str, int]]:
    return {node.path: node.types() for node in source.shapes[kind, name].take_changed()}


def test_paths_and_types_of_everything_in_an_event():
    source = SourceModel("web")
    products = [{"sku": "a", "price": 1}, {"sku": "b", "price": 2.5}]
    feed(source, {"products": products, "at": "2026-11-20T10:00:00Z", "a.b\\": True, "none": None, "tags": ["x", 1]})
    assert types(source) == {
        "properties.products": {"array": 1},
        "properties.products.$": {"object": 2},
        "properties.products.$.sku": {"string": 2},
        "properties.products.$.price": {"integer": 1, "number": 1},
        "properties.at": {"date-time": 1},
        "properties.a\\.b\\\\": {"boolean": 1},
        "properties.none": {"null": 1},
        "properties.tags": {"array": 1},
        "properties.tags.$": {"string": 1, "integer": 1},
    }


def test_calls_without_names_have_their_members():
    source = SourceModel("web")
    feed(source, {"plan": "pro"}, name="", kind="identify")
    feed(source, None, name="", kind="alias")
    assert types(source, "", "identify") == {"traits.plan": {"string": 1}}
    assert source.shapes["alias", ""].count == 1


@pytest.mark.parametrize("body", [b"{", b'{"properties":{"a":1e999}}', b'{"properties":{"a":"\\ud800"}}', b""])
def test_an_event_that_cannot_be_read_is_counted(body: bytes):
    source = SourceModel("web")
    source.add(msgspec.structs.replace(event(), body=body), HERE)
    feed(source, {"a": 1})
    assert source.shapes["track", "Order Completed"].count == 2
    assert types(source) == {"properties.a": {"integer": 1}}


def test_a_new_event_is_remarked_on_once_with_the_event_that_brought_it():
    source = SourceModel("web")
    [found] = source.add(event(members={"a": 1}, at_ms=5, message_id="m1"), Place(2, 9))
    assert found == CatalogueFinding(
        at_ms=5,
        source="web",
        type="track",
        name="Order Completed",
        code="new_event",
        detail="",
        message_id="m1",
        place=Place(2, 9),
    )
    assert feed(source, {"a": 2}, {}) == []


def test_a_new_property_is_remarked_on_without_what_lies_in_it():
    source = SourceModel("web")
    feed(source, {"a": 1, "list": []})
    assert feed(source, {"a": 1, "b": {"c": [1]}}, {"b": {"c": [1]}}) == [("new_property", "properties.b", "")]
    assert feed(source, {"b": {"d": 1}}, {"list": [1]}) == [("new_property", "properties.b.d", "")]


@pytest.mark.parametrize(
    ("before", "now", "detail"),
    [
        (1, "1", "was integer, is now string too"),
        ("a", 1, "was string, is now integer too"),
        (True, 1, "was boolean, is now integer too"),
        ({"a": 1}, [], "was object, is now array too"),
        ("2026-11-20T10:00:00Z", "tomorrow", "was date-time, is now string too"),
    ],
)
def test_a_changed_type_is_remarked_on_once(before: Any, now: Any, detail: str):
    source = SourceModel("web")
    feed(source, {"a": before})
    assert feed(source, {"a": now}, {"a": before}, {"a": now}) == [("type_changed", "properties.a", detail)]


@pytest.mark.parametrize(("before", "now"), [(1, 1.5), (1.5, 1), (1, None), (None, "a"), ("a", "2026-11-20T10:00:00Z")])
def test_what_is_no_change_of_type(before: Any, now: Any):
    source = SourceModel("web")
    feed(source, {"a": before})
    assert feed(source, {"a": now}) == []


def test_names_of_track_calls_are_judged():
    source = SourceModel("web")

    def judge(name: str, kind: str = "track") -> list[tuple[str, str | None]]:
        return [(one.code, one.suggestion) for one in source.add(event(name, kind=kind), HERE)[1:]]

    assert judge("Order Completed") == []
    assert judge("order_completed") == [("name_case", "Order Completed"), ("name_near_duplicate", "Order Completed")]
    assert judge("Viewed item 1234") == [("name_dynamic", "Item Viewed")]
    assert judge("TMDropd") == [("name_vague", None)]
    assert judge("order_completed", "page") == []


def test_every_problem_of_a_name_has_a_code():
    assert {f"name_{code}" for code in Code.__args__} == {code for code in CODES if code.startswith("name_")}


def test_names_are_bounded_and_further_ones_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(model, "MAX_NAMES", 3)
    source = SourceModel("web")
    found = [one for n in "abcdefg" for one in source.add(event(n * 3, kind="page", at_ms=ord(n)), HERE)]
    assert [(one.code, one.name) for one in found] == [
        ("new_event", "aaa"),
        ("new_event", "bbb"),
        ("new_event", "ccc"),
        ("too_many_names", "ddd"),
    ]
    beyond = source.beyond["page"]
    assert (beyond.count, beyond.first_ms, beyond.last_ms) == (4, ord("d"), ord("g"))
    assert feed(source, {}, name="Order Completed") == [("new_event", "", "")]
    feed(source, {"a": 1}, name="aaa", kind="page")
    assert source.shapes["page", "aaa"].count == 2


def test_paths_of_an_event_and_of_a_source_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shapes, "MAX_PATHS", 5)
    monkeypatch.setattr(model, "MAX_SOURCE_PATHS", 8)
    source = SourceModel("web")
    assert feed(source, dict.fromkeys("abcdefgh", 1), {"z": 1, "a": 1}) == [
        ("new_event", "", ""),
        ("too_many_properties", "", "5 are listed"),
    ]
    assert types(source)["properties.a"] == {"integer": 2}
    assert source.shapes["track", "Order Completed"].unlisted == 2
    feed(source, dict.fromkeys("abcdefgh", 1), name="Cart Viewed")
    assert len(types(source, "Cart Viewed")) == 3


def test_keys_that_are_data_are_one_path_and_depth_is_bounded():
    source = SourceModel("web")
    feed(source, {"votes": {"ann@example.com": 1, "bob@example.com": 2}, "by": {f"k{n}": n for n in range(150)}})
    found = types(source)
    assert found["properties.votes.*"] == {"integer": 2}
    assert len([path for path in found if path.startswith("properties.by.")]) == shapes.MAX_KEYS
    deep: Any = 1
    for _ in range(150):
        deep = {"a": deep}
    feed(source, deep, name="Cart Viewed")
    assert max(path.count(".") for path in types(source, "Cart Viewed")) == shapes.MAX_DEPTH


def test_long_names_are_cut():
    source = SourceModel("web")
    feed(source, {}, name="x" * 500)
    feed(source, {}, name="x" * 501)
    assert [(name, shape.count) for (_, name), shape in source.shapes.items()] == [("x" * 200, 2)]


def test_texts_that_are_no_vocabulary_are_forgotten():
    source = SourceModel("web")

    def samples(*values: Any, key: str = "kind") -> dict[str, int] | None:
        feed(source, *({key: value} for value in values), name=repr(values))
        [node] = [one for one in source.shapes["track", repr(values)].take_changed() if "$" not in one.path]
        return node.samples

    assert samples("free", "pro", "free", "", 7) == {"free": 2, "pro": 1}
    assert samples("free", "ann@example.com", "free") is None
    assert samples(*"abcdefghijklm") is None
    assert samples("Ann", "Bob", key="first_name") is None
    feed(source, {"address": {"line": "Elm"}, "names": ["Ann"], "last_name": ["Lee"]}, name="Form Sent")
    found = {node.path: node.samples for node in source.shapes["track", "Form Sent"].take_changed()}
    assert found["properties.address.line"] is None and found["properties.last_name.$"] is None
