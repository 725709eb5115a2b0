"""The memory of message ids: over weeks, restarts and crashes, and in files that are merged."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.memory import memory_folder
from trackway.errors import TrackwayError
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, Place, encode
from trackway.log.contract import EventLog, LogUnavailable, Slice
from trackway.log.sqlite import SqliteLog
from trackway.pipeline import id_bucket, id_filter, id_runs, message_index
from trackway.pipeline.id_bucket import Bucket
from trackway.pipeline.id_runs import FileRun
from trackway.pipeline.message_index import MessageIndex, Seen

pytestmark = pytest.mark.usefixtures("way")
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
START = 1_795_168_800_000


@pytest.mark.parametrize("days", [1, 30, 45])
def test_ids_are_found_for_the_whole_window_and_forgotten_after_it(tmp_path: Path, days: int):
    index = MessageIndex(tmp_path / "index", keep_s=days * 86_400)
    key = index.key_of("web", "m1")
    # Wherever in a bucket the window begins.
    for start in (START, START + days * DAY_MS // 3, START + days * DAY_MS * 9 // 10):
        index.remember({key: Seen(start, 0, 7)}, 0, 0)
        for age_ms in (0, DAY_MS // 2, days * DAY_MS - 1, days * DAY_MS):
            assert index.look_up([key], [start + age_ms]) == {key: Seen(start, 0, 7)}, age_ms
    much_later = START + 5 * days * DAY_MS
    index.remember({index.key_of("web", "m2"): Seen(much_later, 0, 8)}, 0, 0)
    assert index.look_up([key, key], [START, much_later]) == {}
    index.close()


def test_of_many_ids_those_are_found_that_came_before(tmp_path: Path):
    index = MessageIndex(tmp_path / "index", keep_s=86_400)
    keys = [index.key_of("web", f"m{number}") for number in range(500)]
    index.remember({key: Seen(START, 0, n) for n, key in enumerate(keys) if n % 3 == 0}, 0, 500)
    found = index.look_up(keys, [START + 5] * 500)
    assert {key: one.place for key, one in found.items()} == {keys[n]: Place(0, n) for n in range(0, 500, 3)}
    assert index.look_up([], []) == {}
    index.close()


def test_the_newest_event_of_two_with_one_id_is_found(tmp_path: Path):
    index = MessageIndex(tmp_path / "index", keep_s=60 * 60)
    key = index.key_of("web", "m1")
    index.remember({key: Seen(START, 0, 1)}, 0, 2)
    index.remember({key: Seen(START + 3_700_000, 0, 2)}, 0, 3)
    assert index.look_up([key], [START + 3_700_001]) == {key: Seen(START + 3_700_000, 0, 2)}
    index.close()


def test_after_a_change_of_the_windows_the_index_is_learnt_anew(tmp_path: Path):
    index = MessageIndex(tmp_path / "index", keep_s=86_400)
    index.remember({index.key_of("web", "m1"): Seen(START, 0, 7)}, 0, 8)
    index.close()
    with closing(SqliteLog(tmp_path / "clean", CLEAN_TOPICS)) as log, log.writer(0) as writer:
        event = EventRecord("web", "track", "m1", "E", "u", None, START, START, Place(0, 0), b"{}")
        writer.append({EVENTS: [encode(event)] * 8})
        for keep_s, learnt in ((86_400, 0), (30 * 86_400, 8), (30 * 86_400, 0), (3600, 8)):
            index = MessageIndex(tmp_path / "index", keep_s=keep_s)
            assert index.catch_up(log, 0, 8) == learnt, keep_s
            key = index.key_of("web", "m1")
            assert index.look_up([key], [START + 1000]) == {key: Seen(START, 0, 7)}
            index.close()


class Log:
    """As much of an events log as the index reads of it."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self._written_ms: list[int] = [0]

    def append(self, message_id: str, at_ms: int) -> int:
        self._written_ms.append(max(self._written_ms[-1], at_ms))
        event = EventRecord("web", "track", message_id, "E", "u", None, at_ms, at_ms, Place(0, 0), b"{}")
        self.events.append(encode(event))
        return len(self.events) - 1

    def starts(self, topic: str) -> dict[int, int]:
        return {0: 0}

    def read(self, topic: str, partition: int, offset: int, *, max_records: int = 1) -> Iterable[Slice]:
        yield Slice(0, offset, self._written_ms[offset + 1], self.events[offset : offset + max_records])


class Lived:
    """An index of an hour's window that lives through restarts and crashes, and what it should know."""

    def __init__(self, folder: Path) -> None:
        self._base = folder
        self._folders = 0
        self._log = Log()
        self.known: dict[str, Seen] = {}
        self.index = self._open()

    def _open(self) -> MessageIndex:
        index = MessageIndex(self._base / str(self._folders), keep_s=HOUR_MS / 1000)
        index.catch_up(cast(EventLog, self._log), 0, len(self._log.events))
        return index

    def remember(self, batch: Iterable[tuple[str, int]]) -> None:
        """Remember what is no repetition of what is known."""
        seen = {
            one: Seen(at_ms, 0, self._log.append(one, at_ms))
            for one, at_ms in batch
            if one not in self.known or at_ms - self.known[one].received_at_ms > HOUR_MS
        }
        self.known |= seen
        self.index.remember({self.index.key_of("web", one): at for one, at in seen.items()}, 0, len(self._log.events))

    def remember_one_by_one(self, count: int) -> None:
        for number in range(count):
            self.remember([(f"m{number}", START)])

    def restart(self) -> None:
        self.index.close()
        self.index = self._open()

    def settle(self) -> None:
        """Wait until the threads have written all; nothing is taken over yet."""
        for job in (
            self.index._leaving and self.index._leaving.files,
            self.index._merging and self.index._merging.merged,
        ):
            if job is not None:
                job.result()

    def crash(self) -> None:
        """Go on with the files as they stand when the threads have written all and nothing was taken over."""
        self.settle()
        shutil.copytree(self._base / str(self._folders), self._base / str(self._folders + 1))
        self.index.close()
        self._folders += 1
        self.index = self._open()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few ids do what takes millions."""
    monkeypatch.setattr(id_bucket, "_SPILL", 3)
    monkeypatch.setattr(id_bucket, "_MEMORY_RUNS", 3)
    monkeypatch.setattr(id_bucket, "_FILES", 5)
    monkeypatch.setattr(id_bucket, "_FILES_AT_MOST", 12)
    monkeypatch.setattr(message_index, "_IN_MEMORY", 7)
    monkeypatch.setattr(message_index, "_IN_MEMORY_AT_MOST", 20)
    monkeypatch.setattr(id_runs, "_BLOCK", 2)
    monkeypatch.setattr(id_runs, "_PIECE", 6)
    monkeypatch.setattr(id_filter, "_FIRST_BLOCKS", 2)
    monkeypatch.setattr(id_filter, "_MOST_BLOCKS", 16)


_batches = st.lists(st.tuples(st.integers(0, 200), st.integers(-HOUR_MS, HOUR_MS)), min_size=1, max_size=20)
_steps = st.lists(
    st.tuples(st.just("remember"), _batches, st.sampled_from([0, 0, 0, HOUR_MS // 3, HOUR_MS, 3 * HOUR_MS]))
    | st.tuples(st.sampled_from(["restart", "crash"]), st.just([]), st.just(0)),
    max_size=30,
)


@pytest.mark.usefixtures("small")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_steps)
def test_every_id_is_known_for_its_window_whatever_becomes_of_the_process(steps: list[Any]):
    with memory_folder() as folder:
        _check_windows(Lived(folder), steps)


def _check_windows(lived: Lived, steps: list[Any]) -> None:
    now_ms = START
    for step, batch, later_ms in steps:
        now_ms += later_ms
        if step == "remember":
            lived.remember({f"m{number}": now_ms + aside_ms for number, aside_ms in batch}.items())
        else:
            getattr(lived, step)()
        keys = {lived.index.key_of("web", f"m{number}"): f"m{number}" for number in range(201)}
        newest_ms = max((one.received_at_ms for one in lived.known.values()), default=now_ms)
        found = {keys[key]: seen for key, seen in lived.index.look_up([*keys], [newest_ms] * len(keys)).items()}
        assert found.keys() <= lived.known.keys()
        for message_id, seen in lived.known.items():
            if newest_ms - seen.received_at_ms <= HOUR_MS:
                assert found[message_id] == seen
    lived.index.close()


@pytest.mark.usefixtures("small")
def test_files_are_merged_so_that_there_are_few_and_old_ones_are_removed(tmp_path: Path):
    lived = Lived(tmp_path)
    for start in range(0, 1500, 5):
        lived.remember((f"m{number}", START) for number in range(start, start + 5))
        lived.settle()
    lived.restart()
    names = {path.name for path in (tmp_path / "0").glob("*.ids")}
    assert 1 <= len(names) <= 13  # of some eighty that were written
    keys = {lived.index.key_of("web", one): seen for one, seen in lived.known.items()}
    assert lived.index.look_up([*keys], [START] * len(keys)) == keys
    lived.remember([("later", START + 4 * HOUR_MS)])
    lived.restart()
    assert len([*(tmp_path / "0").glob("*.ids")]) == 1
    lived.index.close()


@pytest.mark.usefixtures("small")
def test_files_of_a_larger_index_are_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(id_bucket, "_FILES", 1000)
    monkeypatch.setattr(id_bucket, "_FILES_AT_MOST", 1000)
    lived = Lived(tmp_path)
    for number in range(400):
        lived.remember([(f"m{number}", START)])
        lived.settle()
    sizes = [len(run) for run in lived.index._buckets[START // (HOUR_MS + 1)].files]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (7, 20)
    lived.index.close()


class _Sized(FileRun):
    def __init__(self, size: int) -> None:
        self._count = size


def _arrive(sizes: Iterable[int]) -> Bucket:
    bucket = Bucket()
    for size in sizes:
        bucket.arrive(_Sized(size))
        if files := bucket.alike():
            whole = sum(map(len, files))
            assert bucket.files[-len(files) :] == files
            assert whole >= 48 * max(map(len, files)) or len(bucket.files) == 256
            bucket.replace(files, _Sized(whole))
        assert len(bucket.files) < 256
    return bucket


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 1_000_000), st.integers(1, 200)), max_size=15))
@example([(1_000_000, 1), (10, 47)] * 15)
def test_there_are_never_many_files_and_no_id_is_moved_often(runs: list[tuple[int, int]]):
    bucket = _arrive(size for size, count in runs for _ in range(count))
    assert sum(map(len, bucket.files)) == sum(size * count for size, count in runs)


def test_files_of_one_size_become_one_and_those_again():
    sizes = sorted(map(len, _arrive([1000] * 64 * 70).files))
    assert sizes == [64_000] * 22 + [48 * 64_000]


@pytest.mark.usefixtures("small")
def test_of_an_id_that_comes_again_within_a_bucket_the_last_is_found(tmp_path: Path):
    # As with a source whose window is shorter than that of another.
    with closing(MessageIndex(tmp_path / "index", keep_s=86_400)) as index:
        key, last = index.key_of("app", "m"), Seen(0, 0, 0)
        for number in range(300):
            last = Seen(START + number, 0, number)
            index.remember({key: last, index.key_of("app", f"m{number}"): last}, 0, number + 1)
            assert index.look_up([key], [START + 300]) == {key: last}
    with closing(MessageIndex(tmp_path / "index", keep_s=86_400)) as index:
        assert index.look_up([key], [START + 300]) == {key: last}


def _key(message_id: str) -> bytes:
    return b"web " + hashlib.blake2b(message_id.encode(), digest_size=16).digest()


def test_in_a_large_merge_the_last_of_one_id_stands_last():
    keys = [_key(f"m{number}") for number in range(5000)]
    runs = [id_runs.MemoryRun.of({key: Seen(START, 0, number) for key in keys}) for number in range(8)]
    merged = id_runs.merge_in_memory(runs)
    ids = id_runs.Ids(keys)
    for hash_, rest in zip(ids.hashes.tolist(), ids.rests.tolist(), strict=True):
        assert merged.find(hash_, rest) == Seen(START, 0, 7)


def test_one_id_of_two_sources_is_two(tmp_path: Path):
    index = MessageIndex(tmp_path / "index", keep_s=86_400)
    seen = {index.key_of("web", "m1"): Seen(START, 0, 7)}
    index.remember(seen, 0, 8)
    index.close()
    with closing(MessageIndex(tmp_path / "index", keep_s=86_400)) as index:
        assert index.look_up([index.key_of("app", "m1"), index.key_of("web", "m1")], [START, START]) == seen


def test_nobody_can_foretell_the_hash_of_an_id(tmp_path: Path):
    with (
        closing(MessageIndex(tmp_path / "one", keep_s=60)) as one,
        closing(MessageIndex(tmp_path / "two", keep_s=60)) as two,
    ):
        assert one.key_of("web", "m1") == one.keys_of(["web"], [b"m1"])[0] != two.key_of("web", "m1")


def test_hashes_that_are_the_same_are_told_apart(tmp_path: Path):
    # The same first eight bytes of the hash, as somebody could choose them.
    keys = [b"web " + b"8 bytes " + (number << 32).to_bytes(8, "little") for number in range(1000)]
    seen = {key: Seen(START, 3, number) for number, key in enumerate(keys)}
    index = MessageIndex(tmp_path / "index", keep_s=86_400)
    index.remember({key: seen[key] for key in keys[::2]}, 0, 8)
    index.close()
    with closing(MessageIndex(tmp_path / "index", keep_s=86_400)) as index:
        assert index.look_up(keys, [START] * len(keys)) == {key: seen[key] for key in keys[::2]}


def test_what_an_older_version_left_is_removed(tmp_path: Path):
    folder = tmp_path / "index"
    (folder / "archive").mkdir(parents=True)
    (folder / "000012.sst").write_bytes(b"rocks")
    index = MessageIndex(folder, keep_s=86_400)
    assert index.look_up([index.key_of("web", "m1")], [START]) == {}
    index.close()
    assert {path.suffix for path in folder.iterdir()} <= {".lock", ".json"}


@pytest.mark.parametrize("damage", ["cut", "gone", "text"])
def test_a_damaged_index_says_what_to_do(tmp_path: Path, damage: str):
    folder = tmp_path / "index"
    index = MessageIndex(folder, keep_s=86_400)
    index.remember({index.key_of("web", "m1"): Seen(START, 0, 7)}, 0, 8)
    index.close()
    (file,) = folder.glob("*.ids")
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-32])
    elif damage == "gone":
        file.unlink()
    else:
        (folder / "index.json").write_text("{")
    for _ in range(2):  # and it is not left locked
        with pytest.raises(TrackwayError, match=r"index cannot be opened: .*[Dd]elete the folder: it is rebuilt"):
            MessageIndex(folder, keep_s=86_400)


def test_a_new_index_learns_no_more_than_the_windows_reach(tmp_path: Path):
    log = Log()
    for hour in range(1000):
        log.append(f"m{hour}", START + hour * HOUR_MS)
    with closing(MessageIndex(tmp_path / "index", keep_s=10 * 3600)) as index:
        assert 20 <= index.catch_up(cast(EventLog, log), 0, 1000) <= 22
        asked = [index.key_of("web", f"m{hour}") for hour in range(1000)]
        found = index.look_up(asked, [START + 999 * HOUR_MS] * 1000)
        assert {index.key_of("web", f"m{hour}") for hour in range(989, 1000)} <= found.keys()
        assert index.catch_up(cast(EventLog, log), 0, 1000) == 0


@pytest.mark.usefixtures("small")
def test_when_the_disk_is_full_the_log_counts_as_unavailable_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lived = Lived(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(message_index, "write", full)
        with pytest.raises(LogUnavailable, match=r"No space left on device\. Make room"):
            lived.remember_one_by_one(100)
        with pytest.raises(LogUnavailable):
            lived.index.close()
    lived.index = lived._open()
    keys = {lived.index.key_of("web", one): seen for one, seen in lived.known.items()}
    assert keys and lived.index.look_up([*keys], [START] * len(keys)) == keys
    lived.index.close()


def test_a_run_is_whole_where_the_disk_takes_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = {_key(f"m{number}"): Seen(START, 0, number) for number in range(1000)}
    written = os.pwrite

    def some(file: int, text: bytes, offset: int) -> int:
        return written(file, text[:1000], offset)

    monkeypatch.setattr(os, "pwrite", some)
    run = id_runs.write(tmp_path / "0-1.ids", [id_runs.MemoryRun.of(seen)])
    assert run is not None
    assert len(run) == 1000
    ids = id_runs.Ids([*seen])
    found = map(run.find, ids.hashes.tolist(), ids.rests.tolist())
    assert [*found] == [*seen.values()]
    run.close()


def test_a_run_whose_file_became_shorter_is_not_taken_for_whole(tmp_path: Path):
    seen = {_key(f"m{number}"): Seen(START, 0, number) for number in range(1000)}
    run = id_runs.write(tmp_path / "0-1.ids", [id_runs.MemoryRun.of(seen)])
    assert run is not None
    last = id_runs.Ids([*seen]).hashes.argmax()
    ids = id_runs.Ids([[*seen][last]])
    os.truncate(run.path, 1000 * 32 - 24)
    with pytest.raises(OSError, match=r"0-1\.ids became shorter"):
        run.find(int(ids.hashes[0]), int(ids.rests[0]))
    with pytest.raises(OSError, match=r"0-1\.ids became shorter"):
        id_runs.write(tmp_path / "0-2.ids", [run, run])
    assert not (tmp_path / "0-2.ids").exists()
    run.close()
