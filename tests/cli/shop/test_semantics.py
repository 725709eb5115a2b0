"""What the shop sends, held against Segment's specification of semantic events."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from trackway.cli.shop import Event, Plan, simulate

pytestmark = pytest.mark.xdist_group("shop")  # one worker makes what they share

SPEC = yaml.safe_load((Path(__file__).parent / "semantic_events.yaml").read_text("utf-8"))
RESERVED = {"revenue": "number", "currency": "string", "value": "number"}
OWN_NAMES = {"Viewed Product", "product_added", "productClicked", "cart viewed"}
"""What the old app sends."""
START_MS = 1_795_168_800_000


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(simulate(Plan(11, START_MS, "wk", rate=500, duration_s=60)))


def named(events: list[Event]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event.json["type"] == "track" and not event.reason:
            found.setdefault(event.json["event"], []).append(event.json["properties"])
    return found


def test_every_event_is_in_the_specification_but_those_of_the_old_app(events: list[Event]) -> None:
    assert set(named(events)) - set(SPEC["events"]) == OWN_NAMES


def test_every_property_has_its_specified_name_and_type(events: list[Event]) -> None:
    wrong = {
        f"{name}: {trouble}"
        for name, calls in named(events).items()
        if name in SPEC["events"]
        for properties in calls
        for trouble in troubles(properties, {**RESERVED, **SPEC["events"][name]})
    }
    assert wrong == set()


def test_the_old_app_names_things_its_own_way(events: list[Event]) -> None:
    properties = named(events)["Viewed Product"][0]
    assert "product_id" not in properties
    assert isinstance(properties["productId"], str)
    assert isinstance(properties["price"], str)


def test_the_shop_plays_most_of_the_specification(events: list[Event]) -> None:
    missing = {
        name
        for name in SPEC["events"]
        if name.startswith(("Product", "Order", "Checkout", "Coupon", "Application", "Email"))
    } - set(named(events))
    assert missing == {
        "Application Foregrounded",  # only Swift sends it by itself
        "Application Uninstalled",
        "Coupon Removed",
        "Email Marked as Spam",
        "Product Removed from Wishlist",
    }


def troubles(properties: dict[str, Any], allowed: dict[str, str]) -> list[str]:
    found: list[str] = []
    for name, value in properties.items():
        kind = allowed.get(name)
        if kind is None:
            found.append(f"{name} is not specified")
        elif not fits(value, kind):
            found.append(f"{name} is no {kind}: {value!r}")
        elif " of " in kind:
            member = SPEC["objects"][kind.partition(" of ")[2]]
            found += [f"{name}[].{trouble}" for item in value for trouble in troubles(item, member)]
        elif kind.startswith("object "):
            found += [f"{name}.{trouble}" for trouble in troubles(value, SPEC["objects"][kind.partition(" ")[2]])]
    return found


def fits(value: Any, kind: str) -> bool:
    kinds = {"string": str, "number": (int, float), "integer": int, "boolean": bool, "array": list, "object": dict}
    words = kind.partition(" ")[0].split("|")
    return any(isinstance(value, kinds[word]) and (word == "boolean") == isinstance(value, bool) for word in words)
