"""Events that wait for a load: the same as decoded ones, and let go of as they are taken."""

from hypothesis import given
from hypothesis import strategies as st

from tests.warehouse.making import event
from trackway.events.records import encode
from trackway.warehouse.chunks import build
from trackway.warehouse.duckdb_rules import duckdb_rules
from trackway.warehouse.waiting import Waiting

RECORDS = [event(message_id=f"m{n}", event=f"Seen {n % 3}", properties={"text": "x" * (n * 7 % 50)}) for n in range(20)]
SIZES = [len(encode(record)) for record in RECORDS]


def waiting(count: int) -> Waiting:
    found = Waiting()
    for record in RECORDS[:count]:
        found.add([encode(record)])
    return found


@given(st.integers(0, 20), st.integers(1, 20), st.integers(1, sum(SIZES)))
def test_it_is_taken_whole_and_in_order_in_parts_of_the_size(count: int, most: int, most_bytes: int):
    events = waiting(count)
    assert (len(events), events.size_bytes, list(events)) == (count, sum(SIZES[:count]), RECORDS[:count])
    parts = list(events.take(most, most_bytes))
    assert [record for part in parts for record in part] == RECORDS[:count]
    assert all(len(part) <= most for part in parts)
    assert all(len(part) == 1 or sum(len(encode(one)) for one in part) <= most_bytes for part in parts)
    assert len(events) == 0
    assert events.oldest_ms == min((record.received_at_ms for record in RECORDS[:count]), default=None)


def test_a_load_of_them_is_the_same():
    events, rules = waiting(20), duckdb_rules("w")
    found, expected = build(events, rules, "main"), build(RECORDS, rules, "main")
    assert [(one.name, one.rows) for one in found.chunks] == [(one.name, one.rows) for one in expected.chunks]
    for one, other in zip(found.chunks, expected.chunks, strict=True):
        assert {name: column.originals for name, column in one.columns.items()} == {
            name: column.originals for name, column in other.columns.items()
        }
    assert len(events) == 0
