"""contract/delivery.md section 8, line by line: F and G stand for advertising, A for analytics."""

from typing import Any

import pytest

from tests.delivery.harness import event
from trackway.delivery.filters import Filter

ABSENT: dict[str, Any] = {}


def reached(consent: Any, integrations: Any, mapped: dict[str, list[str]]) -> str:
    body: dict[str, Any] = {"context": {} if consent is ABSENT else {"consent": consent}}
    found = event(1, integrations=integrations, **body)
    return "".join(name for name in "FGA" if Filter(name, consent=mapped.get(name, ())).reason(found) is None)


AD = {"F": ["ad"], "G": ["ad"]}
AD_AN = {"F": ["ad"], "G": ["ad"], "A": ["an"]}
BOTH = {"F": ["ad", "an"], "G": ["ad"], "A": ["an"]}


@pytest.mark.parametrize(
    ("consent", "integrations", "mapped", "expected"),
    [
        (ABSENT, {}, AD, "FGA"),
        ({}, {}, AD, "FGA"),
        ({"categoryPreferences": {}}, {}, AD, "A"),
        (ABSENT, {"F": True, "A": False}, AD, "FG"),
        ({}, {"F": True, "A": False}, AD, ""),
        ({}, {"F": True, "G": True}, AD, "A"),
        ({"categoryPreferences": {}}, {"F": True}, AD, "A"),
        ({"categoryPreferences": {"ad": True, "an": False}}, {}, {}, "FGA"),
        ({"categoryPreferences": {"ad": True, "an": False}}, {"F": False}, {}, "GA"),
        ({"categoryPreferences": {"ad": True, "an": False}}, {}, AD_AN, "FG"),
        ({"categoryPreferences": {"ad": True, "an": False}}, {"F": True, "A": False}, AD_AN, "FG"),
        ({"categoryPreferences": {"ad": True, "an": False}}, {"F": False, "A": False}, AD_AN, "G"),
        ({"categoryPreferences": {"ad": True, "an": False}}, {"F": True, "A": False}, BOTH, "G"),
        ({"categoryPreferences": {"ad": True, "an": True}}, {"F": True, "A": False}, BOTH, "FG"),
        ({"categoryPreferences": {"ad": False, "an": True}}, {"F": True, "A": False}, BOTH, ""),
        ({"categoryPreferences": {"other": False}}, {}, {}, "FGA"),
        ({"categoryPreferences": {"AD": True}}, {}, AD, "A"),
        ({"categoryPreferences": {"ad": "true"}}, {}, AD, "A"),
        ({"categoryPreferences": ["ad"]}, {}, AD, "A"),
        ("yes", {}, AD, "A"),
        (None, {}, AD, "FGA"),
    ],
)
def test_who_is_reached(consent: Any, integrations: Any, mapped: dict[str, list[str]], expected: str):
    assert reached(consent, integrations, mapped) == expected


def test_the_reason_and_its_place_in_the_order():
    refused = {"context": {"consent": {"categoryPreferences": {"ad": False}}}}
    mixpanel = Filter("Mixpanel", consent=["ad"])
    assert mixpanel.reason(event(1, **refused)) == "FILTERED_BY_END_USER_CONSENT"
    assert mixpanel.reason(event(1, **refused, integrations={"All": False})) == "FILTERED_BY_END_USER_CONSENT"
    assert mixpanel.reason(event(1, **refused, _metadata={"bundled": ["Mixpanel"]})) == "MESSAGE_SENT_CLIENT_SIDE"


def test_a_report_of_the_preferences_goes_to_everybody():
    refused = {"context": {"consent": {"categoryPreferences": {"ad": False}}}}
    found = event(1, **refused)
    found = type(found)(
        **{name: getattr(found, name) for name in found.__struct_fields__}
        | {"name": "Segment Consent Preference Updated"}
    )
    assert Filter("Mixpanel", consent=["ad"]).reason(found) is None
