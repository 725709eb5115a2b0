import json
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tests.cli.serving import Collector
from tests.running import poll_until
from trackway.cli import app
from trackway.events.records import RawRecord


def play(runner: CliRunner, *flags: str) -> dict[str, object]:
    result = runner.invoke(app, ["demo", "--json", *flags])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def orders_of(calls: list[RawRecord]) -> dict[str, dict[str, float]]:
    """Orders and revenue by currency, counted from what arrived, each message id once."""
    found: dict[str, dict[str, float]] = {}
    for body in {call.message_id: call.body for call in calls if call.refusal is None}.values():
        call = json.loads(body)
        if call.get("event") == "Order Completed":
            sums = found.setdefault(call["properties"]["currency"], {"orders": 0, "revenue": 0})
            sums["orders"] += 1
            sums["revenue"] = round(sums["revenue"] + call["properties"]["revenue"], 2)
    return found


def test_the_summary_is_what_the_logs_say(collector: Collector, runner: CliRunner) -> None:
    """Every figure, once recounted from the raw log, and once by the pipeline that drops and quarantines."""
    summary = play(runner, "--seed", "5", "--rate", "600", "--duration", "4s")
    calls = collector.calls()
    assert summary["sent"] == len(calls)
    assert summary["lost"] == summary["retries_without_answer"] == 0
    assert summary["unexpected"] == {}
    by_type: dict[str, int] = {}
    for call in calls:
        by_type[call.type] = by_type.get(call.type, 0) + 1
    told = summary["sent_by_type"]
    assert isinstance(told, dict)
    assert {kind: sum(channels.values()) for kind, channels in told.items()} == by_type
    assert summary["orders"] == orders_of(calls)
    assert summary["orders"]
    tally = collector.process()["web"]
    assert summary["events"] == tally.events
    assert summary["duplicates"] == tally.dropped["duplicate"]
    assert summary["refused"] == tally.quarantine
    assert summary["accepted"] == tally.events + tally.dropped["duplicate"]
    assert tally.events + tally.dropped["duplicate"] + sum(tally.quarantine.values()) == len(calls)
    assert 2400 < len(calls) < 2500
    assert {call.source for call in calls} == {"web"}


def test_clients_arrive_as_what_they_are(collector: Collector, runner: CliRunner) -> None:
    play(runner, "--seed", "5", "--rate", "500", "--duration", "1s", "--source", "app")
    calls = collector.calls()
    assert {call.source for call in calls} == {"app"}
    agents = {call.user_agent for call in calls}
    assert any(agent.startswith("Mozilla/") for agent in agents)
    assert any("Android" in agent or "CFNetwork" in agent for agent in agents)
    assert "analytics-python/2.4.0" in agents
    assert not any("aiohttp" in agent for agent in agents)
    # Routes of browsers and phones: the address is the person's own.
    assert {call.client_side for call in calls if call.user_agent.startswith("analytics-python")} == {False}
    assert {call.client_side for call in calls if call.user_agent.startswith("Mozilla")} == {True}


def test_the_same_seed_plays_the_same_visits_and_counts_anew(collector: Collector, runner: CliRunner) -> None:
    flags = ("--seed", "9", "--rate", "300", "--duration", "1")
    first, second = play(runner, *flags), play(runner, *flags)
    same = ("sent", "sent_by_type", "accepted", "refused", "duplicates", "late", "skewed", "orders", "seed")
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    tally = collector.process()["web"]
    assert tally.events == 2 * int(str(first["events"]))


def test_the_schedule_holds(collector: Collector, runner: CliRunner) -> None:
    summary = play(runner, "--seed", "1", "--rate", "50", "--duration", "3s")
    seconds = float(str(summary["seconds"]))
    # Not sooner than planned; how much later depends on how busy the machine is.
    assert seconds >= 3.0
    received = [call.received_at_ms for call in collector.calls()]
    assert max(received) - min(received) > 2000


def test_people_get_a_summary(collector: Collector, runner: CliRunner) -> None:
    result = runner.invoke(app, ["demo", "--seed", "5", "--rate", "500", "--duration", "1s"])
    assert result.exit_code == 0, result.output
    assert "Playing seed 5" in result.stderr
    for words in ("track", "Accepted", "Duplicates", "Late", "Skewed", "--seed 5", f"sql -w {collector.folder} "):
        assert words in result.stdout


@pytest.mark.parametrize(
    ("flags", "code", "told"),
    [
        (["--duration", "soon"], 2, "--duration"),
        (["--rate", "0"], 2, "--rate"),
        (["--write-key", "nope"], 1, "No source has this write key"),
        (["--source", "nope"], 1, "there is no source nope"),
    ],
)
def test_what_cannot_be_played(collector: Collector, runner: CliRunner, flags: list[str], code: int, told: str) -> None:
    result = runner.invoke(app, ["demo", *flags])
    assert result.exit_code == code
    assert told in result.output
    assert result.stdout == "" or code == 2


def test_nobody_there_is_one_sentence(collector: Collector, runner: CliRunner) -> None:
    collector.stop()
    result = runner.invoke(app, ["demo", "--json"])
    assert result.exit_code == 1
    assert "`trackway up`" in result.stderr


def test_ctrl_c_ends_an_endless_play_with_its_summary(collector: Collector) -> None:
    command = [sys.executable, "-c", "from trackway.cli import main; main()", "demo", "--json"]
    flags = ["--duration", "0", "--rate", "200", "-w", str(collector.folder)]
    with subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            poll_until(lambda: len(collector.calls()) > 100, what="the play to be under way", timeout_s=30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert err == ""
    summary = json.loads(out)
    assert summary["sent"] == len(collector.calls())
    assert summary["events"] == collector.process()["web"].events
