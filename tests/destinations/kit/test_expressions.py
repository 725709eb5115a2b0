"""Where values come from: each expression on events that have them, and on events that do not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations import kit
from trackway.destinations.kit import at, equals, exists, expressions, filled, first_of, when
from trackway.destinations.kit.code import Code

EVENT: dict[str, Any] = {
    "event": "Order Completed",
    "userId": "u-1",
    "count": 0,
    "nothing": None,
    "context": {"page": {"url": "https://x.example/"}, "a.b": 7},
    "products": [{"sku": "A", "price": 2.5, "quantity": 2}, {"sku": "B", "price": 1}, "?"],
    "integrations": {"Actions Amplitude": {"session_id": 5}},
}


def value(expression: Any, event: dict[str, Any] = EVENT) -> Any:
    return expressions.read(expression).compiled()(event)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("userId", "u-1"),
        ("$.userId", "u-1"),
        ("context.page.url", "https://x.example/"),
        ("context.page.title", None),
        ("userId.deeper", None),
        ("products[1].sku", "B"),
        ("products.0.sku", "A"),
        ("products[9].sku", None),
        ('context["a.b"]', 7),
        ("integrations.Actions Amplitude.session_id", 5),
        ("nothing", None),
        ("nothing.deeper", None),
    ],
)
def test_paths(path: str, found: Any) -> None:
    assert value(at(path)) == found
    assert value(kit.member(at(""), path)) == found


def test_the_empty_path_is_the_event() -> None:
    assert value(at("")) is EVENT
    assert value(at("$.")) is EVENT


def test_first_of() -> None:
    assert value(first_of(at("nothing"), at("gone"), at("count"), at("userId"))) == 0
    assert value(first_of(at("gone"), "else")) == "else"
    assert value(first_of(at("gone"))) is None
    # What is known within a branch only is not taken for known after it.
    both = kit.fields(a=first_of(at("userId"), at("context.page.url")), b=at("context.page.url"))
    assert value(both) == {"a": "u-1", "b": "https://x.example/"}


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        (exists(at("count")), True),
        (exists(at("nothing")), False),
        (exists("text"), True),
        (filled(at("count")), False),
        (filled(at("userId")), True),
        (equals(at("event"), "Order Completed", "x"), True),
        (equals(at("gone"), "x"), False),
        (kit.no(exists(at("gone"))), True),
        (kit.all_of(exists(at("userId")), exists(at("gone"))), False),
        (kit.any_of(exists(at("gone")), exists(at("userId"))), True),
        (kit.holds(lambda n, none: n == 0 and none is None, at("count"), at("gone")), True),
    ],
)
def test_tests(test: kit.Test, holds: bool) -> None:
    assert value(when(test, "yes", "no")) == ("yes" if holds else "no")


def test_absent_members_are_left_out() -> None:
    assert value({"a": at("gone"), "b": {"c": at("nothing")}, "d": 1, "e": None}) == {"b": {}, "d": 1}


def test_a_null_is_sent_only_where_it_is_wanted() -> None:
    wanted = kit.fields(a=at("nothing", null=True), b=at("gone", null=True), c=first_of(at("nothing", null=True), "x"))
    assert value(wanted) == {"a": None, "c": "x"}


def test_each_product() -> None:
    shape = {"id": at("sku"), "total": kit.times(at("price"), at("quantity"))}
    lines = [{"id": "A", "total": 5.0}, {"id": "B", "total": 1}]
    assert value(kit.each("products", shape)) == lines
    assert value(kit.each("context.page", {"to": at("url")})) == [{"to": "https://x.example/"}]
    assert value(kit.each("gone", shape)) is None
    assert value(kit.listed(at("userId"), at("gone"), "x")) == ["u-1", "x"]


def test_templates() -> None:
    assert value(kit.template("{{event}} by {{ userId }}{{gone}} ({{count}})")) == "Order Completed by u-1 (0)"
    assert value(kit.template("{{{context.page}}}")) == '{"url":"https://x.example/"}'
    assert value(kit.template("plain")) == "plain"


def test_objects_over_one_another() -> None:
    assert value(kit.merge({"a": 1, "b": 1}, at("context.page"), at("gone"), {"b": 2})) == {
        "a": 1,
        "b": 2,
        "url": "https://x.example/",
    }
    assert value(kit.without(at("context.page"), "url")) == {}
    assert value(kit.only(at("context.page"), "url", "title")) == {"url": "https://x.example/"}


def test_texts() -> None:
    assert value(kit.cut(at("event"), chars=5)) == "Order"
    assert value(kit.lower(at("event"))) == "order completed"
    assert value(kit.upper(at("gone"))) is None
    assert value(kit.json_text(at("products[0]"))) == '{"sku":"A","price":2.5,"quantity":2}'


def test_a_function_is_not_asked_about_what_is_absent() -> None:
    assert value(kit.call(lambda found: 1 / 0, at("gone"))) is None
    assert value(kit.call(lambda found: 1 / 0, None)) is None


def test_a_setting_never_stands_in_the_source() -> None:
    class Settings:
        key = kit.Secret("s-123")

    code = Code(Settings())
    assert kit.setting("key").emit(code) == "c0"
    assert kit.setting("key").compiled(settings=Settings())(EVENT) == "s-123"


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.dictionaries(st.sampled_from(["a", "b", "0"]), inner) | st.lists(inner, max_size=3),
        max_leaves=10,
    ),
    st.lists(st.sampled_from(["a", "b", "0", "[0]", "[1]"]), min_size=1, max_size=4),
)
def test_any_path_in_any_event_is_found_or_absent(inner: Any, path: list[str]) -> None:
    found: Any = {"a": inner}
    for step in ["a", *path]:
        index = int(step.strip("[]")) if step.strip("[]").isdigit() else None
        if isinstance(found, dict) and not step.startswith("["):
            found = found.get(step)
        elif isinstance(found, list) and index is not None:
            found = found[index] if index < len(found) else None
        else:
            found = None
    text = "a" + "".join(step if step.startswith("[") else f".{step}" for step in path)
    assert value(at(text), {"a": inner}) == found
