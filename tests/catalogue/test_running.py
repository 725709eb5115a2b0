"""The catalogue of the running product, as the console's API and the command tell it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.running import Trackway, poll_until, send, start_trackway


def ask(trackway: Trackway, path: str) -> Any:
    answer = send(trackway.console_url + path, method="GET", headers={"Authorization": f"Bearer {trackway.token}"})
    assert answer.status == 200, answer.body
    return answer.json()


def test_the_api_and_the_command_tell_the_same(tmp_path: Path):
    with start_trackway(tmp_path) as trackway:
        for call in ({"event": "Order Completed"}, {"event": "order_shipped"}, {"event": "Order Completed"}):
            trackway.post("/v1/track", {"userId": "u1", "properties": {"amount": 5, "step": "last"}, **call})
        trackway.post("/v1/identify", {"userId": "u1", "traits": {"plan": "pro"}})
        found = poll_until(
            lambda: (
                (told := ask(trackway, "/api/catalogue")) and sum(one["count"] for one in told["events"]) == 4 and told
            ),
            what="four events in the catalogue",
            timeout_s=30,
        )
        assert found["beyond"] == []
        assert {one["name"] or one["type"] for one in found["events"]} == {
            "Order Completed",
            "order_shipped",
            "identify",
        }
        [order] = ask(trackway, "/api/catalogue?event=Order%20Completed&source=web")["events"]
        assert {path["path"]: path["types"] for path in order["paths"]} == {
            "properties.amount": {"integer": 2},
            "properties.step": {"string": 2},
        }
        findings = ask(trackway, "/api/catalogue/findings?event=order_shipped")["findings"]
        assert [one["code"] for one in findings] == ["new_event", "name_case"]
        assert len(ask(trackway, "/api/catalogue/findings?limit=1")["findings"]) == 1
        assert send(f"{trackway.console_url}/api/catalogue", method="GET").status == 401
        command = [Path(sys.executable).with_name("trackway"), "catalogue", "--json", "-w", tmp_path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert [json.loads(line) for line in done.stdout.splitlines()] == ask(trackway, "/api/catalogue")["events"]
