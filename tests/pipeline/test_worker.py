"""The worker over real logs: every call ends exactly once, whatever is repeated, refused or killed."""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.memory import memory_folder
from trackway.errors import TrackwayError
from trackway.events.records import (
    CLEAN_TOPICS,
    DROPPED,
    EVENTS,
    QUARANTINE,
    RAW,
    Place,
    RawRecord,
    decode_dropped,
    decode_event,
    decode_quarantine,
    encode,
)
from trackway.events.verdicts import refuse
from trackway.log.contract import LogUnavailable
from trackway.log.sqlite import SqliteLog
from trackway.pipeline import usual_members
from trackway.pipeline.draft import Draft
from trackway.pipeline.message_index import MessageIndex, Seen
from trackway.pipeline.tallies import MARK, add_up
from trackway.pipeline.worker import PipelineWorker

DAY_S = 86_400.0
START = 1_795_168_800_000
DECODE = {EVENTS: decode_event, QUARANTINE: decode_quarantine, DROPPED: decode_dropped}


class Rig:
    """A raw log, a clean log and a worker between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw = SqliteLog(folder / "raw", (RAW,), segment_bytes=100_000)
        self.clean = SqliteLog(folder / "clean", CLEAN_TOPICS, segment_bytes=100_000)
        self.writer = self.raw.writer(0)
        self.worker = self.new_worker()

    def new_worker(self) -> PipelineWorker:
        self.index = MessageIndex(self.folder / "index", keep_s=DAY_S)
        return PipelineWorker(self.raw, self.clean, self.index, {"web": DAY_S, "app": 60})

    def restart(self) -> None:
        self.worker.stop()
        self.worker.run()
        self.worker = self.new_worker()

    def put(self, *records: RawRecord) -> None:
        self.writer.append({RAW: [encode(record) for record in records]})

    def drain(self) -> int:
        total = 0
        while count := self.worker.step():
            total += count
        return total

    def ends(self, topic: str) -> list[Any]:
        with self.clean.reader(topic) as reader:
            found: list[Any] = []
            while slices := reader.poll():
                found += [DECODE[topic](record) for one in slices for record in one.records]
            return found

    def close(self) -> None:
        self.worker.stop()
        self.worker.run()
        self.writer.close()
        self.raw.close()
        self.clean.close()


@pytest.fixture
def rig(memory_path: Path) -> Iterator[Rig]:
    rig = Rig(memory_path)
    yield rig
    rig.close()


def track(message_id: str, *, source: str = "web", at_ms: int = START, **fields: Any) -> RawRecord:
    body = {"type": "track", "userId": "u1", "event": "Order Completed"} | fields
    return RawRecord(source, "track", message_id, at_ms, json.dumps(body).encode())


def test_calls_become_events_quarantine_or_duplicates(rig: Rig):
    bad = RawRecord("web", "track", "m2", START, b'{"userId":"u"}', refusal=refuse("event_not_defined", "/event"))
    broken = RawRecord("web", "track", "m3", START, b"{")
    rig.put(track("m1"), bad, broken, track("m1"), track("m4"))
    assert rig.drain() == 5
    assert [(e.message_id, e.raw, e.name, e.user_id) for e in rig.ends(EVENTS)] == [
        ("m1", Place(0, 0), "Order Completed", "u1"),
        ("m4", Place(0, 4), "Order Completed", "u1"),
    ]
    quarantined = rig.ends(QUARANTINE)
    assert [(q.stage, q.refusal.reason, q.raw, q.body) for q in quarantined] == [
        ("collector", "event_not_defined", Place(0, 1), b'{"userId":"u"}'),
        ("read", "unreadable", Place(0, 2), b"{"),
    ]
    assert [(d.reason, d.message_id, d.raw, d.original) for d in rig.ends(DROPPED)] == [
        ("duplicate", "m1", Place(0, 3), Place(0, 0))
    ]
    tally = add_up(list(rig.clean.marks(MARK).values()))["web"]
    assert (tally.events, tally.quarantine, tally.dropped) == (
        2,
        {"event_not_defined": 1, "unreadable": 1},
        {"duplicate": 1},
    )


def test_a_duplicate_is_found_across_batches_and_restarts(rig: Rig):
    rig.put(track("m1"))
    rig.drain()
    rig.put(track("m1"))
    rig.drain()
    rig.restart()
    rig.put(track("m1"), track("m2"))
    rig.drain()
    assert [e.message_id for e in rig.ends(EVENTS)] == ["m1", "m2"]
    assert [d.original for d in rig.ends(DROPPED)] == [Place(0, 0)] * 2


def test_sources_do_not_share_ids_and_windows_end(rig: Rig):
    rig.put(track("m1"), track("m1", source="app"))
    rig.put(track("m1", source="app", at_ms=START + 60_000), track("m1", source="app", at_ms=START + 60_001))
    rig.drain()
    assert len(rig.ends(EVENTS)) == 3
    assert [d.received_at_ms for d in rig.ends(DROPPED)] == [START + 60_000]


def test_a_refused_call_may_be_sent_again_rightly(rig: Rig):
    rig.put(RawRecord("web", "track", "m1", START, b"{"), track("m1"))
    rig.drain()
    assert [e.message_id for e in rig.ends(EVENTS)] == ["m1"]


def test_a_duplicate_says_what_it_was_and_of_whom(rig: Rig):
    rig.put(track("m1"), track("m1", event="Cart Viewed", userId="u2", anonymousId="a2"), track("m1", userId=7))
    rig.drain()
    assert [(d.name, d.user_id, d.anonymous_id, d.stage, d.detail) for d in rig.ends(DROPPED)] == [
        ("Cart Viewed", "u2", "a2", "deduplicate", ""),
        ("Order Completed", "7", None, "deduplicate", ""),
    ]


def test_of_one_batch_the_first_call_that_becomes_an_event_counts(rig: Rig):
    class Picky:
        name = "picky"

        def run(self, drafts: list[Draft]) -> list[Draft]:
            for draft in drafts:
                if draft.event["properties"]["n"] < 2:
                    draft.drop("duplicate", "too small")
            return drafts

    rig.worker._chain = lambda: [Picky()]
    rig.put(*(track("m1", properties={"n": n}) for n in range(4)), track("m2", properties={"n": 9}))
    rig.drain()
    assert [(e.message_id, e.raw.offset) for e in rig.ends(EVENTS)] == [("m1", 2), ("m2", 4)]
    assert [(d.raw.offset, d.stage, d.detail, d.original) for d in rig.ends(DROPPED)] == [
        (0, "picky", "too small", None),
        (1, "picky", "too small", None),
        (3, "deduplicate", "", Place(0, 0)),
    ]


def test_a_call_that_a_stage_splits_is_one_call_and_several_events(rig: Rig):
    class Split:
        name = "split"

        def run(self, drafts: list[Draft]) -> list[Draft]:
            return [part for draft in drafts for part in draft.split([dict(draft.event) for _ in range(3)])]

    rig.worker._chain = lambda: [Split()]
    rig.put(track("m1"), track("m1"))
    rig.drain()
    assert [(e.message_id, e.raw) for e in rig.ends(EVENTS)] == [
        ("m1", Place(0, 0)), ("m1:1", Place(0, 0)), ("m1:2", Place(0, 0))]  # fmt: skip
    assert [d.original for d in rig.ends(DROPPED)] == [Place(0, 0)]
    tally = add_up(list(rig.clean.marks(MARK).values()))["web"]
    assert (tally.events, tally.split, tally.dropped) == (3, 2, {"duplicate": 1})


def test_an_event_that_is_no_json_goes_into_quarantine(rig: Rig):
    class Odd:
        name = "odd"

        def run(self, drafts: list[Draft]) -> list[Draft]:
            drafts[0].event["odd"] = object()
            return drafts

    rig.worker._chain = lambda: [Odd()]
    rig.put(track("m1"), track("m2"))
    rig.drain()
    (found,) = rig.ends(QUARANTINE)
    assert (found.stage, found.refusal.reason, found.message_id) == ("record", "pipeline_error", "m1")
    assert [e.message_id for e in rig.ends(EVENTS)] == ["m2"]


def test_the_index_is_rebuilt_from_the_log_when_it_is_lost(rig: Rig):
    rig.put(*(track(f"m{number}") for number in range(50)))
    rig.drain()
    rig.worker.stop()
    rig.worker.run()
    shutil.rmtree(rig.folder / "index")
    rig.worker = rig.new_worker()
    assert rig.worker.repaired == 50
    rig.put(*(track(f"m{number}") for number in range(60)))
    rig.drain()
    assert len(rig.ends(EVENTS)) == 60 and len(rig.ends(DROPPED)) == 50


def test_two_pipelines_on_one_folder_are_refused(rig: Rig):
    with pytest.raises(TrackwayError, match="index"):
        MessageIndex(rig.folder / "index", keep_s=DAY_S)


def test_logs_that_do_not_belong_together_are_told_apart(rig: Rig):
    rig.put(track("m1"))
    rig.drain()
    rig.worker.stop()
    rig.worker.run()
    rig.writer.close()
    shutil.rmtree(rig.folder / "raw")
    rig.raw = SqliteLog(rig.folder / "raw", (RAW,))
    rig.writer = rig.raw.writer(0)
    for _ in range(2):  # and the clean log is free again for the next try
        with pytest.raises(TrackwayError, match="do not belong together; put the right raw log back"):
            rig.new_worker()
        rig.index.close()
    rig.clean.close()
    shutil.rmtree(rig.folder / "clean")
    rig.clean = SqliteLog(rig.folder / "clean", CLEAN_TOPICS)
    rig.worker = rig.new_worker()  # two new ones belong together


def test_a_fault_of_ours_puts_the_call_into_quarantine(rig: Rig):
    class Broken:
        name = "broken"

        def run(self, drafts: list[Draft]) -> list[Draft]:
            for draft in drafts:
                draft.event["seen"] = draft.event.get("seen", 0) + 1
                if draft.raw.message_id == "m2":
                    raise ZeroDivisionError("oops")
            return drafts

    rig.worker._chain = lambda: [Broken()]
    rig.put(track("m1"), track("m2"), track("m3"))
    rig.drain()
    assert [(e.message_id, json.loads(e.body)["seen"]) for e in rig.ends(EVENTS)] == [("m1", 1), ("m3", 1)]
    (found,) = rig.ends(QUARANTINE)
    assert found.stage == "broken" and found.refusal.reason == "pipeline_error"
    assert "ZeroDivisionError: oops" in found.refusal.message


def test_faults_of_the_short_way_are_counted_with_the_events_that_the_stages_made(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    def fail(event: str) -> None:
        raise RuntimeError("a fault of the short way alone")

    monkeypatch.setattr(usual_members, "recognise", fail)
    rig.put(track("m1"), track("m2"))
    rig.drain()
    rig.restart()
    rig.put(track("m3"), track("m3"), track("m1"))
    rig.drain()
    assert [event.message_id for event in rig.ends(EVENTS)] == ["m1", "m2", "m3"]
    tally = add_up([*rig.clean.marks(MARK).values()])["web"]
    assert (tally.faults, tally.events, tally.dropped) == (3, 3, {"duplicate": 2})


def test_restarts_never_empty_the_index(rig: Rig):
    for number in range(30):
        rig.put(track(f"m{number}"))
        rig.drain()
        rig.restart()
        wanted = {rig.index.key_of("web", f"m{n}") for n in range(number + 1)}
        assert rig.index.look_up(list(wanted), [START] * len(wanted)).keys() == wanted


def test_ids_are_found_within_their_window_and_forgotten_long_after(rig: Rig):
    key, hour_ms = rig.index.key_of("web", "m1"), 3_600_000
    for age_h in (0, 1, 12, 23, 24):
        rig.index.remember({key: Seen(START, 0, 7)}, 0, 0)
        assert rig.index.look_up([key], [START + age_h * hour_ms]) == {key: Seen(START, 0, 7)}, age_h
    rig.index.remember({rig.index.key_of("web", "m2"): Seen(START + 100 * hour_ms, 0, 8)}, 0, 0)
    assert rig.index.look_up([key, key], [START, START + 100 * hour_ms]) == {}


class Crash(Exception):
    pass


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_split_and_any_crash_between_steps_gives_the_same_ends(data: st.DataObject):
    with memory_folder() as folder:
        _check_any_split(folder, data)


def _check_any_split(folder: Path, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.sampled_from([f"m{n}" for n in range(12)]), min_size=1, max_size=40))
    rig = Rig(folder)
    for number, message_id in enumerate(ids):
        rig.put(track(message_id, properties={"n": number}))
        where = data.draw(st.sampled_from(["nothing", "step", "before commit", "after commit", "restart"]))
        if where == "step":
            rig.drain()
        elif where == "restart":
            rig.restart()
        elif where in ("before commit", "after commit"):
            _crash(rig, after_commit=where == "after commit")
    rig.drain()
    events = rig.ends(EVENTS)
    assert [e.message_id for e in events] == list(dict.fromkeys(ids))
    assert [json.loads(e.body)["properties"]["n"] for e in events] == [ids.index(i) for i in dict.fromkeys(ids)]
    raw_places = [one.raw.offset for topic in CLEAN_TOPICS for one in rig.ends(topic)]
    assert sorted(raw_places) == list(range(len(ids)))
    for duplicate in rig.ends(DROPPED):
        assert events[duplicate.original.offset].message_id == duplicate.message_id
    rig.close()


def _crash(rig: Rig, *, after_commit: bool) -> None:
    """Let the next batch fail at its commit, or right after it, then start anew from what is on disk."""
    append = rig.worker._writer.append

    def failing(*arguments: Any) -> Any:
        if after_commit:
            append(*arguments)
        raise Crash

    rig.worker._writer.append = failing
    with contextlib.suppress(Crash):
        rig.worker.step()
    rig.worker._writer.append = append
    rig.restart()


def test_a_log_that_cannot_be_written_loses_nothing(rig: Rig):
    rig.put(track("m1"))
    append = rig.worker._writer.append

    def full(*arguments: Any) -> Any:
        raise LogUnavailable("full")

    rig.worker._writer.append = full
    with pytest.raises(LogUnavailable):
        rig.worker.step()
    rig.worker._writer.append = append
    rig.restart()
    rig.drain()
    assert [e.message_id for e in rig.ends(EVENTS)] == ["m1"]


def _run_worker(folder: str) -> None:
    raw = SqliteLog(Path(folder) / "raw", (RAW,), segment_bytes=100_000)
    clean = SqliteLog(Path(folder) / "clean", CLEAN_TOPICS, segment_bytes=100_000)
    worker = PipelineWorker(raw, clean, MessageIndex(Path(folder) / "index", keep_s=DAY_S), {"web": DAY_S})
    worker.run()


def test_every_call_ends_once_under_sigkill(tmp_path: Path):
    raw = SqliteLog(tmp_path / "raw", (RAW,), segment_bytes=100_000)
    clean = SqliteLog(tmp_path / "clean", CLEAN_TOPICS, segment_bytes=100_000)
    context = multiprocessing.get_context("spawn")
    total = 0
    with raw.writer(0) as writer:
        for _ in range(4):
            child = context.Process(target=_run_worker, args=(str(tmp_path),), daemon=True)
            child.start()
            goal = sum(clean.heads(EVENTS).values()) + 300
            deadline = time.monotonic() + 60
            while sum(clean.heads(EVENTS).values()) < goal and time.monotonic() < deadline:
                # Every third call repeats an id of an earlier batch.
                ids = [total + n if (total + n) % 3 else max(0, total - 900) for n in range(100)]
                writer.append({RAW: [encode(track(f"m{number}")) for number in ids]})
                total += 100
            os.kill(child.pid, signal.SIGKILL)
            child.join(30)
    worker = PipelineWorker(raw, clean, MessageIndex(tmp_path / "index", keep_s=DAY_S), {"web": DAY_S})
    while worker.step():
        pass
    ends: Counter[int] = Counter()
    ids: Counter[str] = Counter()
    for topic in CLEAN_TOPICS:
        with clean.reader(topic) as reader:
            while slices := reader.poll():
                for one in slices:
                    for record in one.records:
                        end = DECODE[topic](record)
                        ends[end.raw.offset] += 1
                        ids[end.message_id] += topic == EVENTS
    worker.stop()
    worker.run()
    assert ends == Counter(dict.fromkeys(range(total), 1))
    assert set(ids.values()) == {1}
    raw.close()
    clean.close()
