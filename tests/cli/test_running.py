"""The commands against the whole product, as its user runs them."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.running import Trackway, free_port, start_trackway

pytestmark = pytest.mark.xdist_group("commands")  # one worker makes what they share

_COMMAND = str(Path(sys.executable).with_name("trackway"))


@pytest.fixture(scope="module")
def trackway(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with start_trackway(tmp_path_factory.mktemp("workspace")) as running:
        yield running


def run(trackway: Trackway, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [_COMMAND, *arguments, "--workspace", str(trackway.folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_summary_of_a_play_is_what_the_warehouse_answers(trackway: Trackway) -> None:
    played = run(trackway, "demo", "--seed", "3", "--rate", "400", "--duration", "3s", "--json")
    assert played.returncode == 0, played.stderr
    summary = json.loads(played.stdout)
    trackway.settle()
    since = f"received_at >= '{summary['started_at']}'"
    question = (
        f"select currency, count(*) as orders, sum(revenue) as revenue from order_completed where {since} group by 1"
    )
    asked = run(trackway, "sql", question, "--json")
    assert asked.returncode == 0, asked.stderr
    rows = {row.pop("currency"): row for row in map(json.loads, asked.stdout.splitlines())}
    assert {key: {**row, "revenue": round(row["revenue"], 2)} for key, row in rows.items()} == summary["orders"]
    assert len(trackway.events()) == summary["events"]
    tailed = run(trackway, "tail", "--no-follow", "--json", "-n", "10000")
    outcomes = [json.loads(line)["outcome"] for line in tailed.stdout.splitlines()]
    assert outcomes.count("ok") == summary["events"]
    assert outcomes.count("dropped") == summary["duplicates"]
    assert outcomes.count("quarantined") == sum(summary["refused"].values())


def test_the_doctor_finds_the_running_server(trackway: Trackway) -> None:
    def loader_reads() -> bool:
        with trackway.clean_log() as log:
            return "warehouse:duckdb" in log.consumers("events")

    trackway.wait_for(loader_reads, what="the warehouse's loader to begin")
    found = run(trackway, "doctor", "--json")
    checks = {one["name"]: one for one in json.loads(found.stdout)["checks"]}
    assert found.returncode == 0, found.stdout
    for name in ("collector", "console"):
        assert checks[name]["status"] == "OK"
        assert checks[name]["finding"].startswith("our server answers")
    assert checks["warehouse"]["status"] == "OK"
    assert {"consumer pipeline", "consumer duckdb"} <= checks.keys()


def test_a_ledger_that_is_watched_from_a_pipe_comes_again(trackway: Trackway) -> None:
    command = [_COMMAND, "ledger", "--watch", "--workspace", str(trackway.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        balances = (line for line in process.stdout if line.startswith("Difference: 0."))
        assert next(balances)
        assert next(balances)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_the_status_says_what_destinations_wait_for(tmp_path: Path) -> None:
    hook = {"type": "webhook", "settings": {"url": f"http://127.0.0.1:{free_port()}/hook"}}
    more = {"destinations": {"gone": hook}, "delivery": {"allow_private_addresses": True}}
    with start_trackway(tmp_path, **more) as trackway:
        # Of several people, so that they are tried side by side: five failures open the breaker.
        calls = [{"type": "track", "event": "Signed Up", "userId": f"u-{number}"} for number in range(6)]
        assert trackway.post("/v1/batch", {"batch": calls}).status == 200
        told: dict[str, Any] = {}

        def opened() -> bool:
            told.update(json.loads(run(trackway, "destinations", "status", "gone", "--json").stdout))
            return told["worker"]["breaker"] != "closed"

        trackway.wait_for(opened, what="the breaker to open")
        assert told["worker"]["reason"] == "ECONNREFUSED"
        shown = " ".join(run(trackway, "destinations", "status").stdout.split())
        assert "its events wait after ECONNREFUSED" in shown
        assert "there are: gone" in run(trackway, "destinations", "status", "nowhere").stderr
        checked = json.loads(run(trackway, "doctor", "--json").stdout)["checks"]
        [found] = [one for one in checked if one["name"] == "destination gone"]
        assert found["status"] == "WARN" and "its last requests failed (ECONNREFUSED)" in found["finding"]
    assert "does not answer" in run(trackway, "destinations", "status").stderr
