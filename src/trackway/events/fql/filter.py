"""A query made ready to be asked of events."""

from trackway.events.fql.compiling import Test, Value, compile_test, compile_value
from trackway.events.fql.expressions import Everything, Expression


class Filter:
    """A compiled query; `str` gives its normal form, and two of the same normal form are equal."""

    __slots__ = ("expression", "matches", "value")

    matches: Test
    """Tells whether an event (JSON values, in Segment's terms) is one of those asked for; never raises.
    A result that is no boolean counts as false."""
    value: Value
    """Returns the expression's own value for an event: for queries that compute something."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.matches = compile_test(expression)
        self.value = compile_value(expression)

    def __str__(self) -> str:
        return str(self.expression)

    def __repr__(self) -> str:
        return f"Filter({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def compile(query: str) -> Filter:
    """Return the filter of a query, a predicate of about a million events a second.

    Raises:
        FqlError: the query is wrong; the message shows it with a caret at the character.
    """
    return Filter(parse(query))


def parse(query: str) -> Expression:
    """Return the expression of a query; its `str` is the query's normal form.

    Raises:
        FqlError: the query is wrong; the message shows it with a caret at the character.
    """
    if query.strip() == "all":
        return Everything()
    # Imported here: the parser takes longer to load than most commands run, and most have no query.
    from trackway.events.fql.parsing import parse_text

    return parse_text(query)
