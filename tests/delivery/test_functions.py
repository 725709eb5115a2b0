"""Functions of a destination: between the filters and the mapping."""

import json
from pathlib import Path
from typing import Any

import pytest

from trackway.delivery.filters import Filter
from trackway.delivery.functions import BY_FUNCTION
from trackway.delivery.items import End
from trackway.events.records import EventRecord, Place
from trackway.functions.files import FunctionError
from trackway.workspace.model import Destination, Function, Source, Workspace

CODE = """
def on_track(event, context):
    kind = event["properties"].pop("kind")
    if kind == "drop":
        context.drop("not for " + context.destination)
    if kind == "fail":
        raise ValueError("no")
    if kind == "split":
        return [event, event]
    event["event"] = event["event"].upper()
    event["messageId"] = "other"
    return event
"""


@pytest.fixture
def filter_(tmp_path: Path) -> Filter:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "shape.py").write_text(CODE)
    destination = Destination(type="webhook", functions=["shape"])
    workspace = Workspace(
        folder=tmp_path,
        sources={"web": Source(write_keys=["k"])},
        destinations={"hook": destination},
        functions={"shape": Function(timeout=Function().timeout * 30)},
    )
    return Filter.of("Webhook", workspace, "hook")


def event(kind: str) -> EventRecord:
    body = json.dumps({"type": "track", "event": "Sold", "messageId": "m", "properties": {"kind": kind}}).encode()
    return EventRecord("web", "track", "m", "Sold", "u", None, 5, 4, Place(0, 0), body)


def test_an_event_is_changed_for_this_destination(filter_: Filter):
    found: Any = filter_.prepared(event("change"))
    assert (found.name, found.message_id) == ("SOLD", "m")
    assert json.loads(found.body) == {"type": "track", "event": "SOLD", "messageId": "m", "properties": {}}


@pytest.mark.parametrize(
    ("kind", "outcome", "reason", "detail"),
    [
        ("drop", "discarded", BY_FUNCTION, "shape: not for hook"),
        ("fail", "failed", "function_failed", "ValueError: no"),
        ("split", "failed", "function_failed", "returns one event"),
    ],
)
def test_an_event_that_ends_in_a_function(filter_: Filter, kind: str, outcome: str, reason: str, detail: str):
    found = filter_.prepared(event(kind))
    assert isinstance(found, End)
    assert (found.outcome, found.reason) == (outcome, reason)
    assert detail in found.detail


def test_a_name_that_is_no_function(tmp_path: Path):
    wrong = Destination(type="webhook", functions=["shape"])
    workspace = Workspace(folder=tmp_path, sources={}, destinations={"hook": wrong})
    with pytest.raises(FunctionError, match=r"destinations\.hook\.functions: there is no function shape"):
        Filter.of("Webhook", workspace, "hook")
