"""Calls that are handed on to other sources, by the running product."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.running import Trackway, poll_until, start_trackway
from trackway.node.forwarding import batches
from trackway.workspace import WorkspaceError, load_workspace

PLAN = """
plan: Shop
sources: [web]
violations: {unplanned_events: quarantine}
track:
  Order Completed:
    properties: {order_id: string!, total: number}
"""
SOURCES: dict[str, Any] = {
    "web": {
        "write_keys": ["WEB"],
        "block": ["Mouse Moved"],
        "forward": {"blocked": "rest", "violations": "quality", "events": "copy"},
    },
    "rest": {"write_keys": ["REST"]},
    "quality": {"write_keys": ["QUALITY"]},
    "copy": {"write_keys": ["COPY"], "block": ["Cart Viewed"]},
}
CALLS: list[dict[str, Any]] = [
    {"type": "track", "event": "Mouse Moved", "messageId": "m-1", "timestamp": "2026-11-20T10:00:00Z"},
    {"type": "track", "event": "Order Completed", "messageId": "m-2", "properties": {"order_id": 5, "total": "x"}},
    {"type": "track", "event": "Unheard Of", "messageId": "m-3"},
    {"type": "identify", "messageId": "m-4", "traits": {"plan": "pro"}},
]


def events_of(running: Trackway, source: str) -> dict[str, dict[str, Any]]:
    return {one.message_id: json.loads(one.body) for _, one in running.event_records() if one.source == source}


def test_each_call_comes_once_to_the_source_that_is_to_have_it(tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "shop.yaml").write_text(PLAN)
    with start_trackway(tmp_path, sources=SOURCES, warehouses={"duckdb": {"enabled": False}}) as running:
        batch = {"batch": [{"userId": "u1", **call} for call in CALLS], "context": {"app": {"name": "shop"}}}
        running.post("/v1/batch", batch, write_key="WEB")
        poll_until(lambda: len(events_of(running, "copy")) == 2, what="the copies", timeout_s=60.0)
        poll_until(lambda: len(events_of(running, "quality")) == 3, what="the violations", timeout_s=60.0)
        poll_until(lambda: events_of(running, "rest"), what="what was blocked", timeout_s=60.0)

        [blocked] = events_of(running, "rest").values()
        assert (blocked["event"], blocked["messageId"], blocked["context"]) == (
            "Mouse Moved",
            "m-1",
            {"app": {"name": "shop"}},
        )
        assert blocked["timestamp"] == "2026-11-20T10:00:00.000Z"
        copies = events_of(running, "copy")
        assert {one["type"] for one in copies.values()} == {"track", "identify"}
        original = events_of(running, "web")["m-2"]
        assert copies["m-2"]["properties"] == original["properties"]
        assert copies["m-2"]["timestamp"] == original["timestamp"]
        found = {key: one["properties"] for key, one in events_of(running, "quality").items()}
        assert {key: (one["violationType"], one["eventName"], one["blocked"]) for key, one in found.items()} == {
            "m-2:v1": ("Invalid Type", "Order Completed", False),
            "m-2:v2": ("Invalid Type", "Order Completed", False),
            "m-3:v1": ("Unplanned Event", "Unheard Of", True),
        }
        # Another life of the product hands nothing on once more.
        running.stop()
        running.start()
        running.post("/v1/track", {"userId": "u1", "event": "Mouse Moved", "messageId": "m-9"}, write_key="WEB")
        poll_until(lambda: "m-9" in events_of(running, "rest"), what="the next one", timeout_s=60.0)
        ids = Counter((one.source, one.message_id) for _, one in running.event_records())
        assert set(ids.values()) == {1}


@pytest.mark.parametrize(
    ("forward", "says"),
    [("{events: web}", "web hands calls on itself"), ("{events: app}", "app hands calls on itself"),
     ("{blocked: ap}", "did you mean app?"), ("{event: app}", "did you mean events?")],
)  # fmt: skip
def test_a_loop_is_a_mistake(tmp_path: Path, forward: str, says: str) -> None:
    (tmp_path / "trackway.yaml").write_text(f"""
sources:
  web: {{write_keys: [a], forward: {forward}}}
  app: {{write_keys: [b], forward: {{events: last}}}}
  last: {{write_keys: [c]}}
""")
    with pytest.raises(WorkspaceError, match=says.replace("?", r"\?")):
        load_workspace(tmp_path)


def test_a_request_is_no_larger_than_the_collector_takes() -> None:
    calls = [{"messageId": f"m{number}", "text": "x" * (number * 37 % 400)} for number in range(250)]
    bodies = list(batches(calls, most_bytes=2_000))
    assert [call for body in bodies for call in json.loads(body)["batch"]] == calls
    assert max(map(len, bodies)) <= 2_000
    assert [len(json.loads(body)["batch"]) for body in batches(calls, most_bytes=1 << 20)] == [100, 100, 50]
    assert len(list(batches(calls[:1] * 3, most_bytes=10))) == 3, "one call alone is sent, and refused with a reason"
