"""Searching the log finds what reading every record would, the newest first."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.memory import memory_folder
from trackway.console.entries import Filter, open_record
from trackway.console.sieve import sieve
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
from trackway.node.tracing import search as module
from trackway.node.tracing.index import Located
from trackway.node.tracing.search import search

pytestmark = pytest.mark.xdist_group("trace search")  # one worker makes what they share

USERS = ["ann-1042", "Zoë", "BERT", "cust_2036"]


def event(number: int) -> bytes:
    user = USERS[number % len(USERS)]
    body = msgspec.json.encode({"event": "Order Completed", "userId": user, "properties": {"n": f"number {number}"}})
    return encode(EventRecord("web", "track", f"m-{number}", "Order Completed", user, None, 1, 1, Place(0, 0), body))


def refused(number: int) -> bytes:
    body = b'{"userId": "ann-1042", "event": "Z\\u00fcrich Visited"}'
    return encode(
        QuarantineRecord("app", "track", f"q-{number}", 1, Place(0, 0), "plan", Refusal("x", "", "odd"), body)
    )


def dropped(number: int) -> bytes:
    return encode(DroppedRecord("web", "track", f"d-{number}", 1, Place(0, 0), "duplicate"))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A log of two partitions and three topics whose records were appended in turns."""
    with memory_folder() as folder:
        _fill(folder)
        yield folder


def _fill(folder: Path) -> None:
    log = SqliteLog(folder, CLEAN_TOPICS, segment_bytes=20_000)
    with log.writer(0) as one, log.writer(1) as other:
        for number in range(0, 400, 4):
            writer = one if number % 3 else other
            writer.append({EVENTS: [event(n) for n in range(number, number + 4)]})
            writer.append({QUARANTINE: [refused(number)], DROPPED: [dropped(number)]})
    log.close()


@pytest.fixture(params=[1, 2], ids=["here", "in processes"])
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(module, "PART_RECORDS", 37)
    monkeypatch.setattr(module, "_WORTH_PROCESSES", 1)
    monkeypatch.setattr(module, "_cores", lambda: request.param)
    return request.param


def look(folder: Path, limit: int, *, user: str = "", text: str = "", source: str = "") -> list[Located]:
    told: list[tuple[int, int, int]] = []
    opener = partial(SqliteLog, folder, CLEAN_TOPICS)
    found = search(opener, user=user, text=text, source=source, limit=limit, told=lambda *one: told.append(one))
    assert told == sorted(told)
    assert told[-1][0] <= told[-1][1] == 600
    return found


def by_reading(folder: Path, wanted: Filter) -> list[Located]:
    """Every match, newest first: the oracle."""
    log = SqliteLog(folder, CLEAN_TOPICS)
    found = [
        ((got.time_ms, -CLEAN_TOPICS.index(topic), offset, partition), Located(topic, Place(partition, offset)))
        for topic in CLEAN_TOPICS
        for partition, head in log.heads(topic).items()
        for got in log.read(topic, partition, 0, max_records=head)
        for offset, record in enumerate(got.records, got.first)
        if wanted.matches(open_record(topic, partition, offset, record))
    ]
    log.close()
    return [one for _, one in sorted(found, reverse=True)]


def test_the_newest_are_found_first_wherever_they_stand(folder: Path, processes: int) -> None:
    every_kind = ({"user": "ann-1042"}, {"text": "zürich"}, {"user": "ZOË"}, {"text": "same `messageid`"})
    for asked in every_kind if processes == 1 else every_kind[:2]:  # each starts processes anew
        wanted = Filter(user=asked.get("user", "").casefold(), text=asked.get("text", "").casefold())
        every = by_reading(folder, wanted)
        assert len(every) == 100 + 100 * (asked == {"user": "ann-1042"})
        assert look(folder, 7, **asked) == every[:7]
        if processes == 1:
            assert look(folder, 1000, **asked) == every


def test_a_source_and_words_must_both_fit(folder: Path) -> None:
    assert look(folder, 10, text="number 17", source="app") == []
    assert len(look(folder, 10, text="number 17", source="web")) == 10


@given(st.text(), st.text(), st.text())
def test_the_sieve_lets_everything_pass_that_has_the_text(before: str, text: str, after: str) -> None:
    for letter in "\u212a\u017f\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06\u0130\u0149\u01f0":
        text = text.replace(letter, "")
    whole = before + text + after
    may_have = sieve([text.casefold()])
    for shown in (text, text.upper() if text.upper().casefold() == text.casefold() else text):
        assert may_have(msgspec.json.encode(before + shown + after))
    assert may_have(msgspec.json.encode(whole))


@pytest.mark.parametrize("asked", ["größe", "GRÖSSE", "gros", "grosse", "maßstab", "massstab", "sstab"])
def test_the_sieve_lets_a_sharp_s_pass(asked: str) -> None:
    record = "Größe, große Maßstäbe, Maßstab, ß"
    assert asked.casefold() in record.casefold()
    assert sieve([asked.casefold()])(msgspec.json.encode(record))


def test_the_sieve_stops_what_lacks_the_text() -> None:
    assert not sieve(["ann-1042"])(event(1))
    assert sieve(["ann-1042"])(event(0))
    assert not sieve(["nowhere"])(event(1))
    assert not sieve(["ann-1042", "nowhere"])(event(0))
    assert sieve(["COMPLETED".casefold()])(event(0))
