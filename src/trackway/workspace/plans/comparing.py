"""What changed from one plan to another, and for whom it breaks something.

*Senders* break when what was as planned no longer is. *Readers* (tables, queries, destinations) break when they can no
longer count on what was promised: a value may now be absent, or of another type.
"""

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from trackway.workspace.plans.model import Plan, Row, Rule

Whom = Literal["nobody", "senders", "readers", "both"]
_Key = tuple[str, str, int]


class Change(NamedTuple):
    """One difference."""

    what: str
    """Where, such as `Order Completed, properties.total`."""
    change: str
    """A sentence, such as `became required`."""
    breaks: Whom


def compare_plans(before: Plan, after: Plan) -> list[Change]:
    """Return the differences in the order of the older plan, what is new behind them."""
    old, new = _by_key(before), _by_key(after)
    several = {key[:2] for key in [*old, *new] if key[2] > 1}
    changes: list[Change] = []
    for key, rule in old.items():
        title = _title(rule, several)
        if key not in new:
            changes.append(Change(title, "is gone", "both"))
        else:
            changes += _rule_changes(title, rule, new[key])
    changes += [Change(_title(rule, several), "is new", "nobody") for key, rule in new.items() if key not in old]
    return changes


def breaks(change: Change, whom: Whom) -> bool:
    """Tell whether a change breaks something for `whom`; `both` asks for either of them."""
    return change.breaks != "nobody" and (whom == "both" or change.breaks in (whom, "both"))


def _by_key(plan: Plan) -> dict[_Key, Rule]:
    return {(rule.type, rule.event, rule.version): rule for rule in plan.rules}


def _title(rule: Rule, several: set[tuple[str, str]]) -> str:
    return f"{rule.title} (version {rule.version})" if (rule.type, rule.event) in several else rule.title


def _rule_changes(title: str, before: Rule, after: Rule) -> Iterator[Change]:
    old, new = ({row.path: row for row in rule.rows} for rule in (before, after))
    for path, row in old.items():
        where = f"{title}, {row.name}"
        if path not in new:
            yield Change(where, "is gone", "both")
        else:
            for text, whom in _row_changes(row, new[path]):
                yield Change(where, text, whom)
    for path, row in new.items():
        if path not in old:
            yield Change(f"{title}, {row.name}", *(("is new and required", "senders") if row.required else _NEW))
    if before.schema != after.schema:
        yield Change(title, "has another `schema`", "both")
    if before.tables != after.tables:
        yield Change(title, f"says {_listed(after.tables)} instead of {_listed(before.tables)}", "both")
    if (before.description, before.labels) != (after.description, after.labels):
        yield Change(title, "is described otherwise", "nobody")


_NEW: tuple[str, Whom] = ("is new", "nobody")


def _row_changes(before: Row, after: Row) -> Iterator[tuple[str, Whom]]:
    if before.required != after.required:
        yield ("became required", "senders") if after.required else ("is no longer required", "readers")
    if set(before.types) != set(after.types):
        whom = _narrower_or_wider(_accepts(before.types, after.types), _accepts(after.types, before.types))
        yield f"is {_types(after)} instead of {_types(before)}", whom
    yield from _enum_changes(before, after)
    if before.pattern != after.pattern:
        yield _pattern_change(before.pattern, after.pattern)
    yield from _bound_changes("minimum", before.minimum, after.minimum, lambda old, new: new > old)
    yield from _bound_changes("maximum", before.maximum, after.maximum, lambda old, new: new < old)
    if before.schema != after.schema:
        yield "has another `schema`", "both"
    if before.description != after.description:
        yield "is described otherwise", "nobody"


def _enum_changes(before: Row, after: Row) -> Iterator[tuple[str, Whom]]:
    old, new = ({repr(one) for one in row.enum} for row in (before, after))
    if not old and new:
        yield f"permits only {_listed(sorted(new))}", "senders"
    elif old and not new:
        yield "permits any value", "readers"
    else:
        if gone := sorted(old - new):
            yield f"no longer permits {_listed(gone)}", "senders"
        if added := sorted(new - old):
            yield f"also permits {_listed(added)}", "readers"


def _pattern_change(before: str, after: str) -> tuple[str, Whom]:
    if not before:
        return f"must match {after}", "senders"
    if not after:
        return f"need not match {before}", "readers"
    return f"must match {after} instead of {before}", "both"


def _bound_changes(
    name: str, before: float | None, after: float | None, tighter: Callable[[float, float], bool]
) -> Iterator[tuple[str, Whom]]:
    if before == after:
        return
    if after is None:
        yield f"has no {name}", "readers"
    elif before is None or tighter(before, after):
        yield f"has the {name} {after}", "senders"
    else:
        yield f"has the {name} {after} instead of {before}", "readers"


def _narrower_or_wider(narrower: bool, wider: bool) -> Whom:
    """Say whom a change of types breaks: the older ones may accept all that the newer do, or the other way round."""
    if narrower == wider:
        return "nobody" if narrower else "both"
    return "senders" if narrower else "readers"


def _accepts(types: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Tell whether every value of the types `others` is of one of `types`."""
    within = {"integer": "number", "date-time": "string"}
    return "any" in types or all(one in types or within.get(one) in types for one in others)


def _types(row: Row) -> str:
    return " or ".join(row.types)


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(re.sub(r"^'(.*)'$", r"\1", name) for name in names) or "nothing"
