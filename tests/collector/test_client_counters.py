"""The clients' own health counters: added up by name, whatever else is sent."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.collector.test_app import WORKSPACE, Client, Kept
from tests.collector.test_operations import samples
from trackway.collector.app import CollectorApp
from trackway.collector.client_counters import MOST_NAMES, add_counters
from trackway.collector.metrics import Counts, MetricsBoard


def counter(metric: Any, value: Any = 1) -> dict[str, Any]:
    return {"type": "Counter", "metric": metric, "value": value, "tags": {"method": "track"}}


async def test_they_are_answered_and_shown(tmp_path: Path):
    own = Counts("collector-0", time.time())
    board = MetricsBoard(tmp_path, own)
    client = Client(CollectorApp(WORKSPACE, Kept(), counts=own, metrics=board.render), None)
    for value in (2, 3):
        body = {"series": [counter("analytics_js.invoke", value), counter("analytics_mobile.integration.invoke")]}
        assert (await client.send("/v1/m", body)).body == {"success": True}
    found = samples(board.render())
    assert found["trackway_collector_client_counters_total{metric=analytics_js.invoke}"] == 5
    assert found["trackway_collector_client_counters_total{metric=analytics_mobile.integration.invoke}"] == 2


@pytest.mark.parametrize(
    ("series", "totals"),
    [
        ([counter("analytics_js.invoke", 1.5)], {"analytics_js.invoke": 1.5}),
        ([counter("<b>mine</b>"), counter("x" * 500)], {"other": 2}),
        ([counter("analytics_js.invoke", -1), counter("analytics_js.invoke", 1e300)], {}),
        ([5, None, {}, counter(7), counter("analytics_js.a", "no")], {}),
        ("text", {}),
    ],
)
def test_only_counters_count(series: Any, totals: dict[str, float]):
    found: dict[str, float] = {}
    add_counters(found, json.dumps({"series": series}).encode())
    assert found == totals


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"series":5}'])
def test_what_is_no_body_counts_nothing(body: bytes):
    found: dict[str, float] = {}
    add_counters(found, body)
    assert found == {}


def test_names_are_bounded():
    found: dict[str, float] = {}
    add_counters(found, json.dumps({"series": [counter(f"analytics_js.m{n}") for n in range(500)]}).encode())
    assert len(found) == MOST_NAMES + 1
    assert sum(found.values()) == 500
