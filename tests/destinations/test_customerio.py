"""What the cases cannot show: which texts count as dates and as addresses, and sizes of requests."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations import registry
from trackway.destinations.catalog.customerio.entities import date_s, identifiers, with_dates_in_s
from trackway.destinations.kit import Secret


# As `Date.parse` of Node 22 reads them.
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-07-01", 1719792000),
        ("2024-07-01Z", 1719792000),
        ("2024-02-30", 1709251200),
        ("2024-07-01T12:00", 1719835200),
        ("2024-07-01T12:00:00.123456789Z", 1719835200),
        ("2024-07-01T12:00:00+0200", 1719828000),
        ("2024-07-01T12:00:00+02:00", 1719828000),
        ("1969-12-31T23:59:59.5Z", -1),
        ("2024-02-32", None),
        ("2024-13-01", None),
        ("0000-00-00", None),
        ("2024-07-01T12:00+02", None),
        ("2024-07", None),
        ("20240701", None),
        (" 2024-07-01", None),
        ("2024-07-01 12:00", None),
        ("555-123-4567", None),
    ],
)
def test_dates(text: str, seconds: int | None) -> None:
    assert date_s(text) == seconds


_PLAIN = st.none() | st.integers() | st.text(max_size=20)


@given(_PLAIN | st.dictionaries(st.text(max_size=5), _PLAIN, max_size=4))
@settings(max_examples=50, deadline=None)
def test_what_is_no_date_stays_as_it_is(value: object) -> None:
    assert with_dates_in_s({"a": value, "list": ["2024-07-01"]}) == {"a": value, "list": ["2024-07-01"]}


@pytest.mark.parametrize(
    ("person", "known_by"),
    [
        ("u-1", "id"),
        ("jane@example.com", "email"),
        ("Jane.O'Neill+news@mail.example.co.uk", "email"),
        ("jane@localhost", "id"),
        ("jane@example.com ", "id"),
        ("a@b@example.com", "id"),
        ("cio_0300", "cio_id"),
    ],
)
def test_a_person_is_known_by(person: str, known_by: str) -> None:
    assert list(identifiers(person) or {}) == [known_by]


def test_metrics_go_alone() -> None:
    module = registry.find("customerio")
    assert (module.rows_together(None, "metrics"), module.rows_together(None, "")) == (1, 100)


def test_check_asks_the_region_of_the_account() -> None:
    module = registry.find("customerio")
    request = module.check(module.Settings(site_id=Secret("s"), api_key=Secret("k"), region="eu"))
    assert (request.method, request.url) == ("GET", "https://track-eu.customer.io/auth")
    assert request.headers["Authorization"] == "Basic czpr"
