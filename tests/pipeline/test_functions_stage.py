"""Functions as stages: what they make of events of their sources, and that no event is lost to them."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipeline.test_chain import bodies, json_values, shown
from trackway.events.records import Place, RawRecord, Refusal
from trackway.functions.files import FunctionError
from trackway.pipeline.chain import Call, Stage, build_chain, run_chain
from trackway.pipeline.draft import Draft, Drop
from trackway.pipeline.stages.common_fields import CommonFields
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


def test_an_event_made_anew_has_the_times_of_its_call(workspace: Workspace):
    (workspace.folder / "functions" / "first.py").write_text(
        "def on_track(event, context):\n"
        '    return [event, {"type": "track", "event": "New", "userId": event["userId"]},\n'
        '            {**event, "timestamp": "2020-01-02T03:04:05+01:00", "receivedAt": "never"}]\n'
    )
    call, new, moved = run(workspace, ("one", {"properties": {}}))
    times = ("timestamp", "originalTimestamp", "receivedAt", "channel")
    assert [new.event[name] for name in times] == [call.event[name] for name in times]
    assert new.timestamp_ms == call.timestamp_ms and moved.event["receivedAt"] == call.event["receivedAt"]
    assert (moved.event["timestamp"], moved.timestamp_ms) == ("2020-01-02T02:04:05.000Z", 1_577_930_645_000)


@pytest.mark.parametrize(
    ("change", "why"),
    [('{**event, "timestamp": "soon"}', "timestamp"), ('{"type": "track", "event": "E"}', "neither userId nor")],
)
def test_an_event_without_time_or_person_is_a_failure(workspace: Workspace, change: str, why: str):
    (workspace.folder / "functions" / "first.py").write_text(f"def on_track(event, context): return {change}")
    [failed] = run(workspace, ("one", {}))
    assert isinstance(failed.end, Refusal) and failed.end.reason == "function_failed" and why in failed.end.message


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


MOODY = """
def on_event(event, context):
    mood = event["mood"]
    if mood == "drops":
        context.drop("not today")
    if mood == "splits":
        return [{**event, "part": part} for part in range(3)]
    if mood == "fails":
        raise ValueError(event["mood"])
    return event
"""
TIDY = """
def on_event(event, context):
    event["name"] = (event.get("name") or "").strip().title()
    event["context"]["tidy"] = sorted(event["context"])
    event["context"]["tidy"] = [name for name in event["context"]["tidy"] if name != "tidy"]
    return event
"""
PURE = {"same": "def on_event(event, context): return event", "tidy": TIDY, "moody": MOODY}
MOODS = {"drops": 1, "splits": 3, "fails": 1, "stays": 1}
"""How many drafts a call becomes."""
_calls = st.lists(
    st.tuples(
        bodies, st.sampled_from([*MOODS]), json_values, st.sampled_from(["same", "tidy", "moody", "all", "plain"])
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> list[Stage]:
    """Return the stages of three functions; sources have one of them, all in another order, or none."""
    folder = tmp_path_factory.mktemp("workspace") / "functions"
    folder.mkdir()
    for name, code in PURE.items():
        (folder / f"{name}.py").write_text(code)
    sources = {name: Source(write_keys=[name], functions=[name]) for name in PURE}
    sources["all"] = Source(write_keys=["all"], functions=["moody", "tidy", "same"])
    functions = {name: Function(timeout=PATIENT) for name in PURE}
    return [*function_stages(Workspace(folder=folder.parent, sources=sources, functions=functions))]


def calls_of(found: Any) -> list[Call]:
    return [
        (
            RawRecord(
                source,
                "track",
                f"m{number}",
                1_795_780_800_000,
                json.dumps({"event": "E", **body, "mood": mood, "unknown": unknown}).encode(),
            ),
            Place(0, number),
        )
        for number, (body, mood, unknown, source) in enumerate(found)
    ]


def drafts_of(found: Any) -> list[Draft]:
    return run_chain([CommonFields()], calls_of(found))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_calls, st.data())
def test_any_split_into_batches_gives_the_same_events(stages: list[Stage], found: Any, data: st.DataObject):
    chain, calls = [CommonFields(), *stages], calls_of(found)
    cut = data.draw(st.integers(0, len(calls)))
    assert shown(run_chain(chain, calls)) == shown([*run_chain(chain, calls[:cut]), *run_chain(chain, calls[cut:])])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_calls)
def test_what_a_function_does_not_touch_survives_it(stages: list[Stage], found: Any):
    for stage in stages:
        drafts = drafts_of(found)
        before = {draft.place: copy.deepcopy(draft.event) for draft in drafts}
        for draft in stage.run(drafts):
            event, came = draft.event, before[draft.place]
            # Of the three functions, this is all that one of them writes.
            for name in ("name", "part", "messageId"):
                event, came = ({key: one[key] for key in one if key != name} for one in (event, came))
            event = {**event, "context": {key: one for key, one in event["context"].items() if key != "tidy"}}
            assert event == came, stage.name


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_calls)
def test_a_function_that_changes_nothing_at_a_second_run_does_so_as_a_stage(stages: list[Stage], found: Any):
    for stage in stages:
        if stage.name != "function moody":
            drafts = stage.run(drafts_of(found))
            once = copy.deepcopy(shown(drafts))
            assert shown(stage.run(drafts)) == once, stage.name


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_calls)
def test_every_event_that_a_function_gets_has_an_end(stages: list[Stage], found: Any):
    drafts = run_chain([CommonFields(), *stages], calls_of(found))
    for number, (_, mood, _, source) in enumerate(found):
        mine = [draft for draft in drafts if draft.place.offset == number]
        if source not in ("moody", "all"):
            assert [draft.end for draft in mine] == [None]
            continue
        assert [draft.part for draft in mine] == [(), (1,), (2,)][: MOODS[mood]]
        assert [draft.event["messageId"] for draft in mine] == [f"m{number}", f"m{number}:1", f"m{number}:2"][
            : len(mine)
        ]
        (end,) = {draft.end for draft in mine}
        if mood == "drops":
            assert end == Drop("function", "moody: not today")
        elif mood == "fails":
            assert isinstance(end, Refusal)
            assert end.reason == "function_failed"
            assert "ValueError: fails" in end.message
        else:
            assert end is None
