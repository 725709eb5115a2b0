"""Every destination of the catalogue does what its cases say, and what all destinations promise."""

import pytest

from trackway.destinations import registry
from trackway.testing.destinations import Case, cases, check_case, check_contract

CASES = [(kind, name, case) for kind in registry.known() for name, case in cases(kind).items()]


@pytest.mark.parametrize(("kind", "case"), [pytest.param(k, c, id=f"{k}/{n}") for k, n, c in CASES])
def test_case(kind: str, case: Case) -> None:
    check_case(kind, case)


@pytest.mark.parametrize("kind", registry.known())
def test_every_destination_shows_what_it_sends_and_what_it_makes_of_refusals(kind: str) -> None:
    found = cases(kind).values()
    assert any(case.request or case.requests for case in found)
    assert any(outcome.startswith("rejected") for case in found for outcome in case.outcomes)
    assert any(outcome.startswith("retry") for case in found for outcome in case.outcomes)


@pytest.mark.parametrize("kind", registry.known())
def test_contract(kind: str) -> None:
    settings = next(iter(cases(kind).values())).settings
    events = [
        {"type": kind_, "messageId": f"m-{number}", "userId": "u-1", "event": "Order Completed", "previousId": "u-0"}
        for number, kind_ in enumerate(("track", "identify", "page", "screen", "group", "alias"))
    ]
    check_contract(kind, settings, events)
