import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from tests.memory import memory_folder
from trackway.events.records import (
    CLEAN_TOPICS,
    DROPPED,
    EVENTS,
    QUARANTINE,
    DroppedRecord,
    EventRecord,
    Place,
    QuarantineRecord,
    Refusal,
    encode,
)
from trackway.log.sqlite import SqliteLog
from trackway.node.tracing.changes import Change, changes
from trackway.node.tracing.index import IndexBusy, Located, TraceIndex, locate_by_reading


def event(message_id: str) -> bytes:
    return encode(EventRecord("web", "track", message_id, "Tested", "u", None, 1, 1, Place(0, 0), b"{}"))


def refused(message_id: str) -> bytes:
    return encode(
        QuarantineRecord("web", "track", message_id, 1, Place(0, 0), "collector", Refusal("x", "", ""), b"{}")
    )


def dropped(message_id: str) -> bytes:
    return encode(DroppedRecord("web", "track", message_id, 1, Place(0, 0), "duplicate"))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    found = SqliteLog(tmp_path / "log", CLEAN_TOPICS, segment_bytes=20_000)
    yield found
    found.close()


def test_finds_the_records_of_an_id_in_all_topics_and_partitions(tmp_path: Path, log: SqliteLog) -> None:
    with log.writer(0) as one, log.writer(1) as other:
        one.append({EVENTS: [event("a"), event("b")], DROPPED: [dropped("a")]})
        other.append({QUARANTINE: [refused("a")], EVENTS: [event("c")]})
    index = TraceIndex(tmp_path / "index", log)
    wanted = [Located(EVENTS, Place(0, 0)), Located(QUARANTINE, Place(1, 0)), Located(DROPPED, Place(0, 0))]
    assert index.find("a") == wanted  # nothing is in the index yet
    while index.step(1):
        pass
    assert index.behind() == 0
    assert index.find("a") == wanted
    assert index.find("nobody") == []
    index.close()


def test_another_opening_knows_what_the_first_did_and_reads_on(tmp_path: Path, log: SqliteLog) -> None:
    with log.writer(0) as writer:
        writer.append({EVENTS: [event(f"m-{n}") for n in range(500)]})
        index = TraceIndex(tmp_path / "index", log)
        while index.step():
            pass
        index.close()
        writer.append({EVENTS: [event("late")]})
    again = TraceIndex(tmp_path / "index", log)
    assert again.behind() == 1
    assert again.find("late") == [Located(EVENTS, Place(0, 500))]
    assert again.find("m-77") == [Located(EVENTS, Place(0, 77))]
    again.close()


def test_what_retention_deleted_is_not_found_and_its_days_are_forgotten(tmp_path: Path, log: SqliteLog) -> None:
    index = TraceIndex(tmp_path / "index", log)
    with log.writer(0) as writer:
        for n in range(60):
            writer.append({EVENTS: [event(f"m-{n}-{'x' * 1000}")]})
        while index.step():
            pass
        assert log.retain(max_bytes=30_000) > 0
        writer.append({EVENTS: [event("kept")]})
    while index.step():
        pass
    assert log.starts(EVENTS)[0] > 0
    index.prune()
    assert index.find(f"m-0-{'x' * 1000}") == []
    assert index.find("kept") == [Located(EVENTS, Place(0, 60))]
    index.close()


def test_an_index_in_use_is_said_to_be(tmp_path: Path, log: SqliteLog) -> None:
    index = TraceIndex(tmp_path / "index", log)
    with pytest.raises(IndexBusy, match="cannot be opened"):
        TraceIndex(tmp_path / "index", log)
    index.close()


@settings(max_examples=8)
@given(ids=st.lists(st.text(min_size=1, max_size=4), max_size=40), batch=st.integers(1, 50), known=st.integers(0, 40))
def test_the_index_finds_what_reading_finds(ids: list[str], batch: int, known: int) -> None:
    with memory_folder() as folder:
        _check_index(folder, ids, batch, known)


def _check_index(folder: Path, ids: list[str], batch: int, known: int) -> None:
    log = SqliteLog(folder / "log", CLEAN_TOPICS)
    with log.writer(0) as writer:
        for one in ids:
            writer.append({EVENTS: [event(one)]})
    index = TraceIndex(folder / "index", log)
    while index.behind() > max(0, len(ids) - known) and index.step(batch):
        pass
    for one in {*ids, "none"}:
        assert index.find(one) == locate_by_reading(log, one)
    index.close()
    log.close()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(alphabet="ab/~", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab/~", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_changes_lead_from_one_value_to_the_other(before: Any, after: Any) -> None:
    assert apply(before, changes(before, after)) == json.loads(json.dumps(after))
    assert changes(before, before) == []


def apply(value: Any, found: list[Change]) -> Any:
    value = json.loads(json.dumps(value))
    for change in found:
        if change.pointer == "":
            return change.after
        *parents, last = [one.replace("~1", "/").replace("~0", "~") for one in change.pointer.split("/")[1:]]
        node = value
        for parent in parents:
            node = node[int(parent)] if isinstance(node, list) else node[parent]
        if isinstance(node, list):
            node[int(last)] = change.after
        elif change.after is UNSET:
            del node[last]
        else:
            node[last] = change.after
    return value


def test_true_and_one_are_not_the_same() -> None:
    assert changes({"a": True}, {"a": 1}) == [Change("/a", True, 1)]
