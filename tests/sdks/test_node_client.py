"""Segment's Node client, as it comes from npm, against the running product."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.running import Trackway
from tests.sdks.arrival import check_arrived
from tests.sdks.recording_proxy import RecordingProxy
from tests.services import find_node_package

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(60)]

SCRIPT = Path(__file__).parent / "clients" / "node_client.mjs"
PAST = "2026-03-02T09:30:15.123Z"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(trackway: Trackway, proxy: RecordingProxy, node: str) -> Run:
    """Runs a scenario of the script to its end and returns what the client reported."""
    package = find_node_package("@segment/analytics-node")
    assert json.loads((package / "package.json").read_text())["version"] == "3.1.0"

    def run_scenario(scenario: str, user: str, *, write_key: str = trackway.write_key) -> dict[str, Any]:
        orders = {"scenario": scenario, "host": proxy.url, "writeKey": write_key, "user": user}
        done = subprocess.run([node, SCRIPT], input=json.dumps(orders), capture_output=True, text=True, timeout=45)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run_scenario


def test_every_field_of_every_call_arrives(trackway: Trackway, proxy: RecordingProxy, run: Run) -> None:
    user = f"node-{uuid4()}"
    assert run("everything", user)["errors"] == []
    events = check_arrived(trackway, proxy.posts())
    types = ["identify", "track", "page", "screen", "group", "alias"]
    assert [event["type"] for event in events] == types
    assert [event["messageId"] for event in events] == [f"{user}-{kind}" for kind in types]
    for event in events:
        assert event["userId"] == user
        assert event["originalTimestamp"] == PAST
        assert event["timestamp"][:16] == PAST[:16]
        assert event["integrations"] == {"All": False, "Mixpanel": True, "Amplitude": {"session_id": 1_712_345_678_901}}
        assert event["context"]["library"] == {"name": "@segment/analytics-node", "version": "3.1.0"}
        assert event["_metadata"]["jsRuntime"] == "node"
        assert "ip" in event["context"]
        assert event["channel"] == "server"


def test_calls_with_the_least_that_the_client_asks_for_arrive(
    trackway: Trackway, proxy: RecordingProxy, run: Run
) -> None:
    user = f"node-{uuid4()}"
    assert run("least", user)["errors"] == []
    events = check_arrived(trackway, proxy.posts())
    assert [event["type"] for event in events] == ["identify", "track", "page", "screen", "group", "alias"]
    assert not any("ip" in event["context"] for event in events), "a server's own address is nobody's"


def test_more_calls_than_fit_a_batch_arrive_once_each(trackway: Trackway, proxy: RecordingProxy, run: Run) -> None:
    user = f"node-{uuid4()}"
    report = run("many", user)
    assert report["errors"] == []
    assert len(report["requests"]) == len(proxy.posts()) == 3
    events = check_arrived(trackway, proxy.posts())
    assert sorted(event["properties"]["number"] for event in events) == list(range(40))


def test_a_batch_whose_answer_got_lost_counts_once(trackway: Trackway, proxy: RecordingProxy, run: Run) -> None:
    proxy.lose_answers(1)
    assert run("least", f"node-{uuid4()}")["errors"] == []
    first, second = proxy.posts()
    assert first.json()["batch"] == second.json()["batch"], "the client sends the same calls again"
    assert second.headers["X-Retry-Count"] == "1"
    events = check_arrived(trackway, proxy.posts())
    ids = {event["messageId"] for event in events}
    assert {record.message_id for record in trackway.dropped() if record.message_id in ids} == ids


def test_a_wrong_write_key_is_a_final_error(proxy: RecordingProxy, run: Run) -> None:
    report = run("least", f"node-{uuid4()}", write_key="wk_of_nobody")
    assert report["errors"], "the client tells its user"
    assert [post.status for post in proxy.posts()] == [401], "it was tried once"
