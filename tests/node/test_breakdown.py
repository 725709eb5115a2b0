"""Breakdowns say what a recount of every record by hand says."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from tests.fresh_state import fresh_state
from tests.memory import memory_folder
from trackway.events.records import (
    CLEAN_TOPICS,
    EVENTS,
    QUARANTINE,
    EventRecord,
    Finding,
    Place,
    QuarantineRecord,
    Refusal,
    encode,
)
from trackway.log.sqlite import SqliteLog
from trackway.node.breakdown import Row, Wish, break_down, counting
from trackway.node.breakdown.reading import version_of
from trackway.state import writing
from trackway.state.tables import cursors, destinations, exceptions, releases

HERE = "crm"
ENDS = st.sampled_from(["delivered", "discarded", "failed", "retrying"])


class Told:
    """Hears how far it is."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def begin(self, total: int) -> None:
        self.total = total

    def advance(self, count: int) -> None:
        self.done += count


def event(number: int, version: str, name: str, codes: list[str]) -> EventRecord:
    body = {"event": name, "context": {"app": {"version": version}} if version else {}, "properties": {"n": number}}
    findings = [Finding(code, "/x") for code in codes]
    return EventRecord(
        "app",
        "track",
        f"m{number}",
        name,
        "u",
        None,
        1000 + number,
        1,
        Place(0, 0),
        msgspec.json.encode(body),
        findings,
    )


def refused(number: int, version: str) -> QuarantineRecord:
    body = msgspec.json.encode({"event": 7, "context": {"app": {"version": version}}})
    refusal = Refusal("event_not_string", "/event", "")
    return QuarantineRecord("app", "track", f"q{number}", 1000 + number, Place(0, 0), "collector", refusal, body)


@settings(max_examples=30)
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(["1.0", "1.1", ""]), st.sampled_from(["Seen", "Bought"]), ENDS,
            st.lists(st.sampled_from(["plan_wrong_type", "plan_required", "id_was_number"]), max_size=2),
        ),
        max_size=25,
    ),
    start=st.integers(0, 8),
    behind=st.integers(0, 8),
    part=st.integers(1, 9),
)  # fmt: skip
def test_it_is_what_a_recount_says(calls: list[tuple[str, str, str, list[str]]], start: int, behind: int, part: int):
    with memory_folder() as folder:
        _check_recount(folder, calls, start, behind, part)


def _check_recount(
    folder: Path, calls: list[tuple[str, str, str, list[str]]], start: int, behind: int, part: int
) -> None:
    log, engine = open_both(folder)
    following = max(start, len(calls) - behind)
    with log.writer(0) as writer:
        for number, (version, name, _, codes) in enumerate(calls):
            writer.append({EVENTS: [encode(event(number, version, name, codes))]})
    note(engine, start, following, {n: end for n, (_, _, end, _) in enumerate(calls) if end != "delivered"})
    expected: Counter[Any] = Counter()
    for number, (version, name, end, codes) in enumerate(calls):
        became = "earlier" if number < start else "pending" if number >= following else end
        violating = any(code.startswith("plan_") for code in codes)
        expected[version, name, became] += 1
        expected[version, name, "violating"] += violating
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "PART_RECORDS", part)
        told = Told()
        found = break_down(log, engine, Wish(destinations=[HERE]), told)
    assert found.looked_at == told.total == told.done == len(calls)
    counted: Counter[Any] = Counter()
    for row in found.rows:
        ends = row.destinations[HERE]
        assert row.events == sum(whole(row).values())
        for became, number in whole(row).items():
            counted[row.version, row.name, became] += number
        counted[row.version, row.name, "violating"] += row.violating
        assert ends.failed == ({"400": sum(ends.failed.values())} if ends.failed else {})
    assert +counted == +expected
    close(log, engine)


def whole(row: Row) -> dict[str, int]:
    ends = row.destinations[HERE]
    sums = {"discarded": sum(ends.discarded.values()), "failed": sum(ends.failed.values())}
    return sums | {name: getattr(ends, name) for name in ("delivered", "retrying", "pending", "earlier")}


def test_refused_calls_count_until_they_are_let_out(tmp_path: Path):
    log, engine = open_both(tmp_path)
    with log.writer(0) as writer:
        writer.append({QUARANTINE: [encode(refused(number, "2.0" if number else "1.9")) for number in range(4)]})
    with writing(engine) as connection:
        connection.execute(
            insert(releases),
            [{"partition": 0, "offset": 2, "raw_offset": 9, "source": "app", "reason": "event_not_string", "at_ms": 1}],
        )
    rows = break_down(log, engine, Wish(), Told()).rows
    assert [(row.version, row.events, row.refused) for row in rows] == [
        ("2.0", 0, {"event_not_string": 2}),
        ("1.9", 0, {"event_not_string": 1}),
    ]
    close(log, engine)


def test_a_time_a_source_and_a_filter_narrow_it(tmp_path: Path):
    log, engine = open_both(tmp_path)
    with log.writer(0) as writer:
        writer.append({EVENTS: [encode(event(number, "1", "Seen", [])) for number in range(10)]})

    def count(**wish: Any) -> int:
        return sum(row.events for row in break_down(log, engine, Wish(**wish), Told()).rows)

    assert count(from_ms=1004) == 6
    assert count(source="web") == 0
    assert count(where="properties.n < 3") == 3
    close(log, engine)


def test_the_rarest_of_many_kinds_are_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log, engine = open_both(tmp_path)
    names = ["a"] * 5 + [f"n{number}" for number in range(20)] + ["a"]
    with log.writer(0) as writer:
        writer.append({EVENTS: [encode(event(number, "1", name, [])) for number, name in enumerate(names)]})
    note(engine, 0, len(names), {7: "failed"})
    monkeypatch.setattr(counting, "MOST_ROWS", 3)
    for held in (10, 1000):
        monkeypatch.setattr(counting, "MOST_HELD", held)
        rows = break_down(log, engine, Wish(destinations=[HERE]), Told()).rows
        assert [(row.name, row.events) for row in (rows[0], rows[-1])] == [("a", 6), (counting.FURTHER, 18)]
        assert (len(rows), sum(row.events for row in rows)) == (4, 26)
        assert sum(sum(row.destinations[HERE].failed.values()) for row in rows) == 1
    close(log, engine)


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (b'{"context":{"app":{"version":"4.2"}}}', "4.2"),
        (b'{"context":{"app":{"version":4.2}}}', "4.2"),
        (b'{"context":{"app":{"version":true}}}', ""),
        (b'{"context":{"app":{"name":"x"}}}', ""),
        (b'{"context":{"app":"x"}}', ""),
        (b'{"context":null}', ""),
        (b"[]", ""),
        (b"{no json", ""),
        (b'{"context":{"app":{"version":"' + b"9" * 500 + b'"}}}', "9" * 100),
    ],
)
def test_a_release_is_text_or_a_number(body: bytes, version: str):
    assert version_of(body) == version


def open_both(folder: Path) -> tuple[SqliteLog, Engine]:
    return SqliteLog(folder / "log", CLEAN_TOPICS), fresh_state(folder / "state.db")


def close(log: SqliteLog, engine: Engine) -> None:
    log.close()
    engine.dispose()


def note(engine: Engine, start: int, following: int, ends: dict[int, str]) -> None:
    """Write down what a destination would have: its cursor, and what was not delivered."""
    where = {"destination": HERE, "topic": EVENTS, "partition": 0, "start_offset": start, "next_offset": following}
    told = {"message_id": "m", "source": "app", "reason": "400", "detail": "", "at_ms": 1, "request": "", "answer": ""}
    rows = [
        {"destination": HERE, "partition": 0, "offset": offset, "outcome": outcome, **told}
        for offset, outcome in ends.items()
    ]
    with writing(engine) as connection:
        connection.execute(insert(destinations), [{"destination": HERE, "started_ms": 1}])
        connection.execute(insert(cursors), [where])
        if rows:
            connection.execute(insert(exceptions), rows)
