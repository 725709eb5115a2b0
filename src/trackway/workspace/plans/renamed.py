"""Names in a plan that no event has when it is held against it: the pipeline has given semantic events their own."""

from collections.abc import Iterator

from trackway.events.semantic import product_renames, recognise
from trackway.workspace.plans.model import Plan, Row, Rule


def renamed_before(plan: Plan) -> list[str]:
    """Return a sentence for each name of a track event or property in `plan` that `pipeline.rename_events` changes."""
    planned = {rule.event for rule in plan.rules if rule.type == "track"}
    found: dict[str, None] = {}
    for rule in plan.rules:
        if rule.type != "track" or (event := recognise(rule.event)) is None:
            continue
        if event.name != rule.event:
            also = ", which the plan has too" if event.name in planned else ""
            found[f"track.{rule.event}: such events go on as {event.name}{also}"] = None
        for row, right in _renamed_rows(rule, event.renames, event.product_lists):
            found[f"track.{rule.event}.{'.'.join(row.path)}: it goes on as {right}"] = None
    return list(found)


def _renamed_rows(rule: Rule, renames: dict[str, str], product_lists: tuple[str, ...]) -> Iterator[tuple[Row, str]]:
    paths = {row.path for row in rule.rows}
    for row in rule.rows:
        match row.path:
            case ("properties", name) if name in renames:
                right = renames[name]
            case ("properties", listed, "$", name) if listed in product_lists and name in product_renames():
                right = product_renames()[name]
            case _:
                continue
        if (*row.path[:-1], right) not in paths:
            yield row, right
