"""Whether an event may enter a warehouse. Source: Segment's docs on the `integrations` object."""

from typing import Any, cast


def is_wanted(integrations: Any, warehouse: str) -> bool:
    """Say whether an event's `integrations` let it into the warehouse of this name.

    `{"Warehouses": false}` and `{"Warehouses": {"all": false}}` keep it from all, `{"Warehouses": {"warehouseIds":
    ["main"]}}` from all but `main`. `All` has no say in warehouses.
    """
    if not isinstance(integrations, dict) or "Warehouses" not in integrations:
        return True
    choice = cast("dict[str, Any]", integrations)["Warehouses"]
    if not isinstance(choice, dict):
        return choice is not False
    options = cast("dict[str, Any]", choice)
    if isinstance(options.get("all"), bool):
        return options["all"]
    chosen = options.get("warehouseIds")
    return not isinstance(chosen, list) or warehouse in chosen
