"""What the cases cannot show: settings that are refused, and what shares a request."""

import pytest

from trackway.destinations import kit, registry
from trackway.workspace import WorkspaceError

KEY = "b-90fe"


def load(**settings: object) -> registry.Destination:
    return registry.load("braze", {"api_key": KEY} | settings, where="s")


@pytest.mark.parametrize(
    "endpoint",
    ["", "rest.iad-01.braze.com", "http://rest.iad-01.braze.com", "https://", "https://rest.iad-01.braze.com/users/track",
     "https://rest.iad-01.braze.com?a=1"],
)  # fmt: skip
def test_an_endpoint_must_be_an_instance(endpoint: str) -> None:
    with pytest.raises(WorkspaceError, match=r"rest\.iad-01"):
        load(endpoint=endpoint)


def test_a_slash_after_the_endpoint_does_no_harm() -> None:
    request = load(endpoint="https://rest.fra-02.braze.eu/").check()
    assert request is not None
    assert request.url == "https://rest.fra-02.braze.eu/users/track"


@pytest.mark.parametrize(
    ("route", "rows"),
    [
        ("events", 75),
        ("attributes", 75),
        ("purchases", 75),
        ("user_aliases", 50),
        ("aliases_to_identify merge", 50),
        ("PUT shoes", 1),
        ("campaigns/trigger/send", 1),
    ],
)
def test_how_many_rows_share_a_request(route: str, rows: int) -> None:
    assert registry.find("braze").rows_together(None, route) == rows


def test_more_events_than_a_request_takes_go_in_several() -> None:
    destination = load()
    event = kit.Event.from_json(b'{"type":"track","userId":"u-1","event":"A","timestamp":"2026-11-20T10:00:00Z"}')
    rows = [row for _ in range(76) for row in destination.rows(event)]  # type: ignore[union-attr]
    exchange = destination.exchange(rows)
    assert next(exchange).content().count(b'"name":"A"') == 75
    assert exchange.send(kit.Response(status=201, body=b"{}")).content().count(b'"name":"A"') == 1
    with pytest.raises(StopIteration) as done:
        exchange.send(kit.Response(status=400, body=b'{"message":"no"}'))
    assert [type(outcome) for outcome in done.value.value] == [kit.Delivered] * 75 + [kit.Rejected]
