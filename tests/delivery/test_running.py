"""The whole product, running, with a destination that refuses the credentials and some events."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tests.promises.sink import Sink
from tests.running import Trackway, send, start_trackway
from trackway.cli import app

BALANCED = "\ntrackway_ledger_balanced 1.0\n"


def run_json(folder: Path, *arguments: str) -> list[Any]:
    ran = CliRunner().invoke(app, [*arguments, "--json", "--workspace", str(folder)])
    return [json.loads(line) for line in ran.stdout.splitlines()]


def ask(trackway: Trackway, path: str) -> Any:
    return send(trackway.console_url + path, method="GET", headers={"Authorization": f"Bearer {trackway.token}"})


def track(trackway: Trackway, *names: str) -> None:
    batch = [{"type": "track", "messageId": name, "userId": "ann", "event": name} for name in names]
    assert trackway.post("/v1/batch", {"batch": batch}).status == 200


def test_refused_credentials_are_told_everywhere_and_a_released_event_is_delivered(tmp_path: Path) -> None:
    status = {"Odd": 422}
    sink = Sink(lambda event: status.get("all") or status.get(event["event"], 200))
    destinations = {"hook": {"type": "webhook", "settings": {"url": sink.url}}}
    options = {"destinations": destinations, "delivery": {"allow_private_addresses": True}}

    def hook(trackway: Trackway) -> Any:
        [found] = ask(trackway, "/api/destinations").json()["destinations"]
        return found["worker"]

    def ledger() -> Any:
        return next(iter(run_json(tmp_path, "ledger")[0]["destinations"]), {"failed": None})

    def check() -> Any:
        return next(one for one in run_json(tmp_path, "doctor")[0]["checks"] if one["name"] == "destination hook")

    try:
        with start_trackway(tmp_path, **options) as trackway:
            track(trackway, "Good", "Odd")
            trackway.wait_for(lambda: ledger()["failed"] == {"422": 1}, what="the failure", timeout_s=60)
            for line in ('\ntrackway_delivery_breaker{destination="hook",state="closed"} 1.0\n', BALANCED):
                trackway.wait_for(
                    lambda line=line: line in ask(trackway, "/metrics").body.decode(), what=line.strip(), timeout_s=60
                )
            assert send(f"{trackway.console_url}/metrics", method="GET").status != 200

            status.clear()
            assert run_json(tmp_path, "failed", "release", "Odd")[0]["released"] == 1
            trackway.wait_for(lambda: ledger()["delivered"] == 2, what="the released event", timeout_s=60)

            status["all"] = 401
            track(trackway, "Waiting")
            trackway.wait_for(lambda: hook(trackway)["refused"], what="the alarm", timeout_s=60)
            assert (ledger()["pending"], ledger()["failed"], ledger()["difference"]) == (1, {}, 0)
            # The request is written down some time after it was made.
            trackway.wait_for(lambda: check()["status"] == "FAIL", what="the alarm of the doctor", timeout_s=60)
            assert "401" in check()["finding"]
    finally:
        sink.close()
