"""contract/events.md section 6, line by line."""

import json
from typing import Any

import pytest

from tests.delivery.harness import event
from trackway.delivery.filters import Filter, wanted


@pytest.mark.parametrize(
    ("integrations", "mixpanel", "slack"),
    [
        ({}, True, True),
        (None, True, True),
        ({"All": True, "Salesforce": False}, True, True),
        ({"All": False, "Mixpanel": True}, True, False),
        ({"Mixpanel": False}, False, True),
        ({"Mixpanel": {"session_id": 1712345678901}}, True, True),
        ({"All": False, "Mixpanel": {"session_id": 1}}, True, False),
        ({"All": False, "Mixpanel": {}}, True, False),
        ({"All": False, "Warehouses": {"warehouseIds": ["w"]}}, False, False),
        ({"All": False}, False, False),
        ({"all": False}, False, False),
        ({"all": False, "Mixpanel": True}, True, False),
        ({"ALL": False}, True, True),
        ({"All": "false"}, True, True),
        ({"All": None, "all": False}, False, False),
        ({"All": 0}, True, True),
        ({"mixpanel": False}, True, True),
        ({"Mixpanel": None}, True, True),
        ({"All": False, "Mixpanel": None}, False, False),
        ({"All": False, "Mixpanel": 0}, True, False),
        ({"Mixpanel": "false"}, True, True),
        ({"All": False, "Mixpanel": "false"}, True, False),
        ({"All": True, "Mixpanel": False}, False, True),
        ([], True, True),
        ("none", True, True),
    ],
)
def test_the_integrations_object(integrations: Any, mixpanel: bool, slack: bool) -> None:
    assert wanted(integrations, "Mixpanel") is mixpanel
    assert wanted(integrations, "Slack") is slack
    found = event(1, integrations=integrations)
    assert Filter("Mixpanel").reason(found) == (None if mixpanel else "FILTERED_BY_INTEGRATIONS_OBJECT")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"bundled": ["Segment.io", "Mixpanel"], "unbundled": []}, "MESSAGE_SENT_CLIENT_SIDE"),
        ({"bundled": ["mixpanel"]}, None),
        ({"bundled": [], "unbundled": ["Mixpanel"]}, None),
        ({"bundled": "Mixpanel"}, None),
        (None, None),
    ],
)
def test_what_the_device_has_sent_is_not_sent_again(metadata: Any, reason: str | None) -> None:
    assert Filter("Mixpanel").reason(event(1, _metadata=metadata)) == reason


def test_what_the_device_has_sent_is_the_first_reason() -> None:
    found = event(1, _metadata={"bundled": ["Mixpanel"]}, integrations={"All": False})
    assert Filter("Mixpanel").reason(found) == "MESSAGE_SENT_CLIENT_SIDE"


def test_only_connected_sources() -> None:
    assert Filter("Mixpanel", ["server"]).reason(event(1, source="web")) == "SOURCE_NOT_CONNECTED"
    assert Filter("Mixpanel", ["server"]).reason(event(1, source="server")) is None
    assert Filter("Mixpanel", []).reason(event(1)) == "SOURCE_NOT_CONNECTED"


def test_a_key_that_is_written_with_escapes_counts_too() -> None:
    found = event(1)
    body = rb'{"type":"track","\u0069ntegrations":{"All":false}}'
    assert json.loads(body)["integrations"] == {"All": False}
    found = type(found)(**{name: getattr(found, name) for name in found.__struct_fields__} | {"body": body})
    assert Filter("Mixpanel").reason(found) == "FILTERED_BY_INTEGRATIONS_OBJECT"


def test_integrations_deep_inside_mean_nothing() -> None:
    assert Filter("Mixpanel").reason(event(1, properties={"integrations": {"All": False}})) is None
