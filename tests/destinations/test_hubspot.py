"""What the cases cannot show: properties of all kinds, and batches of which some rows are wrong."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations import kit, registry
from trackway.destinations.catalog.hubspot.records import flat
from trackway.destinations.destination import Exchange
from trackway.workspace.load import WorkspaceError

SETTINGS = {
    "access_token": "pat-90fe",
    "portal_id": "62515",
    "mappings": {"track": {"enabled": True, "fields": {"email": "$.userId", "objectId": "$.messageId"}}},
}


def test_properties_are_flat_texts() -> None:
    made = flat(
        {"a": [1, "x", True, None, {"b": 1.5}, [2]], "o": {"ü": 1}, "s": " x ", "n": None, "t": True, "f": 2.5, "e": ""}
    )
    assert made == {"a": '1;x;true;null;{"b":1.5};[2]', "o": '{"ü":1}', "s": "x", "t": True, "f": 2.5, "e": ""}


def test_there_must_be_a_way_in() -> None:
    with pytest.raises(WorkspaceError, match="needs access_token"):
        registry.load("hubspot", {"client_id": "c"}, where="settings")


@pytest.mark.parametrize("kind", ["identify", "track"])
@given(st.sets(st.integers(0, 19)), st.integers(1, 20), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_wrong_rows_are_found_and_the_others_get_in(kind: str, wrong: set[int], size: int, people: int) -> None:
    destination = registry.load("hubspot", SETTINGS, where="settings")
    rows = [row for number in range(size) for row in _rows(destination, kind, number, number % people)]
    outcomes = _converse(destination.exchange(rows), {f"m-{number}" for number in wrong})
    assert [number for number in range(size) if isinstance(outcomes[number], kit.Rejected)] == sorted(
        number for number in wrong if number < size
    )


def _rows(destination: registry.Destination, kind: str, number: int, person: int) -> Sequence[kit.Row]:
    traits = {"email": f"p{person}@example.com", "phone": f"m-{number}"}
    event = {
        "type": kind,
        "messageId": f"m-{number}",
        "userId": f"p{person}@example.com",
        "event": "x",
        "traits": traits,
    }
    rows = destination.rows(kit.Event.from_json(msgspec.json.encode(event)))
    assert isinstance(rows, Sequence)
    return rows


def _converse(exchange: Exchange, wrong: set[str]) -> list[kit.Outcome]:
    """Answer as an account would that takes nothing with one of `wrong` in it, nor an address twice in a batch."""
    try:
        request = next(exchange)
        while True:
            sent: Any = msgspec.json.decode(request.content())
            inputs = sent.get("inputs", [sent])
            told = {one.get("objectId") or one["properties"].get("phone") for one in inputs}
            contacts = [one["id"] for one in inputs if "idProperty" in one]
            bad = bool(told & wrong) or len(set(contacts)) < len(contacts)
            request = exchange.send(kit.Response(status=400 if bad else 200, body=b"{}"))
    except StopIteration as done:
        return done.value
