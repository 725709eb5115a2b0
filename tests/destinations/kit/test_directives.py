"""Segment's mapping directives, by the examples of their documentation."""

from typing import Any

import pytest

from trackway.destinations.kit.directives import MappingError, read_segment

EVENT: dict[str, Any] = {
    "event": "Button Clicked",
    "userId": "u-1",
    "blank": "",
    "none": None,
    "properties": {"a": {"b": 1, "c": [1, 2]}, "text": "A-b-A", "number": 5, "json": '{"x": 1}', "null": None},
    "products": [{"price": 1}, {"price": 2}],
}


@pytest.mark.parametrize(
    ("mapping", "made"),
    [
        ({"@path": "$.properties.number"}, 5),
        ({"@path": "$.gone"}, None),
        ("$.userId", "$.userId"),
        ([1, {"@path": "$.userId"}], [1, "u-1"]),
        ({"@literal": True}, True),
        ({"@template": "{{event}}: {{properties.number}}{{gone}}"}, "Button Clicked: 5"),
        ({"@if": {"exists": {"@path": "$.userId"}, "then": {"@path": "$.userId"}, "else": "x"}}, "u-1"),
        ({"@if": {"exists": {"@path": "$.gone"}, "then": 1, "else": {"@path": "$.event"}}}, "Button Clicked"),
        ({"@if": {"exists": {"@path": "$.none"}, "then": 1}}, None),
        ({"@if": {"exists": {"@path": "$.blank"}, "then": 1, "else": 2}}, 1),
        ({"@if": {"blank": {"@path": "$.blank"}, "then": 1, "else": 2}}, 2),
        ({"@case": {"operator": "lower", "value": {"@path": "$.event"}}}, "button clicked"),
        ({"@case": {"operator": "upper", "value": {"@path": "$.properties.number"}}}, 5),
        ({"@replace": {"pattern": "A", "replacement": "c", "value": {"@path": "$.properties.text"}}}, "c-b-c"),
        ({"@replace": {"pattern": "a", "replacement": "", "value": {"@path": "$.properties.text"}}}, "A-b-A"),
        (
            {
                "@replace": {
                    "pattern": "a",
                    "replacement": "$1",
                    "ignorecase": True,
                    "global": False,
                    "pattern2": "-",
                    "replacement2": ".",
                    "value": {"@path": "$.properties.text"},
                }
            },
            "$1.b-A",
        ),
        ({"@arrayPath": ["$.products", {"cost": {"@path": "$.price"}}]}, [{"cost": 1}, {"cost": 2}]),
        ({"@arrayPath": ["$.products"]}, [{"price": 1}, {"price": 2}]),
        ({"@arrayPath": ["$.properties.a", {"b": {"@path": "b"}}]}, [{"b": 1}]),
        ({"@flatten": {"separator": ".", "value": {"@path": "$.properties.a"}}}, {"b": 1, "c.0": 1, "c.1": 2}),
        (
            {"@flatten": {"separator": "_", "value": {"@path": "$.properties"}, "omitArrays": True}},
            {"a_b": 1, "a_c": [1, 2], "text": "A-b-A", "number": 5, "json": '{"x": 1}', "null": None},
        ),
        ({"@json": {"mode": "encode", "value": {"@path": "$.properties.a"}}}, '{"b":1,"c":[1,2]}'),
        ({"@json": {"mode": "decode", "value": {"@path": "$.properties.json"}}}, {"x": 1}),
        ({"@json": {"mode": "decode", "value": {"@path": "$.event"}}}, "Button Clicked"),
        ({"@merge": {"direction": "right", "objects": [{"a": 1, "b": 1}, {"b": 2}]}}, {"a": 1, "b": 2}),
        ({"@merge": {"direction": "left", "objects": [{"a": 1, "b": 1}, {"b": 2}]}}, {"a": 1, "b": 1}),
        ({"@transform": {"apply": {"x": {"@path": "$.userId"}}, "mapping": {"y": {"@path": "$.x"}}}}, {"y": "u-1"}),
        ({"@excludeWhenNull": {"@path": "$.properties.null"}}, None),
        ({"a": {"@path": "$.gone"}, "b": {"c": {"@path": "$.event"}}}, {"b": {"c": "Button Clicked"}}),
    ],
)
def test_directive(mapping: Any, made: Any) -> None:
    assert read_segment(mapping).compiled()(EVENT) == made


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"x": {"@pth": "$.a"}}, r"mapping\.x: @pth is unknown; there are @path"),
        ({"@path": 5}, r"mapping\.@path: expected a path"),
        ({"@if": {"then": 1}}, r"mapping\.@if: exists or blank is missing"),
        ({"@case": {"operator": "title", "value": 1}}, "operator is lower or upper"),
        ({"@json": {"mode": "encode"}}, "value is missing"),
        ({"@json": {"mode": "coded", "value": 1}}, "mode is encode or decode"),
        ({"@merge": {"objects": 5, "direction": "left"}}, r"@merge\.objects: expected a list of objects"),
        ({"@merge": {"objects": [], "direction": "up"}}, "direction is left or right"),
        ({"@flatten": []}, "expected an object with separator, value"),
        ({"@path": "$.a", "@template": "b"}, "one directive at a time"),
        ({"a": [{"@arrayPath": "$.a"}]}, r"mapping\.a\[0\]\.@arrayPath: expected a list"),
    ],
)
def test_a_wrong_mapping_is_pointed_at(mapping: Any, message: str) -> None:
    with pytest.raises(MappingError, match=message):
        read_segment(mapping, "mapping")
