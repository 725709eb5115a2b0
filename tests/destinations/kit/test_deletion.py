"""How a destination's way to delete a person is carried out, whatever it returns and whatever is answered."""

from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.destination import Destination, Module, UnreadableAnswer

SOMEBODY = kit.Person(user_id="u-1", anonymous_ids=("a-1",))
ASKED = kit.Request(method="DELETE", url="https://x.example/u-1", body=b"")


class Settings(Struct):
    pass


def destination(**members: Any) -> Destination:
    module = SimpleNamespace(NAME="Own", Settings=Settings, LIMITS=kit.Limits(), **members)
    return Destination("own", cast("Module", cast("ModuleType", module)), Settings())


def carried_out(found: Any, *answers: kit.Answer) -> tuple[Any, int]:
    """Return what came of a deletion, and how many requests it took."""
    steps = destination(delete_user=lambda settings, person, cache: found).deletion(SOMEBODY)  # pyright: ignore
    sent, left = 0, list(answers)
    try:
        next(steps)
        while True:
            sent += 1
            steps.send(left.pop(0))
    except StopIteration as done:
        return done.value, sent


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (kit.Response(status=204), kit.Delivered()),
        (kit.Response(status=404), kit.Delivered()),
        (kit.Response(status=410), kit.Delivered()),
        (kit.Response(status=401), kit.Rejected("401")),
        (kit.Response(status=503, headers={"retry-after": "9"}), kit.Retry("503", 9.0)),
        (kit.Response(status=429, headers={"x-ratelimit-reset": "1795168810", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}),
         kit.Retry("429", 10.0)),
        (kit.Retry("ECONNRESET"), kit.Retry("ECONNRESET")),
    ],
)  # fmt: skip
def test_a_deletion_ends_as_it_was_answered_and_nobody_is_deleted_already(
    answer: kit.Answer, outcome: kit.Outcome
) -> None:
    assert carried_out(ASKED, answer) == (outcome, 1)


def test_several_requests_end_with_the_first_that_is_not_taken() -> None:
    found = kit.each_deleted([ASKED, ASKED, ASKED])
    assert carried_out(found, kit.Response(status=200), kit.Response(status=500)) == (kit.Retry("500"), 2)
    assert carried_out(kit.each_deleted([])) == (kit.Delivered(), 0)


def test_what_cannot_be_asked_is_skipped_with_the_reason() -> None:
    assert carried_out(kit.Skipped("missing_email")) == (kit.Skipped("missing_email"), 0)
    with pytest.raises(StopIteration) as done:
        next(destination().deletion(SOMEBODY))
    assert done.value.value == kit.Skipped("NOT_SUPPORTED")
    assert not destination().deletes_users


def test_a_fault_of_the_destination_costs_this_deletion_only() -> None:
    def broken(settings: Any, person: kit.Person, cache: kit.Cache) -> kit.Request:
        raise KeyError("x")

    with pytest.raises(StopIteration) as done:
        next(destination(delete_user=broken).deletion(SOMEBODY))
    assert done.value.value.reason == "request_failed"

    def baffled(settings: Any, person: kit.Person, cache: kit.Cache) -> kit.Deletion:
        yield ASKED
        raise KeyError("x")

    steps = destination(delete_user=baffled).deletion(SOMEBODY)
    next(steps)
    with pytest.raises(UnreadableAnswer):
        steps.send(kit.Response(status=200))
