"""The filters before the index: with them it knows the same ids as without, whatever becomes of the process."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackway.events.records import EventRecord, Place, encode
from trackway.log.contract import EventLog, Slice
from trackway.pipeline import new_ids
from trackway.pipeline.message_index import MessageIndex, Seen, key_of
from trackway.pipeline.new_ids import NewIds

START = 1_795_168_800_000
HOUR_MS = 3_600_000
LENGTH_S = 3600


class Log:
    """As much of an events log as the index reads of it."""

    def __init__(self) -> None:
        self.events: list[bytes] = []

    def append(self, message_id: str, at_ms: int) -> int:
        event = EventRecord("web", "track", message_id, "E", "u", None, at_ms, at_ms, Place(0, 0), b"{}")
        self.events.append(encode(event))
        return len(self.events) - 1

    def starts(self, topic: str) -> dict[int, int]:
        return {0: 0}

    def read(self, topic: str, partition: int, offset: int, *, max_records: int) -> Iterable[Slice]:
        yield Slice(0, offset, 0, self.events[offset : offset + max_records])


def open_index(folder: Path, log: Log) -> MessageIndex:
    index = MessageIndex(folder, keep_s=LENGTH_S)
    index.catch_up(cast(EventLog, log), 0, len(log.events))
    return index


def without_filters(index: MessageIndex, keys: list[bytes], at_ms: list[int]) -> dict[bytes, Seen]:
    unlearned, index._unlearned = index._unlearned, b""
    found = index.look_up(keys, at_ms)
    index._unlearned = unlearned
    return found


_batches = st.lists(st.tuples(st.integers(0, 60), st.integers(-HOUR_MS, HOUR_MS)), min_size=1, max_size=20)
_steps = st.lists(
    st.tuples(st.just("remember"), _batches, st.sampled_from([0, 0, HOUR_MS // 3, HOUR_MS, 3 * HOUR_MS]))
    | st.tuples(st.sampled_from(["restart", "crash"]), st.just([]), st.just(0)),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_steps, st.sampled_from([1, 4]))
def test_an_index_with_filters_knows_what_it_would_know_without(
    tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch, steps: list[Any], learnt_for_each: int
):
    monkeypatch.setattr(new_ids, "_FIRST", 3)
    monkeypatch.setattr(new_ids, "_MOST_BYTES", 200)
    monkeypatch.setattr("trackway.pipeline.message_index._LEARNT_FOR_EACH", learnt_for_each)
    base: Path = tmp_path_factory.mktemp("index")
    log, now_ms, folders = Log(), START, 0
    index, known = open_index(base / "0", log), dict[str, int]()
    for step, batch, later_ms in steps:
        now_ms += later_ms
        if step == "remember":
            seen: dict[bytes, Seen] = {}
            for number, aside_ms in batch:
                at_ms = now_ms + aside_ms
                seen[key_of("web", f"m{number}")] = Seen(at_ms, 0, log.append(f"m{number}", at_ms))
                known[f"m{number}"] = at_ms
            index.remember(seen, 0, len(log.events))
        elif step == "restart":
            index.close()
            index = open_index(base / str(folders), log)
        else:  # what SIGKILL leaves: the files as they stand, without what was in memory
            folders += 1
            shutil.copytree(base / str(folders - 1), base / str(folders), ignore=shutil.ignore_patterns("LOCK"))
            index.close()
            index = open_index(base / str(folders), log)
        keys = [key_of("web", f"m{number}") for number in range(61)]
        for at_ms in (now_ms - HOUR_MS, now_ms, now_ms + HOUR_MS):
            asked = [at_ms] * len(keys)
            found = index.look_up(keys, asked)
            assert found == without_filters(index, keys, asked)
        # The newest times of all are in the buckets that are kept.
        newest_ms = max(known.values(), default=now_ms)
        found = index.look_up(keys, [newest_ms] * len(keys))
        for message_id, at_ms in known.items():
            if newest_ms - at_ms <= LENGTH_S * 1000:
                assert key_of("web", message_id) in found
        assert found.keys() <= {key_of("web", message_id) for message_id in known}
    index.close()


def test_a_filter_says_of_most_new_ids_that_they_are_new_however_many_it_was_told():
    ids = NewIds(0)
    for first in range(0, 1_200_000, 4000):
        ids.add(7, [b"%d" % number for number in range(first, first + 4000)])
    told = [b"%d" % number for number in range(0, 1_200_000, 1000)]
    assert sorted(ids.perhaps_known(told, 7)) == sorted(told)
    new = [b"n%d" % number for number in range(10_000)]
    assert len(ids.perhaps_known(new, 7)) < 300
    assert list(ids.perhaps_known(new, 6)) == []


def test_of_buckets_that_it_no_longer_stands_for_it_calls_no_id_new():
    ids = NewIds(0)
    ids.add(7, [b"a"])
    ids.forget_below(8)
    ids.add(7, [b"b"])
    assert list(ids.perhaps_known([b"a", b"b", b"c"], 7)) == [b"a", b"b", b"c"]
    assert list(ids.perhaps_known([b"a", b"b", b"c"], 8)) == []
