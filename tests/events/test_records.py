import msgspec
import pytest
from msgspec.structs import astuple

from trackway.events.records import Place, RawRecord, Refusal, decode_raw, decode_raw_rows, encode

OLDEST = ("web", "track", "m1", 1_795_168_801_000, b"{}")


@pytest.mark.parametrize(
    "fields", [OLDEST, (*OLDEST, None, b"{}", "203.0.113.9"), (*astuple(RawRecord(*OLDEST)), "new")]
)
def test_a_row_has_the_fields_of_a_record_of_any_age(fields: tuple[object, ...]):
    record = encode(fields)
    (row,) = decode_raw_rows([record])
    assert RawRecord(*row) == decode_raw(record)


def test_a_row_has_all_fields_of_a_record():
    raw = RawRecord(*OLDEST, "s", b"{}", "ip", "agent", True, Refusal("r", "/p", "m"), True, Place(1, 2))
    assert len(astuple(raw)) == len(RawRecord.__struct_fields__)
    assert decode_raw_rows([encode(OLDEST), encode(raw)]) == [astuple(RawRecord(*OLDEST)), astuple(raw)]


def test_what_is_no_record_is_no_row():
    for record in (b"", encode({}), encode(("web", 1))):
        with pytest.raises(msgspec.DecodeError):
            decode_raw_rows([encode(OLDEST), record])
