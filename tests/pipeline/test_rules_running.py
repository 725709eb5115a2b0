"""Plan, privacy and suppression in the running product, and that changed files take effect without a restart."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.running import Trackway, start_trackway
from trackway.workspace.suppression import change_suppression

PLAN = """
violations: {unplanned_events: quarantine, track: omit}
track:
  Order Completed:
    properties: {total: number}
"""
pytestmark = pytest.mark.timeout(120)


def test_rules_are_applied_and_changed_files_take_effect(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    (folder / "plans").mkdir(parents=True)
    (folder / "plans" / "shop.yaml").write_text(PLAN)
    privacy = {"rules": [{"path": "traits.email", "do": "mask"}]}
    with start_trackway(folder, privacy=privacy, warehouses={"duckdb": {"enabled": False}}) as running:
        send(running, "m-1", event="Order Completed", properties={"total": "much"})
        send(running, "m-2", event="Order Misspelt")
        send(running, "m-3", type="identify", traits={"email": "ada@shop.example"})
        running.settle()
        events = {event["messageId"]: event for event in running.events()}
        assert events.keys() == {"m-1", "m-3"}
        assert events["m-1"]["properties"].keys() <= {"currency"}
        assert events["m-1"]["context"]["protocols"]["omitted_on_violation"] == ["properties.total"]
        assert events["m-3"]["traits"] == {"email": "a***@shop.example"}
        assert [(one.message_id, one.stage, one.refusal.reason) for one in running.quarantine()] == [
            ("m-2", "plan", "unplanned")
        ]

        # A torn edit changes nothing; the next one does.
        (folder / "plans" / "shop.yaml").write_text("track: [")
        (folder / "plans" / "shop.yaml").write_text(PLAN + "  Order Misspelt: {}\n")
        change_suppression(folder / "data", ["u-9"], suppressed=True)
        running.wait_for(lambda: became_event(running, event="Order Misspelt"), what="the new plan", timeout_s=60)
        running.wait_for(lambda: was_suppressed(running), what="the suppression", timeout_s=60)


_numbers = itertools.count()


def send(running: Trackway, message_id: str, **call: Any) -> None:
    body = {"type": "track", "userId": "u-1", "messageId": message_id, **call}
    assert running.post("/v1/batch", {"batch": [body]}).status == 200


def became_event(running: Trackway, **call: Any) -> bool:
    send(running, f"again-{next(_numbers)}", **call)
    running.settle()
    return any(event["event"] == call["event"] for event in running.events() if event["type"] == "track")


def was_suppressed(running: Trackway) -> bool:
    send(running, f"again-{next(_numbers)}", userId="u-9", event="Order Completed")
    running.settle()
    return any((one.reason, one.user_id) == ("suppressed", "u-9") for one in running.dropped())
