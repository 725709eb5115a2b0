"""The types of columns that tracking plans foresee."""

from trackway.errors import TrackwayError
from trackway.warehouse.columns import Kind
from trackway.warehouse.naming import RESERVED_COLUMNS, Rules, column_name, context_column_name, event_name, schema_name
from trackway.workspace.model import Workspace
from trackway.workspace.plans import Plan, Row, Rule, load_plans
from trackway.workspace.plans.model import ITEM

_KINDS = {
    "boolean": Kind.BOOLEAN,
    "integer": Kind.INTEGER,
    "number": Kind.FLOAT,
    "string": Kind.TEXT,
    "date-time": Kind.TIMESTAMP,
}
_TABLES = {
    "identify": ("identifies", "users"),
    "group": ("groups", "accounts"),
    "page": ("pages",),
    "screen": ("screens",),
}
_OBJECTS = ("properties", "traits")

Types = dict[str, dict[str, Kind]]
"""By `schema.table` and column."""


def planned_types(workspace: Workspace, rules: Rules) -> Types:
    """Return the types that the plans of a workspace give columns; none while its plans cannot be read.

    A value counts that is planned to be of one type, null aside, in every version of its event. The context's columns
    of an event's table have a type too, those of `tracks`, which are every event's, have none.
    """
    try:
        followed = load_plans(workspace.folder, workspace.sources).by_source()
    except TrackwayError:
        return {}  # the pipeline says so
    types: Types = {}
    for source, (plan, _) in followed.items():
        _add(types, plan, schema_name(source, rules), rules)
    return types


def _add(types: Types, plan: Plan, schema: str, rules: Rules) -> None:
    found: dict[tuple[str, str], set[Kind | None]] = {}
    for rule in plan.rules:
        for table in _tables(rule, rules):
            for row in rule.rows:
                column = _column(row, rules)
                if column is not None:
                    found.setdefault((f"{schema}.{table}", column), set()).add(_kind(row))
    for (table, column), kinds in found.items():
        if len(kinds) == 1 and (kind := kinds.pop()) is not None:
            types.setdefault(table, {})[column] = kind


def _tables(rule: Rule, rules: Rules) -> tuple[str, ...]:
    return (event_name(rule.event, rules).table,) if rule.type == "track" else _TABLES.get(rule.type, ())


def _column(row: Row, rules: Rules) -> str | None:
    if len(row.path) < 2 or ITEM in row.path:
        return None
    if row.path[0] == "context":
        return context_column_name(row.path[1:], rules)
    if row.path[0] not in _OBJECTS:
        return None
    name = column_name(row.path[1:], rules)
    return None if name in RESERVED_COLUMNS else name


def _kind(row: Row) -> Kind | None:
    types = [type_ for type_ in row.types if type_ != "null"]
    return _KINDS.get(types[0]) if len(types) == 1 else None
