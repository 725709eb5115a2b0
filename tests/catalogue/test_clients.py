"""Which client libraries sources use."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fresh_state import fresh_state
from trackway.catalogue.clients import MOST_PER_SOURCE, Client, ClientLedger
from trackway.events.records import EventRecord, Place


def _event(library: object, *, source: str = "web", at_ms: int = 1000) -> tuple[EventRecord, Place]:
    body = json.dumps({"type": "track", "context": {"library": library}}).encode()
    record = EventRecord(
        source=source, type="track", message_id="m", name="A", user_id="u", anonymous_id=None, received_at_ms=at_ms,
        timestamp_ms=at_ms, raw=Place(0, 0), body=body, findings=[],
    )  # fmt: skip
    return record, Place(0, 0)


def test_versions_are_counted_by_source_with_their_first_and_last_time(tmp_path: Path) -> None:
    ledger = ClientLedger(engine := fresh_state(tmp_path / "state.db"))
    next_ = {"name": "analytics.js", "version": "npm:next-1.84.3"}
    ledger.take([_event(next_, at_ms=5), _event(next_, at_ms=9), _event(next_, source="app")], {0: 3})
    ledger.take([_event(next_, at_ms=2), _event({"name": "analytics-node"})], {0: 5})
    assert ledger.read("web") == [
        Client(source="web", library="analytics.js", version="npm:next-1.84.3", count=3, first_ms=2, last_ms=9),
        Client(source="web", library="analytics-node", version="", count=1, first_ms=1000, last_ms=1000),
    ]
    assert {client.source for client in ledger.read()} == {"web", "app"}
    assert ledger.positions() == {0: 5}
    engine.dispose()


def test_made_up_versions_take_a_bounded_number_of_rows_also_after_a_restart(tmp_path: Path) -> None:
    engine = fresh_state(tmp_path / "state.db")
    many = [_event({"name": "x", "version": str(number)}) for number in range(3 * MOST_PER_SOURCE)]
    ClientLedger(engine).take(many, {0: len(many)})
    ClientLedger(engine).take(many, {0: 2 * len(many)})
    found = ClientLedger(engine).read("web")
    assert len(found) == MOST_PER_SOURCE + 1
    assert found[0].library == ""
    assert sum(client.count for client in found) == 2 * len(many)
    engine.dispose()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["name", "version"]) | st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_whatever_stands_at_library_is_counted_under_short_texts(
    tmp_path_factory: pytest.TempPathFactory, library: object
) -> None:
    engine = fresh_state(tmp_path_factory.mktemp("clients") / "state.db")
    ledger = ClientLedger(engine)
    ledger.take([_event(library)], {0: 1})
    (client,) = ledger.read()
    assert client.count == 1
    assert max(len(client.library), len(client.version)) <= 100
    engine.dispose()
