import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from tests.fresh_state import fresh_state
from trackway.events.records import (
    CLEAN_TOPICS,
    QUARANTINE,
    RAW,
    Place,
    QuarantineRecord,
    RawRecord,
    Refusal,
    decode_raw,
    encode,
)
from trackway.log.contract import LogBusy
from trackway.log.sqlite import SqliteLog
from trackway.node.quarantine import fixes
from trackway.node.quarantine.found import Nearby, Wanted, find, read_one
from trackway.node.quarantine.release import PARTITION, learn, prepare, release, released_counts
from trackway.node.tracing.changes import changes
from trackway.state import writing
from trackway.state.tables import releases
from trackway.workspace.model import Source, Workspace

WORKSPACE = Workspace(sources={"web": Source(write_keys=["k"])})


class Desk:
    """Both logs and the state, with calls in quarantine."""

    def __init__(self, folder: Path) -> None:
        self.raw = SqliteLog(folder / "raw", (RAW,))
        self.clean = SqliteLog(folder / "clean", CLEAN_TOPICS)
        self.engine: Engine = fresh_state(folder / "state.db")

    def refuse(self, call: dict[str, Any], reason: str = "event_not_defined", *, at_ms: int = 1_000) -> Place:
        body = json.dumps(call).encode()
        message_id = call.get("messageId", "made")
        sent = RawRecord("web", "track", message_id, at_ms, body, "2026-11-20T10:00:00Z", b'{"context":{}}', "1.2.3.4")
        with self.raw.writer(0) as writer:
            place = Place(0, writer.append({RAW: [encode(sent)]})[RAW].start)
        refusal = Refusal(reason, "/event", "Give one.")
        record = QuarantineRecord("web", "track", message_id, at_ms, place, "collector", refusal, body)
        with self.clean.writer(0) as writer:
            return Place(0, writer.append({QUARANTINE: [encode(record)]})[QUARANTINE].start)

    def let_out(self, place: Place, call: dict[str, Any]) -> range:
        found = read_one(self.clean, self.engine, place)
        assert found is not None
        candidate = prepare(WORKSPACE, Nearby(self.raw, RAW), place, found.record, json.dumps(call).encode())
        return release(self.raw, self.clean, self.engine, [candidate])

    def out(self) -> list[RawRecord]:
        head = self.raw.heads(RAW).get(PARTITION, 0)
        return [
            decode_raw(record)
            for part in (self.raw.read(RAW, PARTITION, 0, max_records=head) if head else [])
            for record in part.records
        ]

    def waiting(self, **wanted: Any) -> list[int]:
        return [one.place.offset for one in find(self.clean, self.engine, Wanted(**wanted))]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.raw.close()
    desk.clean.close()
    desk.engine.dispose()


def test_calls_are_found_newest_first_by_source_reason_name_and_time(desk: Desk) -> None:
    for number, reason in enumerate(["a", "b", "a"]):
        desk.refuse({"event": f"E{number}"}, reason, at_ms=number)
    assert desk.waiting() == [2, 1, 0]
    assert desk.waiting(reason="a") == [2, 0]
    assert desk.waiting(name="E1") == [1]
    assert desk.waiting(since_ms=1) == [2, 1]
    assert desk.waiting(source="app") == []


def test_a_released_call_enters_the_raw_log_as_it_was_but_for_what_is_mended(desk: Desk) -> None:
    place = desk.refuse({"messageId": "m", "userId": "u"})
    mended = {"messageId": "m", "userId": "u", "event": "Signed Up"}
    assert desk.let_out(place, mended) == range(1)
    [raw] = desk.out()
    assert json.loads(raw.body) == mended
    assert (raw.source, raw.type, raw.message_id, raw.received_at_ms) == ("web", "track", "m", 1_000)
    assert (raw.sent_at, raw.shared, raw.ip) == ("2026-11-20T10:00:00Z", b'{"context":{}}', "1.2.3.4")
    assert (raw.refusal, raw.released) == (None, place)
    assert desk.waiting() == []
    assert desk.waiting(released=True) == [0]
    assert released_counts(desk.engine) == {("web", "event_not_defined"): 1}


def test_a_call_that_is_still_wrong_is_judged_so(desk: Desk) -> None:
    place = desk.refuse({"messageId": "m", "userId": "u"})
    found = read_one(desk.clean, desk.engine, place)
    assert found is not None
    candidate = prepare(WORKSPACE, Nearby(desk.raw, RAW), place, found.record, found.record.body)
    assert candidate.refusal is not None
    assert candidate.refusal.reason == "event_not_defined"


def test_what_a_crash_kept_from_the_journal_is_learnt_from_the_log(desk: Desk) -> None:
    places = [desk.refuse({"messageId": f"m{n}", "userId": "u"}) for n in range(3)]
    for place in places[:2]:
        desk.let_out(place, {"userId": "u", "event": "E"})
    with desk.engine.connect() as connection:
        before = connection.execute(select(releases)).all()
    with writing(desk.engine) as connection:
        connection.execute(delete(releases).where(releases.c.raw_offset == 1))
    assert desk.waiting() == [2, 1]
    learn(desk.raw, desk.clean, desk.engine)
    with desk.engine.connect() as connection:
        assert connection.execute(select(releases)).all() == before
    assert desk.waiting() == [2]


def test_records_are_read_near_and_far_and_none_where_there_is_none(desk: Desk) -> None:
    for number in range(1200):
        if number % 300 == 0:
            with desk.raw.writer(0) as writer:
                writer.append({RAW: [b"%d" % (number + one) for one in range(300)]})
    nearby = Nearby(desk.raw, RAW)
    for offset in (5, 6, 700, 4, 1199):
        assert nearby.read(Place(0, offset)) == b"%d" % offset
    assert nearby.read(Place(0, 1200)) is None
    assert nearby.read(Place(3, 5)) is None


def test_letting_out_twice_counts_once(desk: Desk) -> None:
    place = desk.refuse({"messageId": "m", "userId": "u"})
    for _ in range(2):
        desk.let_out(place, {"messageId": "m", "userId": "u", "event": "E"})
    assert len(desk.out()) == 2
    assert released_counts(desk.engine) == {("web", "event_not_defined"): 1}


def test_two_releases_at_once_are_refused(desk: Desk) -> None:
    place = desk.refuse({"messageId": "m", "userId": "u"})
    with desk.raw.writer(PARTITION), pytest.raises(LogBusy):
        desk.let_out(place, {"userId": "u", "event": "E"})
    assert desk.out() == []


@pytest.mark.parametrize(
    ("sets", "removals", "after"),
    [
        (["/event=Signed Up"], [], {"a": [1, {"b": 2}], "event": "Signed Up"}),
        (["/properties/total=12.5"], [], {"a": [1, {"b": 2}], "properties": {"total": 12.5}}),
        (["/a/1/b=null", "/a/-=3"], [], {"a": [1, {"b": None}, 3]}),
        (["/x~1y/m~0n=true"], [], {"a": [1, {"b": 2}], "x/y": {"m~n": True}}),
        ([], ["/a/0", "/none/at/all"], {"a": [{"b": 2}]}),
        ([], ["/a/1/b"], {"a": [1, {}]}),
    ],
)
def test_values_are_set_and_removed_at_pointers(sets: list[str], removals: list[str], after: Any) -> None:
    before = {"a": [1, {"b": 2}]}
    assert fixes.apply(fixes.setting(sets, removals), before) == after
    assert before == {"a": [1, {"b": 2}]}


@pytest.mark.parametrize("wrong", ["event=1", "/event", "total"])
def test_what_is_no_assignment_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(fixes.FixFailed, match=r"/properties/total"):
        fixes.setting([wrong], [])


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda x: st.lists(x, max_size=2))


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), JSON)
def test_a_value_set_is_the_only_change(call: dict[str, Any], value: Any) -> None:
    after = fixes.apply(fixes.setting([f"/new/place={json.dumps(value)}"], []), {**call, "new": {}})
    assert after is not None
    assert [(one.pointer, one.after) for one in changes({**call, "new": {}}, after)] == [("/new/place", value)]


def test_a_function_file_mends_calls_leaves_some_and_its_faults_name_the_line(tmp_path: Path) -> None:
    file = tmp_path / "fix.py"
    file.write_text(
        'def fix(call):\n    if call["n"] == 0:\n        return None\n'
        '    call["n"] = 6 // (call["n"] - 1)\n    return call\n'
    )
    fix = fixes.from_file(file)
    assert fixes.apply(fix, {"n": 0}) is None
    assert fixes.apply(fix, {"n": 3}) == {"n": 3}
    with pytest.raises(fixes.FixFailed, match=r"ZeroDivisionError.*line 4 of fix.py"):
        fixes.apply(fix, {"n": 1})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("def mend(call): pass", "no function fix"),
        ("import nonsense_module", "nonsense_module"),
        ("x = (", r"fix\.py cannot be used: SyntaxError: '\(' was never closed \(fix\.py, line 1\)$"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "fix.py"
    file.write_text(text)
    with pytest.raises(fixes.FixFailed, match=complaint):
        fixes.from_file(file)


@pytest.mark.parametrize("result", ["'text'", "[1]", "{'a': {1, 2}, 'b': object()}"])
def test_what_is_no_call_is_not_taken_from_a_function(tmp_path: Path, result: str) -> None:
    file = tmp_path / "fix.py"
    file.write_text(f"def fix(call): return {result}")
    with pytest.raises(fixes.FixFailed, match=r"fix\(call\) returned"):
        fixes.apply(fixes.from_file(file), {})
