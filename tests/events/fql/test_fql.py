from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.events.fql import reference
from trackway.events import fql
from trackway.events.fql.expressions import And, Call, Compare, Everything, Expression, ListOf, Literal, Not, Or, Path

EVENT = {
    "event": "Button Clicked",
    "type": "track",
    "context": {"library": {"name": "analytics.js", "version": "1.0"}},
    "properties": {"features": ["discounts", "dark-mode"]},
}
MORE: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "userId": None,
    "properties": {
        "total": 10.0,
        "count": 1,
        "paid": True,
        "label": "Grüße",
        "product 1": {"price": 3},
        "a.b": "dotted",
        "products": [{"sku": "s-1"}, {"sku": "s-2"}],
        "box": {"b": [1, 2.0], "a": None},
        "same": {"a": None, "b": [1.0, 2]},
        "numeric": "12.5",
        "version": "1.10.0",
    },
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # Segment's own examples, from its page on FQL.
        ("event = 'Button Clicked' and type = 'track'", True),
        ("context.path.path = '/login'", False),
        ("match( context.library.version, '1.*' )", True),
        ("!contains( context.library.name, 'js' )", False),
        ("'dark-mode' in properties.features", True),
        ("!( type in ['track','identify'] )", False),
        ("length( userId ) < 1", True),
        ("match('abc','ab')", False),
        ("match('abcd','a??d')", True),
        (r"match('ab*d','ab\*d')", True),
        ("match('abcd','ab[A-Z]d')", False),
        ("all", True),
    ],
)
def test_segments_examples(query: str, expected: bool):
    assert fql.compile(query).matches(EVENT) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('type = "track" and event != "Order Completed"', False),
        ("properties.total = 10", True),
        ("properties.total = '10'", False),
        ("properties.count = true", False),
        ("properties.paid = 1", False),
        ("properties.paid = true", True),
        ("properties.paid", True),
        ("properties.label", False),
        ("properties.count", False),
        ("!properties.label", True),
        ("userId = null", True),
        ("missing.at.all = null", True),
        ("missing != null", False),
        ("properties.box = properties.same", True),
        ("properties.products = properties.box", False),
        ("null and type = 'track'", False),
        ("null or type = 'track'", True),
        ("type = 'page' or type = 'track' and event = 'No'", False),
        ("(type = 'page' or type = 'track') and event = 'Order Completed'", True),
        ("!type = 'page'", True),
        ("contains(event, 'Order') = true", True),
        ("contains(null, 'x')", False),
        ("contains('x', null)", False),
        ("match(null, '*')", False),
        ("length(null) = 0", True),
        ("length(properties.label) = 7", True),
        ("length(properties.products) = 2", True),
        ("length(properties.total) = null", True),
        ("lowercase(null) = null", True),
        ("lowercase(event) = 'order completed'", True),
        ("uppercase(event) = 'ORDER COMPLETED'", True),
        ("snakecase(event) = 'order_completed'", True),
        ("kebabcase('orderID HTTPServer x2') = 'order-id-http-server-x2'", True),
        ("titlecase('order_completed') = 'Order Completed'", True),
        ("typeof(properties.total) = 'number'", True),
        ("typeof(properties.paid) = 'bool'", True),
        ("typeof(properties.products) = 'list'", True),
        ("typeof(properties) = 'object'", True),
        ("typeof(nothing) = 'null'", True),
        ("number(properties.numeric) > 12", True),
        ("number('1e999') = null", True),
        ("number('0x10') = null", True),
        ("number(true) = 1", True),
        ("string(properties.total) = '10'", True),
        ("string(properties.paid) = 'true'", True),
        ("string(null) = null", True),
        ("bool('TRUE')", True),
        ("bool(0)", False),
        ("bool('maybe') = null", True),
        ("semver(properties.version, '>', '1.9')", True),
        ("semver(properties.version, '=', '1.10')", True),
        ("semver('1.0.0-rc.2', '<', '1.0.0-rc.10')", True),
        ("semver('1.0.0-rc.1', '<', '1.0.0')", True),
        ("semver('1.0.0-1', '<', '1.0.0-alpha')", True),
        ("semver('1.0.0+5', '=', '1.0.0')", True),
        ("semver('one', '!=', '1.0.0')", False),
        (r"properties.product\ 1.price = 3", True),
        (r"properties.a\.b = 'dotted'", True),
        ("properties.products.1.sku = 's-2'", True),
        ("properties.products.2.sku = null", True),
        ("properties.products.sku = null", True),
        ("type in ['page', type]", True),
        ("2 in properties.box.b", True),
        ("true in [1, 'true']", False),
        ("type in properties", False),
        ("1 < '2'", False),
        ("null < 1", False),
        ("-1.5e1 <= -15", True),
        ("'it\\'s' = \"it's\"", True),
        (r"'a\\' = 'a\\'", True),
        ("android = null and inside = null or orders = 1", True),
        (r"\all = null", True),
    ],
)
def test_rules(query: str, expected: bool):
    wanted = fql.compile(query)
    assert wanted.matches(MORE) is expected
    assert fql.compile(str(wanted)).matches(MORE) is expected


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("a/b", "a*b", True),
        ("a\nb", "a?b", True),
        ("abcbd", "a*b*bd", True),
        ("abd", "a*b*bd", False),
        ("abc", "*", True),
        ("", "*", True),
        ("", "", True),
        ("a", "", False),
        ("b", "[abc]", True),
        ("d", "[^abc]", True),
        ("a", "[^abc]", False),
        ("]", r"[\]]", True),
        ("-", r"[a\-z]", True),
        ("b", r"[a\-z]", False),
        ("a.c", "a.c", True),
        ("abc", "a.c", False),
        ("ABC", "abc", False),
        ("x*", r"x\*", True),
        ("[a]", r"\[a]", True),
    ],
)
def test_globs(text: str, pattern: str, expected: bool):
    assert fql.compile("match(text, pattern)").matches({"text": text, "pattern": pattern}) is expected
    call = Call("match", (Path(("text",)), Literal(pattern)))
    assert fql.Filter(call).matches({"text": text}) is expected


def test_many_stars_cost_no_more_than_a_few_passes():
    assert not fql.compile("match(text, '*a*a*a*a*a*a*a*a*a*b')").matches({"text": "a" * 30_000})


@pytest.mark.parametrize(
    ("query", "position", "problem"),
    [
        ("type = and event", 7, "expected a field, a value, a function or `(`, found and"),
        ("type == 'track'", 6, "expected a field, a value, a function or `(`, found =; equality is written `=`"),
        ("type = 'track", 7, "this text is not closed; end it with '"),
        ("type = 'a' AND event = 'b'", 11, "expected an operator, found AND; write `and` in lower case"),
        ("a = 1 && b = 2", 6, "expected an operator, found &; write `and`"),
        ("", 0, "expected a field, a value, a function or `(`, but the query ends"),
        ("type =  ", 6, "expected a field, a value, a function or `(`, but the query ends"),
        ("contians(event, 'a')", 0, "there is no function contians; did you mean contains?"),
        ("type = 'a' and contains(event)", 15, "contains takes 2: contains(text, part)"),
        ("(type = 'x'", 11, "expected `)`, but the query ends"),
        ("type in ['a', 'b'", 17, "expected `,` or `]`, but the query ends"),
        ("type in 'a'", 7, "`in` needs a list after it, such as ['a', 'b']"),
        ("1 < 2 < 3", 6, "expected an operator, found <"),
        ("x = ]", 4, "expected a field, a value, a function or `(`, found ]"),
        ("a = 1)", 5, "expected the end of the query, found )"),
        ("(all)", 1, "expected a field, a value, a function or `(`, found all; `all` stands alone"),
        ("properties.a b = 1", 13, "expected an operator, found b"),
        ("match(event, '[a')", 0, "the pattern '[a' is wrong: `[` needs characters and a `]` after it"),
        ("semver(a, '~', '1')", 0, "semver compares with =, !=, <, <=, >, >=; '~' is none of them"),
        ("total > 1e999", 8, "this number is out of range"),
    ],
)
def test_errors_point_at_the_character(query: str, position: int, problem: str):
    with pytest.raises(fql.FqlError) as caught:
        fql.compile(query)
    error = caught.value
    assert (error.problem[: len(problem)], error.position) == (problem, position)
    assert str(error).splitlines()[1:] == [f"  {query}", "  " + " " * position + "^"]


def test_the_line_with_the_fault_is_shown_and_long_lines_are_cut():
    with pytest.raises(fql.FqlError) as caught:
        fql.compile("type = 'track'\n  and = 1\nor x = 2")
    assert str(caught.value).splitlines()[1:] == ["    and = 1", "        ^"]
    with pytest.raises(fql.FqlError) as caught:
        fql.compile("a = 1 or " * 200 + ")")
    shown, caret = str(caught.value).splitlines()[1:]
    assert len(shown) < 120
    assert shown[len(caret) - 1] == ")"


def test_size_and_depth_are_bounded():
    with pytest.raises(fql.FqlError, match="longer than 5 KB"):
        fql.compile("a = '" + "ü" * 2600 + "'")
    with pytest.raises(fql.FqlError, match="no UTF-8"):
        fql.compile("a = '\udcff'")
    with pytest.raises(fql.FqlError, match="deeper than 100"):
        fql.compile("!" * 5000 + "a")
    with pytest.raises(fql.FqlError, match="deeper than 100"):
        fql.from_ir('["!",' * 150 + '"a"' + "]" * 150)
    with pytest.raises(fql.FqlError):
        fql.from_ir("[" * 100_000)
    assert fql.compile("(" * 2500 + "a" + ")" * 2500).matches({"a": True})
    assert fql.compile(" or ".join(["a = 1"] * 500)).matches({"a": 1})


@pytest.mark.parametrize(
    ("ir", "query"),
    [
        ('["=","type",{"value":"track"}]', "type = 'track'"),
        (
            '["and",["!",["contains","context.library.name",{"value":"js"}]],["<",["length","userId"],{"value":1}]]',
            "!contains(context.library.name, 'js') and length(userId) < 1",
        ),
        ('["in","type",[{"value":"track"},{"value":"page"}]]', "type in ['track', 'page']"),
        ('["in",{"value":"dark"},"properties.features"]', "'dark' in properties.features"),
        ('"properties.paid"', "properties.paid"),
        ('["=","properties.product 1",{"value":null}]', r"properties.product\ 1 = null"),
        ('["!=","properties.a\\\\.b",{"value":1.5}]', r"properties.a\.b != 1.5"),
    ],
)
def test_the_browsers_prefix_form(ir: str, query: str):
    assert fql.from_ir(ir) == fql.parse(query)
    assert str(fql.from_ir(ir)) == query
    assert fql.to_ir(fql.parse(query)) == ir


def test_prefix_forms_that_only_come_in():
    assert str(fql.from_ir('["in","type",{"value":["track","page"]}]')) == "type in ['track', 'page']"
    assert not fql.Filter(fql.from_ir('["and","a"]')).matches({"a": "text"})
    assert fql.Filter(fql.from_ir(fql.to_ir(fql.parse("all")))).matches({})


@pytest.mark.parametrize("ir", ["", "{", "1", '["=","a"]', '["~","a",', '["and"]', '{"valeu":1}', '""', '"a..b"'])
def test_wrong_prefix_forms_are_errors(ir: str):
    with pytest.raises(fql.FqlError):
        fql.from_ir(ir)


def test_filters_are_equal_by_their_normal_form():
    assert fql.compile("type='track'  and a") == fql.compile('(type = "track") and (a)')
    assert fql.compile("a = 1") != fql.compile("a = '1'")
    assert len({fql.compile("a"), fql.compile("( a )")}) == 1


_KEYS = st.sampled_from(["a", "b", "type", "product 1", "in", "x.y", "2nd", "ü", "-"])
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, -2.5, 1e30, 123456789012345678901234567890.0]),
    st.text("abAB*?\\'\"[] é\n", max_size=4),
)
_JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3))
_EVENTS = st.dictionaries(_KEYS, _JSON, max_size=5)
_PATHS = st.lists(_KEYS, min_size=1, max_size=3).map(lambda parts: Path(tuple(parts)))
_ATOMS = _PATHS | _SCALARS.map(Literal)
_PATTERNS = st.text("abAB*?é", max_size=4).map(Literal)


def _larger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    lists = st.lists(_ATOMS, max_size=3).map(lambda items: ListOf(tuple(items)))
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    operators = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    names = st.sampled_from(["length", "lowercase", "uppercase", "typeof"])
    return st.one_of(
        st.builds(Compare, operators, inner, inner),
        st.builds(Compare, st.just("in"), inner, lists | _PATHS),
        several.map(And),
        several.map(Or),
        st.builds(Not, inner),
        st.builds(lambda name, one: Call(name, (one,)), names, inner),
        st.builds(lambda one, other: Call("contains", (one, other)), inner, inner),
        st.builds(lambda one, other: Call("match", (one, other)), inner, _PATTERNS),
    )


_EXPRESSIONS = st.recursive(_ATOMS, _larger, max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(_EXPRESSIONS, _EVENTS)
def test_compiled_filters_agree_with_the_naive_evaluator(expression: Expression, event: dict[str, Any]):
    expected = reference.evaluate(expression, event)
    assert fql.Filter(expression).matches(event) is (expected is True)
    assert reference.canonical(fql.Filter(expression).value(event)) == reference.canonical(expected)


@settings(max_examples=150, deadline=None)
@given(_EXPRESSIONS)
def test_the_normal_form_parses_to_itself(expression: Expression):
    text = str(expression)
    parsed = fql.parse(text)
    assert repr(parsed) == repr(expression)
    assert str(parsed) == text


@settings(max_examples=150, deadline=None)
@given(_EXPRESSIONS)
def test_the_prefix_form_brings_the_same_expression_back(expression: Expression):
    assert repr(fql.from_ir(fql.to_ir(expression))) == repr(expression)


@settings(max_examples=120, deadline=None)
@given(st.text("ab.='\"!<>()[],\\ andorintrue1-", max_size=20))
def test_any_text_is_a_query_or_an_fql_error(text: str):
    try:
        wanted = fql.compile(text)
    except fql.FqlError as error:
        position = error.position
    else:
        position = 0
        assert isinstance(wanted.matches(MORE), bool)
        assert fql.compile(str(wanted)) == wanted
    assert 0 <= position <= len(text)


def test_all_has_a_normal_form():
    assert isinstance(fql.parse(" all "), Everything)
    assert str(fql.parse("all")) == "all"
