import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from tests.services import find_compiled
from trackway.events.records import (
    Heads,
    Place,
    RawRecord,
    Refusal,
    decode_raw,
    decode_raw_row,
    encode,
    read_heads,
)

OLDEST = ("web", "track", "m1", 1_795_168_801_000, b"{}")


@pytest.mark.parametrize(
    "fields", [OLDEST, (*OLDEST, None, b"{}", "203.0.113.9"), (*astuple(RawRecord(*OLDEST)), "new")]
)
def test_a_row_has_the_fields_of_a_record_of_any_age(fields: tuple[object, ...]):
    record = encode(fields)
    assert RawRecord(*decode_raw_row(record)) == decode_raw(record)


def test_a_row_has_all_fields_of_a_record():
    raw = RawRecord(*OLDEST, "s", b"{}", "ip", "agent", True, Refusal("r", "/p", "m"), True, Place(1, 2))
    assert len(astuple(raw)) == len(RawRecord.__struct_fields__)
    assert decode_raw_row(encode(raw)) == astuple(raw)


def test_what_is_no_record_is_no_row():
    for record in (b"", encode({}), encode(("web", 1))):
        with pytest.raises(msgspec.DecodeError):
            decode_raw_row(record)


_texts = st.text(max_size=40) | st.text(min_size=250, max_size=300)
_raws = st.builds(
    RawRecord,
    source=st.sampled_from(["web", "app", "ü" * 20]) | _texts,
    type=st.text(max_size=8),
    message_id=_texts,
    received_at_ms=st.integers(0, 2**63 - 1) | st.integers(-5, 300),
    body=st.binary(max_size=40) | st.integers(250, 70_000).map(bytes),
    sent_at=st.none() | _texts,
    shared=st.binary(max_size=3),
    ip=_texts,
    user_agent=_texts,
    client_side=st.booleans(),
    refusal=st.none() | st.builds(Refusal, _texts, _texts, _texts),
    repaired=st.booleans(),
    released=st.none() | st.just(Place(1, 2)),
)


@given(st.lists(_raws, max_size=5))
def test_heads_are_of_the_records(raws: list[RawRecord]):
    records = [encode(raw) for raw in raws]
    wanted = Heads(
        [raw.source for raw in raws],
        [raw.message_id.encode() for raw in raws],
        [raw.received_at_ms for raw in raws],
        [number for number, raw in enumerate(raws) if raw.refusal is not None],
    )
    assert read_heads(records) == wanted
    compiled = find_compiled("trackway.events.compiled_records").read_heads(records)
    assert Heads(*compiled) == wanted if all(raw.received_at_ms >= 0 for raw in raws) else compiled is None


def test_heads_of_old_records_and_of_what_is_none():
    assert read_heads([encode(RawRecord(*OLDEST)), encode(OLDEST)]).message_ids == [b"m1", b"m1"]
    compiled = find_compiled("trackway.events.compiled_records")
    whole = encode(RawRecord(*OLDEST, "s", b"{}", "ip", "agent", True))
    for record in (b"", encode({}), encode(OLDEST), *(whole[:size] for size in range(len(whole) - 3))):
        assert compiled.read_heads([whole, record]) is None
        if record != encode(OLDEST):
            with pytest.raises(msgspec.DecodeError):
                read_heads([whole, record])
    for record in (None, whole.decode("latin-1")):
        with pytest.raises(TypeError):
            compiled.read_heads([whole, record])
