"""The memory of message ids over weeks."""

from contextlib import closing
from pathlib import Path

import pytest

from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, Place, encode
from trackway.log.sqlite import SqliteLog
from trackway.pipeline.message_index import MessageIndex, Seen, key_of

DAY_MS = 86_400_000
START = 1_795_168_800_000


@pytest.mark.parametrize("days", [1, 30, 45])
def test_ids_are_found_for_the_whole_window_and_forgotten_after_it(tmp_path: Path, days: int):
    index = MessageIndex(tmp_path / "index", keep_s=days * 86_400)
    key = key_of("web", "m1")
    # Wherever in a bucket the window begins.
    for start in (START, START + days * DAY_MS // 3, START + days * DAY_MS * 9 // 10):
        index.remember({key: Seen(start, 0, 7)}, 0, 0)
        for age_ms in (0, DAY_MS // 2, days * DAY_MS - 1, days * DAY_MS):
            assert index.look_up([key], [start + age_ms]) == {key: Seen(start, 0, 7)}, age_ms
    much_later = START + 5 * days * DAY_MS
    index.remember({key_of("web", "m2"): Seen(much_later, 0, 8)}, 0, 0)
    assert index.look_up([key, key], [START, much_later]) == {}
    index.close()


def test_of_many_ids_those_are_found_that_came_before(tmp_path: Path):
    index = MessageIndex(tmp_path / "index", keep_s=86_400)
    keys = [key_of("web", f"m{number}") for number in range(500)]
    index.remember({key: Seen(START, 0, n) for n, key in enumerate(keys) if n % 3 == 0}, 0, 500)
    found = index.look_up(keys, [START + 5] * 500)
    assert {key: one.place for key, one in found.items()} == {keys[n]: Place(0, n) for n in range(0, 500, 3)}
    assert index.look_up([], []) == {}
    index.close()


def test_the_newest_event_of_two_with_one_id_is_found(tmp_path: Path):
    index = MessageIndex(tmp_path / "index", keep_s=60 * 60)
    key = key_of("web", "m1")
    index.remember({key: Seen(START, 0, 1)}, 0, 2)
    index.remember({key: Seen(START + 3_700_000, 0, 2)}, 0, 3)
    assert index.look_up([key], [START + 3_700_001]) == {key: Seen(START + 3_700_000, 0, 2)}
    index.close()


def test_after_a_change_of_the_windows_the_index_is_learnt_anew(tmp_path: Path):
    key = key_of("web", "m1")
    index = MessageIndex(tmp_path / "index", keep_s=86_400)
    index.remember({key: Seen(START, 0, 7)}, 0, 8)
    index.close()
    with closing(SqliteLog(tmp_path / "clean", CLEAN_TOPICS)) as log, log.writer(0) as writer:
        event = EventRecord("web", "track", "m1", "E", "u", None, START, START, Place(0, 0), b"{}")
        writer.append({EVENTS: [encode(event)] * 8})
        for keep_s, learnt in ((86_400, 0), (30 * 86_400, 8), (30 * 86_400, 0), (3600, 8)):
            index = MessageIndex(tmp_path / "index", keep_s=keep_s)
            assert index.catch_up(log, 0, 8) == learnt, keep_s
            assert index.look_up([key], [START + 1000]) == {key: Seen(START, 0, 7)}
            index.close()
