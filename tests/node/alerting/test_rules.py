"""What rules say of how everything stands."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from trackway.delivery.slots import DestinationStatus
from trackway.delivery.worker import Status
from trackway.node.alerting.facts import Facts, newest, totals_before
from trackway.node.alerting.rules import judge
from trackway.node.canary import CanaryReport
from trackway.node.monitoring import samples
from trackway.node.monitoring.monitor import DiskHealth
from trackway.node.monitoring.samples import DestinationTotals, Sample, SourceTotals, Totals
from trackway.state import open_state
from trackway.warehouse.loader import LoaderStatus
from trackway.workspace.alerting import AlertRule
from trackway.workspace.model import Source, Workspace

NOW = 1_795_780_800_000
DISK = DiskHealth(data_bytes=1, free_bytes=100, floor_bytes=10, growth_bytes_per_day=None, days_left=None)


def sample(*, at_ms: int = NOW, source: tuple[int, ...] = (), destination: dict[str, Any] | None = None) -> Sample:
    return Sample(
        0,
        at_ms,
        Totals(sources={"web": SourceTotals(*source)}, destinations={"crm": DestinationTotals(**destination or {})}),
    )


def facts(**changed: Any) -> Facts:
    workspace = Workspace(sources={"web": Source(write_keys=["a"]), "off": Source(write_keys=["b"], enabled=False)})
    standing: dict[str, Any] = {
        "at_ms": NOW,
        "workspace": workspace,
        "now": sample(),
        "before": lambda _seconds: sample(),
        "destinations": [],
        "warehouses": {},
        "differences": {},
        "disk": DISK,
        "canary": None,
        "ask": lambda _query, _warehouse: 0,
    }
    return Facts(**standing | changed)


def destination(*, breaker: str = "closed", state: str = "running", **status: Any) -> DestinationStatus:
    worker = Status(breaker=breaker, reason="503", refused=False, opens_in_s=0, cursor={}, waiting=0)
    return DestinationStatus(destination="crm", type="webhook", name="CRM", state=state, worker=worker, **status)


def loader(**status: Any) -> dict[str, LoaderStatus]:
    return {"duckdb": LoaderStatus(name="duckdb", **status)}


def before(made: Sample | None) -> Callable[[float], Sample | None]:
    return lambda _seconds: made


WAITING = sample(destination={"pending": 3, "lag_s": 90.0})
FIVE = sample(source=(5,))
LATE = CanaryReport(message_id="m", sent_at_ms=1, state="late", hops={"x": None})
HOUR: dict[str, Any] = {"over": 3600}


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        ({"when": "no_events", **HOUR}, {}, True),
        ({"when": "no_events", **HOUR}, {"now": sample(source=(1,))}, False),
        ({"when": "no_events", **HOUR}, {"before": before(None)}, None),
        ({"when": "no_events", **HOUR}, {"now": None}, None),
        ({"when": "events", "above": 4, **HOUR}, {"now": FIVE}, True),
        ({"when": "events", "above": 4, **HOUR}, {"now": FIVE, "before": before(sample(source=(1,)))}, False),
        ({"when": "events", "below": 4, **HOUR}, {"now": sample(source=(3,))}, True),
        ({"when": "quarantined", "above": 0.1}, {"now": sample(source=(8, 2))}, True),
        ({"when": "quarantined", "above": 0.2}, {"now": sample(source=(8, 2))}, False),
        ({"when": "quarantined", "above": 0.2}, {}, False),
        ({"when": "destination_down"}, {"destinations": [destination(breaker="open")]}, True),
        ({"when": "destination_down"}, {"destinations": [destination(breaker="half_open")]}, True),
        ({"when": "destination_down"}, {"destinations": [destination(state="crashed")]}, True),
        ({"when": "destination_down"}, {"destinations": [destination(state="paused")], "now": WAITING}, False),
        ({"when": "destination_down"}, {"destinations": [destination()], "now": WAITING}, None),
        ({"when": "destination_down"}, {"destinations": [destination(state="stopped")]}, None),
        ({"when": "destination_down"}, {"destinations": [destination(requests=2, errors=1)], "now": WAITING}, False),
        ({"when": "destination_down"}, {"destinations": [destination()]}, False),
        ({"when": "behind", "over": 60}, {"destinations": [destination()], "now": WAITING}, True),
        ({"when": "behind", "over": 120}, {"destinations": [destination()], "now": WAITING}, False),
        (
            {"when": "success_rate", "below": 0.9},
            {"destinations": [destination()], "now": sample(destination={"requests": 10, "errors": 2})},
            True,
        ),
        ({"when": "success_rate", "below": 0.9}, {"destinations": [destination()]}, False),
        (
            {"when": "failed"},
            {
                "destinations": [destination()],
                "now": sample(destination={"failed": 3}),
                "before": before(sample(destination={"failed": 2})),
            },
            True,
        ),
        ({"when": "warehouse_failing"}, {"warehouses": loader(error="no password", lag=3)}, True),
        ({"when": "warehouse_failing"}, {"warehouses": loader(lag=3)}, None),
        ({"when": "warehouse_failing"}, {"warehouses": loader(loads=1, lag=3)}, False),
        ({"when": "ledger"}, {"differences": {"records in events": -1}}, True),
        ({"when": "ledger"}, {}, False),
        ({"when": "disk"}, {"disk": msgspec.structs.replace(DISK, days_left=6.9)}, True),
        ({"when": "disk", "below": 2}, {"disk": msgspec.structs.replace(DISK, days_left=6.9)}, False),
        ({"when": "disk"}, {"disk": msgspec.structs.replace(DISK, free_bytes=9)}, True),
        ({"when": "canary"}, {}, None),
        ({"when": "canary"}, {"canary": CanaryReport(message_id="m", sent_at_ms=1, state="passed")}, False),
        ({"when": "canary"}, {"canary": LATE}, True),
        ({"when": "sql", "query": "select 1"}, {"ask": lambda *_: 1}, True),
        ({"when": "sql", "query": "select 1", "below": 5}, {"ask": lambda *_: 7}, False),
        ({"when": "sql", "query": "select 1", "below": 5}, {"ask": lambda *_: None}, True),
    ],
)  # fmt: skip
def test_what_holds(rule: dict[str, Any], known: dict[str, Any], expected: bool | None) -> None:
    [said] = judge(msgspec.convert(rule, AlertRule, dec_hook=lambda kind, value: kind(value)), facts(**known))
    assert said.holds is expected
    if expected:
        assert said.title
        assert said.text.endswith(".")


def test_totals_of_a_time_that_was_not_seen_are_unknown() -> None:
    engine = open_state("sqlite://")
    for ago_s in (3700, 3650, 50, 5):
        samples.keep(engine, Totals(data_bytes=ago_s), NOW - ago_s * 1000)

    def size_before(seconds: float) -> int | None:
        found = totals_before(engine, NOW, seconds)
        return found.totals.data_bytes if found else None

    assert (size_before(45), size_before(3600), size_before(3649)) == (50, 3650, 3650)
    assert (size_before(1800), size_before(7200)) == (None, None)
    assert (now := newest(engine, NOW)) is not None
    assert now.totals.data_bytes == 5
    assert newest(engine, NOW + 120_000) is None
    engine.dispose()
