"""contract/events.md section 6, line by line."""

import json
from typing import Any

import msgspec
import pytest

from tests.delivery.harness import event
from trackway.delivery.filters import BY_INTEGRATIONS, Filter, wanted
from trackway.destinations.filters import DestinationFilters
from trackway.workspace.load import convert
from trackway.workspace.model import Destination


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


def _rules(**written: Any) -> DestinationFilters:
    settings = convert({"type": "webhook", **written}, Destination, where="")
    return DestinationFilters(settings.filters, settings.trigger)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"filters": [{"if": "event = 'Numbered'", "drop": True}]}, "FILTERED_BY_RULES"),
        ({"filters": [{"if": "properties.n = 1", "drop": True}]}, "FILTERED_BY_RULES"),
        ({"filters": [{"if": "properties.n = 2", "drop": True}]}, None),
        ({"trigger": "type = 'page'"}, "NO_MATCHING_MAPPING"),
        ({"trigger": "type = 'track' and event = 'Numbered'"}, None),
    ],
)
def test_filters_and_trigger_are_asked_of_the_event(written: dict[str, Any], reason: str | None) -> None:
    found = event(1, event="Numbered", properties={"n": 1})
    found = msgspec.structs.replace(found, name="Numbered")
    assert Filter("Mixpanel", filters=_rules(**written)).reason(found) == reason


def test_filters_come_after_the_integrations_object() -> None:
    found = event(1, integrations={"All": False})
    assert Filter("Mixpanel", filters=_rules(trigger="type = 'page'")).reason(found) == BY_INTEGRATIONS


def test_what_is_taken_out_is_gone_from_the_record_as_well() -> None:
    found = event(1, userId="u-1", properties={"n": 1, "card": "4111"})
    rules = _rules(filters=[{"drop_properties": {"": ["userId"], "properties": ["card"]}}])
    changed = Filter("Mixpanel", filters=rules).changed(found)
    assert changed.user_id is None
    assert json.loads(changed.body)["properties"] == {"n": 1}
    assert "userId" not in json.loads(changed.body)
    assert Filter("Mixpanel").changed(found) is found
