"""Functions as stages: what they make of events of their sources, and that no event is lost to them."""

import json
from pathlib import Path
from typing import Any

import pytest

from trackway.events.records import Place, RawRecord
from trackway.functions.files import FunctionError
from trackway.pipeline.chain import Call, build_chain, run_chain
from trackway.pipeline.draft import Draft, Drop
from trackway.pipeline.stages.functions import function_stages
from trackway.workspace.model import Function, Source, Workspace

SPLIT = """
def on_track(event, context):
    return [{**event, "event": "Line Sold", "properties": line} for line in event["properties"]["lines"]]
"""
MARK = """
def on_event(event, context):
    event.setdefault("properties", {}).setdefault("marks", []).append(context.settings.get("mark", "?"))
    event["messageId"] = "mine"
    return event
"""


FUNCTIONS = {"split": SPLIT, "first": MARK, "second": MARK, "bad": "def on_event(event, context): return event['no']"}
PATIENT = Function().timeout * 30


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "functions"
    folder.mkdir()
    for name, code in FUNCTIONS.items():
        (folder / f"{name}.py").write_text(code)
    return Workspace(
        folder=tmp_path,
        sources={
            "one": Source(write_keys=["1"], functions=["first", "second"]),
            "two": Source(write_keys=["2"], functions=["second", "first"]),
            "lines": Source(write_keys=["3"], functions=["split"]),
            "bad": Source(write_keys=["4"], functions=["bad"]),
            "plain": Source(write_keys=["5"]),
        },
        functions={name: Function(settings={"mark": name}, timeout=PATIENT) for name in FUNCTIONS},
    )


def run(workspace: Workspace, *calls: tuple[str, dict[str, Any]]) -> list[Draft]:
    raw: list[Call] = []
    for number, (source, call) in enumerate(calls):
        body = json.dumps(call | {"event": "E", "userId": "u"}).encode()
        raw.append((RawRecord(source, "track", f"m{number}", 1_795_780_800_000, body), Place(0, number)))
    return run_chain(build_chain(workspace), raw)


def test_each_sources_functions_run_in_its_own_order(workspace: Workspace):
    drafts = run(workspace, ("one", {}), ("two", {}), ("plain", {}))
    marks = [draft.event["properties"].get("marks") for draft in drafts]
    assert marks == [["first", "second"], ["second", "first"], None]
    assert [draft.event["messageId"] for draft in drafts] == ["m0", "m1", "m2"]


def test_a_split_gives_events_with_ids_of_their_own(workspace: Workspace):
    drafts = run(workspace, ("lines", {"properties": {"lines": [{"sku": "a"}, {"sku": "b"}]}}), ("plain", {}))
    assert [(one.event["messageId"], one.event["properties"].get("sku")) for one in drafts] == [
        ("m0", "a"),
        ("m0:1", "b"),
        ("m1", None),
    ]


def test_what_a_function_fails_on_is_quarantined_with_its_traceback(workspace: Workspace):
    failed, plain = run(workspace, ("bad", {}), ("plain", {}))
    assert failed.end is not None
    assert not isinstance(failed.end, Drop)
    assert (failed.ended_in, failed.end.reason) == ("function bad", "function_failed")
    assert "KeyError: 'no'" in failed.end.message
    assert plain.end is None


def test_a_name_that_is_no_function_is_a_mistake_in_the_file(workspace: Workspace):
    wrong = Workspace(folder=workspace.folder, sources={"web": Source(write_keys=["1"], functions=["frist"])})
    with pytest.raises(FunctionError, match=r"sources\.web\.functions: there is no function frist; did you mean first"):
        function_stages(wrong)
