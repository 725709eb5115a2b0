"""`trackway catalogue`, on a state database as the hub leaves it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.catalogue.making import event
from trackway.catalogue import model
from trackway.catalogue.store import Catalogue
from trackway.cli import app
from trackway.events.records import Place
from trackway.state import open_state
from trackway.workspace.create import create_workspace
from trackway.workspace.load import load_workspace

NOON = 1_795_780_800_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    create_workspace(tmp_path)
    source = next(iter(load_workspace(tmp_path).sources))
    monkeypatch.setattr(model, "MAX_NAMES", 2)
    events = [event("Order Completed", {"currency": "EUR", "total": 9.5}, source=source, at_ms=NOON)] * 6
    events.append(event("order_completed", {"x\x1b[31m": 1}, source=source, at_ms=NOON + 60_000, message_id="m2"))
    events.append(event("", {"email": "ann@example.com"}, kind="identify", source=source, at_ms=NOON))
    events.append(event("Cart Viewed", source=source, at_ms=NOON))
    cards = {"a.cards": [{"card_number": "x"}]}
    events.append(event("Cart", cards, kind="page", source=source, at_ms=NOON))
    engine = open_state(tmp_path / "data" / "state.db")
    Catalogue(engine).take(((one, Place(0, n)) for n, one in enumerate(events)), {0: len(events)})
    engine.dispose()
    return tmp_path


def catalogue(folder: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["catalogue", *arguments, "--workspace", str(folder)], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.output


def test_all_events(folder: Path):
    lines = catalogue(folder).splitlines()
    assert lines[0].split() == ["source", "type", "event", "count", "properties", "first", "seen", "last", "seen"]
    [order] = [line for line in lines if "Order Completed" in line]
    assert order.split()[1:] == [
        *["track", "Order", "Completed", "6", "2"],
        *["2026-11-27", "11-27", "12:00"],
    ]
    assert any(line.split()[1:4] == ["identify", "1", "1"] for line in lines)
    assert "1 more track events of" in lines[-1]


def test_one_event(folder: Path):
    lines = catalogue(folder, "Order Completed").splitlines()
    assert lines[1] == "  properties.currency  string 6  EUR  since 2026-11-27 12:00:00Z"
    assert lines[2] == "  properties.total     number 6  since 2026-11-27 12:00:00Z"
    shown = catalogue(folder, "identify")
    assert "traits.email" in shown and "ann@" not in shown
    assert "\x1b[31m" not in catalogue(folder, "order_completed")


def test_json(folder: Path):
    [order] = [json.loads(line) for line in catalogue(folder, "Order Completed", "--json").splitlines()]
    assert order["count"] == 6 and order["first_ms"] == NOON
    assert order["paths"][0] == {
        "path": "properties.currency",
        "types": {"string": 6},
        "first_ms": NOON,
        "last_ms": NOON,
        "samples": ["EUR"],
        "looks": {},
    }


def test_findings(folder: Path):
    shown = catalogue(folder, "--findings")
    assert "new_event             Order Completed  The source had not sent this event before." in shown
    assert "new_event             page Cart  The source had not sent this event before." in shown
    assert "new_event             identify  The source" in shown
    assert "Better: Order Completed" in shown
    found = [json.loads(line) for line in catalogue(folder, "order_completed", "--findings", "--json").splitlines()]
    assert [one["code"] for one in found] == ["new_event", "name_case", "name_near_duplicate"]
    assert (
        found[2]["suggestion"] == "Order Completed" and found[2]["message_id"] == "m2" and found[2]["place"] == [0, 6]
    )
    assert catalogue(folder, "--findings", "--limit", "1").count("\n") == 1
    assert "There are no findings." in catalogue(folder, "Nothing Done", "--findings")


def test_fields_with_personal_data(folder: Path):
    with (folder / "trackway.yaml").open("a") as file:
        file.write("\nprivacy:\n  rules: [{path: traits.email, do: mask}]\n  fields: [{path: total, level: red}]\n")
    lines = [line.split() for line in catalogue(folder, "--personal").splitlines()]
    assert lines[:4] == [
        ["field", "holds", "told", "by", "rules", "values", "in"],
        ["red", "properties.a\\.cards.$.card_number", "credit", "card", "its", "name", "1", "Cart"],
        ["red", "properties.total", "you", "6", "Order", "Completed"],
        ["yellow", "traits.email", "email", "its", "name", "mask", "1", "identify"],
    ]
    assert " ".join(lines[4]).endswith("rules: [{path: properties.a\\.cards.card_number, do: drop}]")
    [found] = [json.loads(line) for line in catalogue(folder, "identify", "--personal", "--json").splitlines()]
    assert (found["level"], found["path"], found["rules"]) == ("yellow", "traits.email", ["mask"])
    assert [one[1:] for one in found["events"]] == [["identify", ""]]
    assert "No field" in catalogue(folder, "Nothing Done", "--personal")
    assert "ask one of them" in catalogue(folder, "--findings", "--personal", code=1)


def test_what_is_not_there(folder: Path):
    assert "No event Nothing Done has come" in catalogue(folder, "Nothing Done", code=1)
    assert "there is no source nowhere" in catalogue(folder, "--source", "nowhere", code=1)
