"""The correction of clocks, against worked examples and as properties."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.events.clock_skew import correct, format_ms, parse_ms

RECEIVED = 1_795_168_801_000  # 2026-11-20T10:00:01.000Z
instants = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T10:00:00.120Z", 1_795_168_800_120),  # browser, Node, mobile
        ("2026-11-20T10:00:00.120456+00:00", 1_795_168_800_120),  # Python
        ("2026-11-20T11:00:00.120+01:00", 1_795_168_800_120),  # Python, local zone
        ("2026-11-20T10:00:00.120456789Z", 1_795_168_800_120),  # Go, Java
        ("2026-11-20T05:00:00.1204567-05:00", 1_795_168_800_120),  # .NET
        ("2026-11-20T11:00:00+01:00", 1_795_168_800_000),  # PHP
        ("2026-11-20T10:00:00.1Z", 1_795_168_800_100),
        ("2026-11-20 10:00:00", 1_795_168_800_000),  # no zone: UTC
        ("2026-11-20t10:00:00z", 1_795_168_800_000),
        ("2020-01-31", 1_580_428_800_000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("yesterday", None),
        ("", None),
        (1_795_168_800_120, None),
        (None, None),
    ],
)
def test_every_form_of_time_that_clients_send_is_read(text, expected):
    assert parse_ms(text) == expected


@given(instants, st.integers(-14 * 60, 14 * 60))
def test_format_and_parse_are_inverse_in_any_zone(moment: datetime, offset_min: int):
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    local = moment.astimezone(timezone(timedelta(minutes=offset_min)))
    assert parse_ms(local.isoformat()) == milliseconds
    assert parse_ms(format_ms(milliseconds)) == milliseconds


def test_the_documented_formula():
    times = correct("2026-11-20T09:00:00.000Z", "2026-11-20T09:00:00.750Z", RECEIVED)
    assert format_ms(times.timestamp_ms) == "2026-11-20T10:00:00.250Z"


@pytest.mark.parametrize(
    ("original", "sent", "expected", "findings"),
    [
        (None, None, RECEIVED, ()),
        (None, "2026-11-20T09:00:00Z", RECEIVED, ()),
        ("2015-06-01T00:00:00Z", None, 1_433_116_800_000, ()),  # history by plain HTTP
        ("2015-06-01T00:00:00Z", "2026-11-20T10:00:01Z", 1_433_116_800_000, ()),  # history, truthful sentAt
        ("soon", "2026-11-20T09:00:00Z", RECEIVED, ("timestamp_unparsable",)),
        ("2026-11-20T09:00:00Z", "soon", 1_795_165_200_000, ("sent_at_unparsable",)),
        ("0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", RECEIVED, ("timestamp_out_of_range",)),
        (17, None, RECEIVED, ("timestamp_unparsable",)),
    ],
)
def test_missing_and_odd_times(original, sent, expected, findings):
    assert correct(original, sent, RECEIVED)[:2] == (expected, findings)


@given(instants, st.integers(0, 10**9), st.integers(-(10**10), 10**10))
def test_a_wrong_clock_changes_nothing(called: datetime, waited_ms: int, wrong_by_ms: int):
    """However wrong a clock, the result is the true time of the call, give or take the journey."""
    received_ms = parse_ms((called + timedelta(milliseconds=waited_ms)).isoformat())
    assert received_ms is not None
    clock = called + timedelta(milliseconds=wrong_by_ms)
    times = correct(clock.isoformat(), (clock + timedelta(milliseconds=waited_ms)).isoformat(), received_ms)
    assert times.timestamp_ms == parse_ms(called.isoformat())
