"""Tables of commands on narrow terminals, and where there is no terminal."""

import pytest
from rich.console import Console

from trackway.cli.output import screen
from trackway.cli.quarantine_shown import group_table
from trackway.cli.replay_shown import show_replays
from trackway.delivery.ledger import Counts
from trackway.delivery.replay.orders import Order, Replay
from trackway.node.quarantine.groups import Group


def lines_of(shown: object, width: int) -> list[str]:
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(shown)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_groups_of_refused_calls_are_readable_in_80_columns():
    group = Group(
        count=2,
        source="web",
        reason="common_schema_violation",
        pointer="/properties/total",
        name="Order Completed",
        newest="quarantine/0/12345",
        newest_at="2026-11-27T07:21:27.820Z",
    )
    _, reason, *about = lines_of(group_table([group]), 80)
    assert reason.split() == ["2", "web", "common_schema_violation", "11-27", "07:21", "quarantine/0/12345"]
    assert " ".join(line.strip() for line in about) == "Order Completed /properties/total"


def test_replays_have_a_line_each_in_80_columns():
    counts = Counts(accepted=123_456, delivered=123_456, discarded={"NOT_SELECTED": 12_345})
    replay = Replay(
        id=17, destination="hook", state="cancelled", order=Order(spans=[]), error="", created_ms=0, ended_ms=0,
        looked_at=0, counts=counts,
    )  # fmt: skip
    assert [len(line.split()) for line in lines_of(show_replays([replay]), 80)] == [12, 8]


def test_what_goes_to_no_terminal_is_not_folded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert screen().width == 1_000
    monkeypatch.setenv("COLUMNS", "90")
    assert screen().width == 90
