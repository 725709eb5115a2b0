"""The types of columns in PostgreSQL, and how a value of one is spelled as text."""

from trackway.warehouse.columns import EXACT, Kind

TYPES = {
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "bigint",
    Kind.LONG: "bigint",
    Kind.DECIMAL: "numeric",
    Kind.FLOAT: "double precision",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp with time zone",
    Kind.TEXT: "text",
}
KINDS = {name: kind for kind, name in TYPES.items() if kind is not Kind.LONG}
# The spellings of `columns.text_of`.
_AS_TEXT = {
    Kind.FLOAT: f"CASE WHEN {{0}} BETWEEN -{EXACT} AND {EXACT} AND {{0}} = trunc({{0}}) THEN {{0}}::bigint::text "
    "ELSE {0}::text END",
    Kind.DECIMAL: "trim_scale({0})::text",
    Kind.TIMESTAMP: "to_char({0} AT TIME ZONE 'UTC', CASE WHEN extract(microseconds FROM {0})::bigint % 1000 = 0 "
    """THEN 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END)""",
}


def converted(column: str, stored: Kind, wider: Kind) -> str:
    """Return the expression that gives the values of `column`, a quoted name, as the wider type."""
    if wider is Kind.TEXT:
        return _AS_TEXT.get(stored, "{0}::text").format(column)
    if wider is Kind.TIMESTAMP:
        return f"{column}::timestamp AT TIME ZONE 'UTC'"
    return f"{column}::{TYPES[wider]}"
