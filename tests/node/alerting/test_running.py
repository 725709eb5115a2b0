"""Alerts of the running product, as its user has them."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.node.alerting.sinks import http_sink
from tests.running import poll_until, start_trackway
from trackway.workspace import WorkspaceError, load_workspace


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_receiver_that_takes_nothing_is_told_of(tmp_path: Path, processes: int) -> None:
    async with http_sink() as ops, http_sink() as good, http_sink() as receiver:
        receiver.status = 401  # of which the first answer is enough
        settings: dict[str, Any] = {
            "sources": {
                "web": {"write_keys": ["WEB"], "forward": {"events": "copy"}},
                "copy": {"write_keys": ["COPY"]},
            },
            # In this order, so that with two processes each has one.
            "destinations": {
                key: {"type": "webhook", "settings": {"url": f"{one.url}/hook"}}
                for key, one in (("good", good), ("hook", receiver))
            },
            "delivery": {"allow_private_addresses": True, "processes": processes},
            "warehouses": {"duckdb": {"enabled": False}},
            "alerts": {
                "channels": {"ops": {"type": "webhook", "url": f"{ops.url}/alert"}},
                "rules": {"destination-down": {"when": "destination_down", "over": "1s"}},
            },
        }
        with start_trackway(tmp_path, **settings) as running:
            order = {"userId": "u1", "event": "Order Completed"}
            await asyncio.to_thread(running.post, "/v1/track", order, write_key="WEB")

            await asyncio.to_thread(poll_until, lambda: ops.got, what="the alert", timeout_s=60.0)
            message = json.loads(ops.got[0][2])
            assert (message["alert"], message["state"], message["subject"]) == ("destination-down", "firing", "hook")
            assert "refuses the credentials (401)" in message["text"]
            assert message["link"] == f"{running.console_url}/destinations/hook"
            # What is handed on to the other source is delivered too, and the neighbour has both.
            await asyncio.to_thread(poll_until, lambda: len(good.got) >= 2, what="the copy", timeout_s=60.0)
            assert {json.loads(body)["event"] for _, _, body in good.got} == {"Order Completed"}
            command = [Path(sys.executable).with_name("trackway"), "alerts", "list", "--json", "-w", tmp_path]
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
            assert done.returncode == 1
            standings = json.loads(done.stdout)["standings"]
            assert [(one["rule"], one["subject"]) for one in standings if one["fired_ms"]] == [
                ("destination-down", "hook")
            ]


@pytest.mark.parametrize(
    ("alerts", "where", "says"),
    [
        ("{channels: {ops: {type: email, to: [a@b.c]}}}", "channels.ops", "`to` and `from`"),
        ("{channels: {ops: {type: slack}}}", "channels.ops", "give `url`"),
        ("{channels: {ops: {type: telegram}}}", "channels.ops.type", "telegram"),
        ("{rules: {x: {when: no_events}}}", "rules.x", "needs `over`"),
        ("{rules: {x: {when: ledger, source: web}}}", "rules.x", "`source` means nothing"),
        ("{rules: {x: {when: events, over: 1h}}}", "rules.x", "needs `above` or `below`"),
        ("{rules: {x: {when: quarantined, above: 5}}}", "rules.x", "a share, from 0 to 1"),
        ("{rules: {x: {when: no_events, over: 1h, source: wep}}}", "rules.x.source", "did you mean web?"),
        ("{rules: {x: {when: ledger, send_to: [ops]}}}", "rules.x.send_to", "there is no channel ops"),
        ("{rules: {x: {when: ledger, sendto: [ops]}}}", "rules.x.sendto", "did you mean send_to?"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, alerts: str, where: str, says: str) -> None:
    (tmp_path / "trackway.yaml").write_text(f"sources: {{web: {{write_keys: [a]}}}}\nalerts: {alerts}\n")
    with pytest.raises(WorkspaceError) as told:
        load_workspace(tmp_path)
    assert says in str(told.value)
    assert told.value.where == f"alerts.{where}"


def test_a_test_message_is_sent_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "trackway.yaml").write_text("""
sources: {web: {write_keys: [a]}}
alerts: {channels: {ops: {type: webhook, url: "http://127.0.0.1:9/alert"}}}
""")
    command = [str(Path(sys.executable).with_name("trackway")), "alerts", "test", "-w", str(tmp_path)]
    done = subprocess.run([*command, "ops"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ops: its address lies inside this network" in done.stderr
    done = subprocess.run([*command, "opps"], capture_output=True, text=True, check=False)
    assert "did you mean ops?" in done.stderr
