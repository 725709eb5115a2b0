"""What operators see and do: metrics, readiness, changed settings; on a real collector process' parts."""

import os
import re
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.collector.test_app import BASIC, TRACK, Client, Kept
from trackway.collector.app import CollectorApp, Ready
from trackway.collector.metrics import COMMIT_SECONDS, Counts, Histogram, MetricsBoard
from trackway.collector.readiness import Readiness
from trackway.workspace import Workspace
from trackway.workspace.model import Collector, Source

WORKSPACE = Workspace(sources={"web": Source(write_keys=["WK"])})


def samples(text: bytes) -> dict[str, float]:
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text.decode()):
        for one in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in one.labels.items())
            found[f"{one.name}{{{labels}}}"] = one.value
    return found


async def test_metrics_add_up_all_collectors(tmp_path: Path):
    other = Counts("collector-1", time.time())
    other.count_request(200)
    other.count_events("web", "accepted", 5)
    other.count_commit(5, 0.003)
    MetricsBoard(tmp_path, other).write()
    own = Counts("collector-0", time.time())
    board = MetricsBoard(tmp_path, own)
    client = Client(CollectorApp(WORKSPACE, Kept(), counts=own, metrics=board.render), None)
    await client.send("/v1/track", TRACK, headers=BASIC)
    await client.send("/v1/track", {"userId": "u"}, headers=BASIC)
    await client.send("/v1/track", b"{", headers=BASIC)
    await client.send("/v1/track", TRACK)
    own.count_commit(2, 0.0004)
    found = samples(board.render())
    assert found["trackway_collector_requests_total{status=200}"] == 3
    assert found["trackway_collector_requests_total{status=400}"] == 1
    assert found["trackway_collector_requests_total{status=401}"] == 1
    assert found["trackway_collector_events_total{source=web,verdict=accepted}"] == 6
    assert found["trackway_collector_events_total{source=web,verdict=event_not_defined}"] == 1
    assert found["trackway_collector_commit_seconds_bucket{le=0.0005}"] == 1
    assert found["trackway_collector_commit_seconds_bucket{le=+Inf}"] == 2
    assert found["trackway_collector_commit_records_sum{}"] == 7
    assert found["trackway_collector_processes{}"] == 2
    assert found["trackway_collector_in_flight_bytes{}"] == 0


def test_counts_of_a_process_that_is_gone_go(tmp_path: Path):
    MetricsBoard(tmp_path, Counts("collector-7", 0)).write()
    os.utime(tmp_path / "collector-7.json", (0, 0))
    (tmp_path / "collector-8.json").write_text("torn")
    board = MetricsBoard(tmp_path, Counts("collector-0", time.time()))
    assert samples(board.render())["trackway_collector_processes{}"] == 1
    assert not (tmp_path / "collector-7.json").exists()


def test_a_histogram_counts_a_bound_into_its_own_bucket():
    histogram = Histogram.over(COMMIT_SECONDS)
    for value in (0.0005, 0.00051, 100.0):
        histogram.observe(value, COMMIT_SECONDS)
    assert (histogram.counts[0], histogram.counts[1], histogram.counts[-1]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("setting", "headers", "status"),
    [
        ("private", {}, 404),
        ("public", {}, 200),
        ("off", {}, 404),
        ("private", {"x-forwarded-for": "127.0.0.1"}, 404),
    ],
)
async def test_metrics_are_for_neighbours_unless_told_otherwise(setting: str, headers: dict[str, str], status: int):
    workspace = Workspace(sources=WORKSPACE.sources, collector=Collector(metrics=setting))
    client = Client(CollectorApp(workspace, Kept(), metrics=lambda: b"up 1\n"), None, peer="8.8.8.8")
    answer = await client.send("/metrics", method="GET", headers=headers, raw_body=True)
    assert answer is not None and answer.status == status


async def test_below_the_floor_nothing_is_taken_and_it_recovers_by_itself(tmp_path: Path):
    now = [0.0]
    readiness = Readiness(tmp_path, floor_bytes=1 << 62, clock=lambda: now[0])
    kept = Kept()
    client = Client(CollectorApp(WORKSPACE, kept, ready=readiness), None)
    ready = await client.send("/readyz", method="GET")
    assert ready is not None and ready.status == 503 and "log.floor" in ready.body["status"]
    answer = await client.send("/v1/track", TRACK, headers=BASIC)
    assert answer is not None and answer.status == 429 and kept.records == []
    readiness._floor = 0
    now[0] += 2
    ready = await client.send("/readyz", method="GET")
    answer = await client.send("/v1/track", TRACK, headers=BASIC)
    assert ready is not None and answer is not None and (ready.status, answer.status) == (200, 200)
    assert readiness.free_bytes > 0


def test_a_folder_that_is_gone_is_not_ready(tmp_path: Path):
    ready = Readiness(tmp_path / "gone", floor_bytes=0, clock=time.monotonic)()
    assert not ready.ok and re.search("cannot be looked at", ready.reason)
    assert Ready(True).ok
