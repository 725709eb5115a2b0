"""`trackway functions`."""

import contextlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trackway.cli import app
from trackway.events.records import EVENTS, EventRecord, Place, encode
from trackway.node.logs import open_clean_log
from trackway.workspace import load_workspace
from trackway.workspace.create import create_workspace

CODE = """
def on_track(event, context):
    if event["properties"].get("test"):
        context.drop("a test order")
    event["properties"]["currency"] = context.settings["currency"]
    return event

def on_identify(event, context):
    return event["traits"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_workspace(tmp_path)
    file = tmp_path / "trackway.yaml"
    file.write_text(file.read_text() + "\nfunctions:\n  orders:\n    settings: {currency: EUR}\n    timeout: 30s\n")
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "orders.py").write_text(CODE)
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["functions", *arguments, "--workspace", str(folder)])
    return result.exit_code, result.output


def write_events(folder: Path, *events: dict[str, object]) -> str:
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return str(path)


ORDER = {"type": "track", "event": "Order Completed", "messageId": "m1", "properties": {"total": 5}}


def test_before_and_after_of_each_event(folder: Path):
    test_order = ORDER | {"messageId": "m2", "properties": {"test": True}}
    events = write_events(folder, ORDER, {"id": "case", "event": test_order}, ORDER | {"type": "page"})
    code, shown = run(folder, "test", "orders", "--events", events)
    assert code == 0
    assert 'passed  track    Order Completed  m1\n         + /properties/currency  "EUR"' in shown
    assert "dropped track    Order Completed  m2  a test order" in shown
    assert "no change" in shown
    assert "2 passed, 1 dropped, 0 failed." in shown


def test_the_newest_events_are_those_of_clients_and_of_the_source(folder: Path):
    with contextlib.closing(open_clean_log(load_workspace(folder))) as clean, clean.writer(0) as writer:
        for number, source in enumerate(["web", "app", "web", "_canary", "web", *["_canary"] * 30]):
            event = ORDER | {"messageId": f"m{number}"}
            body = json.dumps(event).encode()
            record = EventRecord(source, "track", f"m{number}", "X", "u", None, 0, 0, Place(0, number), body)
            writer.append({EVENTS: [encode(record)]})
    for options, ids in (["--last", "3"], ["m1", "m2", "m4"]), (["--last", "2", "--source", "web"], ["m2", "m4"]):
        code, shown = run(folder, "test", "orders", *options, "--json")
        lines = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
        assert code == 0 and [line["messageId"] for line in lines] == ids
    assert "there is no source wbe" in run(folder, "test", "orders", "--source", "wbe")[1]
    assert "there is no destination crm; there are: none" in run(folder, "test", "orders", "--destination", "crm")[1]


def test_a_failure_is_exit_1_and_json_has_everything(folder: Path):
    events = write_events(folder, ORDER, {"type": "identify", "userId": "u1", "traits": {}})
    code, shown = run(folder, "test", "orders", "--events", events, "--json")
    assert code == 1
    passed, failed = (json.loads(line) for line in shown.splitlines() if line.startswith("{"))
    assert passed["after"][0]["properties"] == {"total": 5, "currency": "EUR"}
    assert (failed["end"], failed["reason"]) == ("failed", "function_failed")
    assert "it changed the event's type" in failed["detail"]


def test_new_and_list(folder: Path):
    code, shown = run(folder, "new", "clean_up")
    assert (code, "functions: [clean_up]" in shown) == (0, True)
    assert run(folder, "test", "clean_up", "--events", write_events(folder, ORDER))[0] == 0
    assert "is there already" in run(folder, "new", "clean_up")[1]
    assert "cannot be a function's name" in run(folder, "new", "Clean-up")[1]
    code, shown = run(folder, "list")
    assert (code, shown.split()) == (0, ["clean_up", "not", "used", "orders", "not", "used"])


def test_a_name_that_is_none(folder: Path):
    code, shown = run(folder, "test", "order")
    assert (code, "did you mean orders?" in shown) == (1, True)
