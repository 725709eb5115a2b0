"""The chain: what stages may do to events, faults that cost their own event only, traces; what holds for all stages."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.events.test_origins import CHROME, GOOGLEBOT, IPHONE
from tests.pipeline.mmdb import write_mmdb
from tests.pipeline.test_geo import LYON
from trackway.errors import TrackwayError
from trackway.events.reasons import FINDINGS
from trackway.events.records import Place, RawRecord, Refusal
from trackway.pipeline.chain import (
    Call,
    Stage,
    build_chain,
    build_default_chain,
    chain_stamp,
    run_chain,
    trace_chain,
)
from trackway.pipeline.draft import Draft, Drop
from trackway.pipeline.ends import event_record
from trackway.pipeline.live_chain import LiveChain
from trackway.workspace.model import Pipeline, Source, Workspace

RECEIVED = 1_795_168_801_000


def call(number: int, body: dict[str, Any] | bytes | None = None, type: str = "track", **known: Any) -> Call:
    text = body if isinstance(body, bytes) else json.dumps(body or {"event": "E", "userId": "u"}).encode()
    return RawRecord("web", type, f"m{number}", RECEIVED, text, **known), Place(0, number)


class EachBy:
    """A stage that does `work` with each draft."""

    def __init__(self, name: str, work: Any) -> None:
        self.name = name
        self._work = work

    def run(self, drafts: list[Draft]) -> list[Draft]:
        found: list[Draft] = []
        for draft in drafts:
            found += self._work(draft) or [draft]
        return found


def add_stage(name: str) -> Stage:
    return EachBy(name, lambda draft: draft.event.setdefault("stages", []).append(name))


def test_an_ended_event_passes_no_later_stage():
    def end(draft: Draft) -> None:
        if draft.raw.message_id == "m1":
            draft.quarantine("unreadable", "/event", "Say it.")
        elif draft.raw.message_id == "m2":
            draft.drop("duplicate", "just so")

    drafts = run_chain([add_stage("a"), EachBy("ends", end), add_stage("b")], [call(number) for number in range(4)])
    assert [draft.raw.message_id for draft in drafts] == ["m0", "m1", "m2", "m3"]
    assert [draft.event["stages"] for draft in drafts] == [["a", "b"], ["a"], ["a"], ["a", "b"]]
    assert [draft.end for draft in drafts] == [
        None,
        Refusal("unreadable", "/event", "Say it."),
        Drop("duplicate", "just so"),
        None,
    ]
    assert [draft.ended_in for draft in drafts] == ["", "ends", "ends", ""]


def test_a_drop_needs_a_known_reason():
    with pytest.raises(ValueError, match="no reason to drop"):
        run_chain([], [call(0)])[0].drop("whim")


def test_a_call_can_become_several_events():
    def split(draft: Draft) -> list[Draft]:
        draft.find("late", "")
        return draft.split([{**draft.event, "part": n} for n in range(3)]) if draft.raw.message_id == "m1" else [draft]

    def end(draft: Draft) -> None:
        if draft.event.get("part") == 1:
            draft.drop("duplicate")

    stages = build_default_chain()[:1]
    drafts = run_chain([*stages, EachBy("split", split), EachBy("ends", end)], [call(0), call(1), call(2)])
    assert [(draft.part, draft.event["messageId"], draft.end is None) for draft in drafts] == [
        ((), "m0", True), ((), "m1", True), ((1,), "m1:1", False), ((2,), "m1:2", True), ((), "m2", True)]  # fmt: skip
    assert all(len(draft.findings) == 1 for draft in drafts)


def test_what_is_split_twice_has_ids_of_its_own():
    def halve(draft: Draft) -> list[Draft]:
        return draft.split([{**draft.event}, {**draft.event}])

    drafts = run_chain(
        [*build_default_chain()[:1], EachBy("a", halve), EachBy("b", halve), EachBy("c", halve)], [call(0)]
    )
    ids = [one.event["messageId"] for one in drafts]
    assert ids == ["m0", "m0:1", "m0:1:1", "m0:1:1:1", "m0:1:2", "m0:2", "m0:2:1", "m0:3"]
    assert [event_record(one).message_id for one in drafts] == ids


def test_a_fault_costs_only_the_event_that_causes_it():
    def fail(draft: Draft) -> None:
        draft.event["runs"] = draft.event.get("runs", 0) + 1
        if draft.raw.message_id == "m1":
            raise KeyError("oops")

    drafts = run_chain([add_stage("a"), EachBy("fails", fail)], [call(0), call(1), call(2)])
    assert [draft.event.get("runs") for draft in drafts] == [1, None, 1]
    assert [draft.event.get("stages") for draft in drafts] == [["a"], None, ["a"]]
    end = drafts[1].end
    assert isinstance(end, Refusal) and end.reason == "pipeline_error" and drafts[1].ended_in == "fails"
    assert end.message == "fails failed: KeyError: 'oops'"


def test_what_cannot_be_read_ends_before_the_first_stage():
    (draft,) = run_chain([add_stage("a")], [call(0, b"{")])
    assert isinstance(draft.end, Refusal) and draft.end.reason == "unreadable" and draft.ended_in == "read"
    assert [step.stage for step in trace_chain([add_stage("a")], *call(0, b"{"))] == ["read"]


def test_a_trace_shows_the_event_after_each_stage():
    def fail(draft: Draft) -> None:
        raise KeyError("oops")

    steps = trace_chain([add_stage("a"), add_stage("b"), EachBy("fails", fail), add_stage("c")], *call(0))
    assert [step.stage for step in steps] == ["read", "a", "b", "fails"]
    assert [step.drafts[0].event.get("stages") for step in steps] == [None, ["a"], ["a", "b"], None]
    assert isinstance(steps[-1].drafts[0].end, Refusal)


def test_a_trace_ends_with_the_event():
    steps = trace_chain([EachBy("ends", lambda draft: draft.drop("duplicate")), add_stage("b")], *call(0))
    assert [step.stage for step in steps] == ["read", "ends"]


def test_a_trace_ends_in_what_the_pipeline_made():
    stages = build_default_chain()
    one = call(
        0, {"event": "completed_order", "userId": 7, "properties": {"total": "$5"}}, client_side=True, ip="1.1.1.1"
    )
    (made,) = run_chain(stages, [one])
    last = trace_chain(stages, *one)[-1].drafts[0]
    assert (last.event, last.findings, last.timestamp_ms) == (made.event, made.findings, made.timestamp_ms)


def test_a_workspace_says_which_stages_there_are(tmp_path: Path):
    def names(**pipeline: Any) -> list[str]:
        workspace = Workspace(sources={}, pipeline=Pipeline(**pipeline), folder=tmp_path)
        return [stage.name for stage in build_chain(workspace)]

    everything = names()
    assert everything.index("reserved_properties") < everything.index("plan") < everything.index("default_currency")
    assert everything.index("enrich") < everything.index("privacy") < everything.index("plan")
    assert set(everything) - set(names(skip=["reserved_properties"])) == {"reserved_properties", "default_currency"}
    assert set(everything) - set(names(skip=["semantic_events"])) == {"semantic_events"}
    assert set(everything) - set(names(currency=None)) == {"default_currency"}


def test_a_source_can_be_left_alone(tmp_path: Path):
    sources = {"web": Source(write_keys=["a"], skip=["semantic_events", "reserved_properties"])}
    stages = build_chain(Workspace(sources=sources, folder=tmp_path))
    (draft,) = run_chain(stages, [call(0, {"event": "Completed Order", "userId": "u", "properties": {"total": "$5"}})])
    assert draft.event["event"] == "Completed Order" and draft.event["properties"] == {"total": "$5"}
    assert draft.findings == []


def test_a_changed_file_gives_another_chain_and_a_broken_one_none(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    now = 0.0
    file = write_mmdb(tmp_path / "c.mmdb", {"198.51.100.0/24": LYON})
    workspace = Workspace(sources={}, pipeline=Pipeline(geo_file="c.mmdb"), folder=tmp_path)
    stamp, chain = chain_stamp(workspace), LiveChain(workspace, clock=lambda: now)

    def city() -> Any:
        (draft,) = run_chain(chain(), [call(0, client_side=True, ip="203.0.113.9")])
        return draft.context().get("location", {}).get("city")

    assert city() is None
    write_mmdb(tmp_path / "new.mmdb", {"203.0.113.0/24": LYON}).replace(file)
    assert chain_stamp(workspace) != stamp
    assert city() is None  # it has just looked
    now = 1.0
    assert city() == "Lyon"
    (tmp_path / "broken").write_bytes(b"x" * 5000)
    (tmp_path / "broken").replace(file)
    now = 2.0
    assert city() == "Lyon" and "goes on as before" in caplog.text
    with pytest.raises(TrackwayError):
        LiveChain(workspace)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
    | st.sampled_from(["$5", "1,299", "1.299,00 €", "usd", "2026-11-20T09:00:00Z", CHROME, GOOGLEBOT]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["price", "sku", "a", "b"]), inner),
    max_leaves=5,
)  # fmt: skip
contexts = st.fixed_dictionaries(
    {},
    optional={
        "userAgent": st.sampled_from([CHROME, GOOGLEBOT, IPHONE]) | json_values,
        "userAgentData": st.fixed_dictionaries({"platform": json_values, "platformVersion": json_values}) | json_values,
        "page": st.fixed_dictionaries({}, optional={
            "url": st.sampled_from(["https://a.example/?utm_source=x&gclid=1", "x"]) | json_values,
            "referrer": st.sampled_from(["", "https://t.co/", "https://b.example/"]) | json_values,
            "search": json_values,
        }) | json_values,
        "ip": json_values, "library": json_values, "device": json_values, "os": json_values, "unknown": json_values,
        "trackway": json_values, "campaign": json_values, "referrer": json_values, "direct": json_values,
    },
)  # fmt: skip
bodies = st.fixed_dictionaries(
    {"userId": st.sampled_from(["u", 7])},
    optional={
        "event": st.sampled_from(["Completed Order", "order_completed", "Product Viewed", "Order Completed", "Mine"]),
        "properties": st.none() | st.dictionaries(st.sampled_from(
            ["total", "revenue", "currency", "products", "orderId", "id", "price", "x"]), json_values),
        "traits": st.none() | st.dictionaries(st.sampled_from(["email", "age", "createdAt", "x"]), json_values),
        "context": st.none() | contexts,
        "timestamp": json_values, "sentAt": json_values, "name": st.none() | st.text(max_size=3),
        "integrations": st.none() | st.dictionaries(st.text(max_size=3), json_values), "unknown": json_values,
    },
)  # fmt: skip
calls = st.lists(
    st.tuples(bodies, st.sampled_from(["track", "identify", "page", "group", "alias", "screen"]), st.booleans()),
    min_size=1,
    max_size=8,
)


def made_of(found: Any) -> list[Call]:
    return [
        call(number, body, kind, client_side=client_side, ip="203.0.113.9", user_agent="analytics-go/3.0.0")
        for number, (body, kind, client_side) in enumerate(found)
    ]


def shown(drafts: list[Draft]) -> list[Any]:
    return [
        (draft.place, draft.event, draft.findings, draft.timestamp_ms, draft.end, draft.ended_in) for draft in drafts
    ]


STAGES = build_default_chain()


@settings(max_examples=60, deadline=None)
@given(calls, st.data())
def test_any_split_into_batches_gives_the_same_events(found: Any, data: st.DataObject):
    batch = made_of(found)
    cut = data.draw(st.integers(0, len(batch)))
    whole = run_chain(STAGES, batch)
    assert shown(whole) == shown([*run_chain(STAGES, batch[:cut]), *run_chain(STAGES, batch[cut:])])
    assert [draft.end for draft in whole] == [None] * len(batch)
    assert {finding.code for draft in whole for finding in draft.findings} <= FINDINGS.keys()


@settings(max_examples=60, deadline=None)
@given(calls)
def test_every_stage_run_twice_changes_nothing_more(found: Any):
    drafts = run_chain([], made_of(found))
    for stage in STAGES:
        drafts = stage.run(drafts)
        once = copy.deepcopy([draft.event for draft in drafts])
        if stage.name != "times":  # it renames the client's time, and so can be run once only
            stage.run(drafts)
        assert [draft.event for draft in drafts] == once, stage.name


@settings(max_examples=60, deadline=None)
@given(calls)
def test_unknown_fields_and_what_clients_sent_survive(found: Any):
    for (body, _, _), draft in zip(found, run_chain(STAGES, made_of(found)), strict=True):
        event = draft.event
        assert event.get("unknown") == body.get("unknown")
        for member in ("properties", "traits"):
            if isinstance(body.get(member), dict) and "x" in body[member]:
                assert event[member]["x"] == body[member]["x"]
        sent = body.get("context") or {}
        for name, value in sent.items():
            if name in ("trackway", "ip", "device") or (name in ("userAgent", "library") and not value):
                continue
            assert event["context"][name] == value, name
