"""`trackway deletions`, and `trackway suppress add --delete`, by themselves and with the server running."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.promises.sink import Sink
from tests.running import start_trackway
from trackway.cli import app
from trackway.delivery.deletion import orders
from trackway.events.records import Place
from trackway.identity.evidence import ANONYMOUS, USER, Evidence, Id
from trackway.identity.ledger import IdentityLedger
from trackway.state import open_state

YAML = """
sources: {web: {write_keys: [wk]}}
destinations:
  hook: {type: webhook, settings: {url: "https://hooks.example.com/"}}
  chat: {type: slack, enabled: false, settings: {url: "https://hooks.slack.com/services/T/B/X"}}
"""


def run(folder: Path, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [*arguments, "-w", str(folder)])
    assert result.exit_code == code, result.output
    return result


def run_json(folder: Path, *arguments: str) -> list[Any]:
    return [json.loads(line) for line in run(folder, *arguments, "--json").stdout.splitlines()]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "trackway.yaml").write_text(YAML)
    return tmp_path


def test_a_deletion_is_written_down_for_every_destination(workspace: Path) -> None:
    [asked] = run_json(workspace, "deletions", "ask", "u-1")
    assert (asked["deletion"], asked["userId"], asked["status"]) == (1, "u-1", "RUNNING")
    assert {one["destination"]: one["state"] for one in asked["destinations"]} == {"hook": "waiting", "chat": "waiting"}
    said = run(workspace, "suppress", "add", "u-2", "u-3", "--delete").output
    assert "2 suppressed" in said
    assert "deletions 2 to 3 at hook, chat" in said
    assert [one["userId"] for one in run_json(workspace, "deletions", "list")] == ["u-3", "u-2", "u-1"]
    assert "RUNNING" in run(workspace, "deletions", "list").stdout
    shown = run(workspace, "deletions", "show", "1").stdout
    assert "waiting" in shown and "hook" in shown and "0 tries" in shown
    [only] = run_json(workspace, "deletions", "ask", "u-4", "--destination", "hook")
    assert [one["destination"] for one in only["destinations"]] == ["hook"]


def test_the_devices_that_are_known_to_be_theirs_go_too(workspace: Path) -> None:
    engine = open_state(workspace / "data" / "state.db")
    evidence = [
        Evidence(
            cause="identify", ids=(Id(USER, "u-1"), Id(ANONYMOUS, name)), group="", source="web", message_id=name,
            at_ms=1, place=Place(0, number),
        )
        for number, name in enumerate(("a-1", "a-2"))
    ]  # fmt: skip
    IdentityLedger(engine).take(evidence, {0: 2})
    run(workspace, "deletions", "ask", "u-1", "--email", "jane@example.com")
    [found] = orders.read_all(engine)
    engine.dispose()
    assert set(found.person.anonymous_ids) == {"a-1", "a-2"}
    assert found.person.email == "jane@example.com"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("ask",), "name the user ids"),
        (("ask", "u-1", "u-2", "--email", "a@b.co"), "one user at a time"),
        (("ask", "u-1", "--destination", "nowhere"), "there is no destination nowhere"),
        (("show", "7"), "there is no deletion 7"),
        (("retry", "7"), "there is no deletion 7"),
    ],
)
def test_what_cannot_be_done_is_told(workspace: Path, arguments: tuple[str, ...], why: str) -> None:
    assert why in " ".join(run(workspace, "deletions", *arguments, code=1).output.split())


def test_without_destinations_there_is_nobody_to_ask(tmp_path: Path) -> None:
    (tmp_path / "trackway.yaml").write_text("sources: {web: {write_keys: [wk]}}")
    assert "no destination" in run(tmp_path, "deletions", "ask", "u-1", code=1).output


def test_the_running_server_carries_it_out_after_the_events_and_tries_again(tmp_path: Path) -> None:
    status = {"delete": 503}
    sink = Sink(lambda event: status.get(event["type"], 200))
    destinations = {
        "hook": {"type": "webhook", "settings": {"url": sink.url}},
        "metrics": {"type": "amplitude", "settings": {"api_key": "k-1"}},
    }
    options = {"destinations": destinations, "delivery": {"allow_private_addresses": True}}

    def told() -> dict[str, Any]:
        [one] = run_json(tmp_path, "deletions", "list")
        return {found["destination"]: found for found in one["destinations"]} | {"status": one["status"]}

    try:
        with start_trackway(tmp_path, **options) as trackway:
            assert trackway.post("/v1/track", {"userId": "u-1", "event": "Before", "messageId": "m-1"}).status == 200
            trackway.settle()
            run(tmp_path, "suppress", "add", "u-1", "--delete")
            trackway.wait_for(lambda: told()["hook"]["reason"] == "503", what="the first try", timeout_s=60)
            trackway.wait_for(
                lambda: told()["metrics"]["state"] == "unsupported", what="the answer of metrics", timeout_s=60
            )
            status.clear()
            trackway.wait_for(lambda: told()["hook"]["state"] == "done", what="the deletion", timeout_s=60)
            assert told()["status"] == "PARTIAL_SUCCESS"
            assert told()["hook"]["tries"] >= 2
    finally:
        sink.close()
