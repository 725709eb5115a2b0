"""What any event log must hold to. A test module of an implementation subclasses `LogContract` and makes the log."""

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackway.log.contract import EventLog, LogBusy, LogReader, Slice

TOPICS = ("events", "quarantine")
MakeLog = Callable[..., EventLog]


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"record %d" % number for number in range(start, start + count)]


def read_all(reader: LogReader) -> list[Slice]:
    found: list[Slice] = []
    while slices := reader.poll():
        found += slices
    return found


def values(slices: list[Slice]) -> list[bytes]:
    return [record for found in slices for record in found.records]


class LogContract:
    @pytest.fixture
    def make_log(self) -> MakeLog:
        """A function that opens the log of this test, each time it is called anew, with small segments if asked."""
        raise NotImplementedError

    def test_records_come_back_in_order_with_offsets_from_zero(self, make_log: MakeLog):
        log = make_log()
        with log.writer(0) as writer:
            assert writer.append({"events": numbered(3)}) == {"events": range(3)}
            assert writer.append({"events": numbered(2, 3)}) == {"events": range(3, 5)}
        with log.reader("events") as reader:
            slices = read_all(reader)
        assert [(s.partition, s.first) for s in slices] == [(0, 0), (0, 3)]
        assert values(slices) == numbered(5)
        assert log.heads("events") == {0: 5} and log.starts("events") == {0: 0}

    def test_topics_are_numbered_on_their_own_and_written_together(self, make_log: MakeLog):
        log = make_log()
        with log.writer(0) as writer:
            got = writer.append({"events": numbered(2), "quarantine": [b"bad"]})
            assert got == {"events": range(2), "quarantine": range(1)}
            assert writer.next_offset("quarantine") == 1
        with log.reader("quarantine") as reader:
            assert values(read_all(reader)) == [b"bad"]

    def test_what_was_appended_is_there_after_reopening(self, make_log: MakeLog):
        with make_log().writer(0) as writer:
            writer.append({"events": numbered(2)}, {"position": b"7"})
        log = make_log()
        with log.writer(0) as writer:
            assert writer.mark("position") == b"7" and writer.mark("other") is None
            assert writer.append({"events": numbered(1, 2)}) == {"events": range(2, 3)}
        assert log.marks("position") == {0: b"7"}
        with log.reader("events") as reader:
            assert values(read_all(reader)) == numbered(3)

    def test_marks_need_no_records(self, make_log: MakeLog):
        log = make_log()
        with log.writer(0) as writer:
            writer.append({}, {"position": b"1"})
            writer.append({"events": []}, {"position": b"2"})
        assert log.marks("position") == {0: b"2"}
        assert log.heads("events") == {0: 0}

    def test_a_partition_has_one_writer(self, make_log: MakeLog):
        with make_log().writer(0), pytest.raises(LogBusy, match="being written by process"):
            make_log().writer(0)
        make_log().writer(0).close()

    def test_partitions_are_independent(self, make_log: MakeLog):
        log = make_log()
        with log.writer(0) as one, log.writer(3) as two:
            one.append({"events": [b"a"]})
            two.append({"events": [b"b", b"c"]})
        assert log.partitions("events") == [0, 3]
        assert log.heads("events") == {0: 1, 3: 2}
        with log.reader("events") as reader:
            assert sorted(values(read_all(reader))) == [b"a", b"b", b"c"]
            assert reader.position() == {0: 1, 3: 2}

    def test_a_reader_finds_a_partition_that_appears_later(self, make_log: MakeLog):
        log = make_log()
        with log.reader("events") as reader:
            assert reader.poll() == []
            with log.writer(5) as writer:
                writer.append({"events": [b"x"]})
            assert values(read_all(reader)) == [b"x"]

    def test_a_waiting_reader_wakes_for_a_new_record(self, make_log: MakeLog):
        log = make_log()
        with log.writer(0) as writer, log.reader("events", start="latest") as reader:
            timer = threading.Timer(0.1, lambda: writer.append({"events": [b"x"]}))
            timer.start()
            assert values(reader.poll(timeout_s=60)) == [b"x"]
            timer.join()

    def test_wake_interrupts_a_waiting_reader(self, make_log: MakeLog):
        log = make_log()
        with log.reader("events") as reader:
            timer = threading.Timer(0.1, reader.wake)
            timer.start()
            started = time.monotonic()
            assert reader.poll(timeout_s=100) == []
            assert time.monotonic() - started < 60
            timer.join()

    def test_a_consumer_goes_on_after_its_commit(self, make_log: MakeLog):
        log = make_log()
        with log.writer(0) as writer:
            writer.append({"events": numbered(5)})
        with log.reader("events", consumer="loader") as reader:
            assert values(read_all(reader)) == numbered(5)
            reader.commit({0: 2})
        assert log.consumers("events") == {"loader": {0: 2}}
        with log.reader("events", consumer="loader") as reader:
            assert values(read_all(reader)) == numbered(3, 2)
            reader.commit()
        assert log.consumers("events") == {"loader": {0: 5}}
        log.forget("loader")
        assert log.consumers("events") == {}

    def test_a_nameless_reader_cannot_commit(self, make_log: MakeLog):
        with make_log().reader("events") as reader, pytest.raises(ValueError, match="consumer name"):
            reader.commit()

    def test_latest_starts_behind_everything(self, make_log: MakeLog):
        log = make_log()
        with log.writer(0) as writer:
            writer.append({"events": numbered(5)})
            with log.reader("events", start="latest") as reader:
                assert reader.poll() == []
                writer.append({"events": numbered(1, 5)})
                assert values(read_all(reader)) == numbered(1, 5)

    def test_seek_and_read_give_any_range(self, make_log: MakeLog):
        log = make_log(small=True)
        with log.writer(0) as writer:
            for number in range(40):
                writer.append({"events": numbered(7, number * 7)})
        with log.reader("events") as reader:
            reader.seek({0: 100})
            assert values(read_all(reader)) == numbered(180, 100)
        assert values(list(log.read("events", 0, 131, max_records=3))) == numbered(3, 131)
        assert list(log.read("events", 0, 280)) == []
        assert list(log.read("events", 1, 0)) == []

    def test_poll_keeps_to_its_bounds(self, make_log: MakeLog):
        log = make_log()
        with log.writer(0) as writer:
            for number in range(10):
                writer.append({"events": numbered(10, number * 10)})
        with log.reader("events") as reader:
            assert values(reader.poll(max_records=25)) == numbered(25)
            assert values(reader.poll(max_records=3)) == numbered(3, 25)
            assert len(values(reader.poll(max_bytes=1))) in (2, 10)

    def test_retention_never_takes_what_a_consumer_has_not_read(self, make_log: MakeLog):
        log = make_log(small=True)
        with log.writer(0) as writer, log.reader("events", consumer="slow") as reader:
            for number in range(60):
                writer.append({"events": numbered(20, number * 20), "quarantine": [b"q"]})
            assert log.retain(max_bytes=0) == 0
            assert log.starts("events") == {0: 0}
            taken = values(reader.poll(max_records=500))
            reader.commit()
            freed = log.retain(max_bytes=0)
            assert freed > 0
            assert 0 < log.starts("events")[0] <= 500
            assert taken + values(read_all(reader)) == numbered(1200)

    def test_a_reader_that_retention_overtakes_goes_on_with_what_is_kept(self, make_log: MakeLog):
        log = make_log(small=True)
        with log.writer(0) as writer, log.reader("events") as reader:
            for number in range(20):
                writer.append({"events": numbered(20, number * 20)})
            assert values(reader.poll(max_records=20)) == numbered(20)
            for number in range(20, 60):
                writer.append({"events": numbered(20, number * 20)})
            assert log.retain(max_bytes=0) > 0
            start = log.starts("events")[0]
            slices: list[Slice] = []
            while reader.position() != {0: 1200}:
                slices += reader.poll(timeout_s=30)
            assert [one.records[0] for one in slices] == [b"record %d" % one.first for one in slices]
            got = values(slices)
            assert got[-(1200 - start) :] == numbered(1200 - start, start)

    def test_read_gives_nothing_for_what_is_deleted(self, make_log: MakeLog):
        log = make_log(small=True)
        with log.writer(0) as writer:
            for number in range(60):
                writer.append({"events": numbered(20, number * 20)})
        log.retain(max_bytes=0)
        start = log.starts("events")[0]
        assert list(log.read("events", 0, start - 1, max_records=5)) == []
        assert values(list(log.read("events", 0, start, max_records=5))) == numbered(5, start)

    def test_a_sound_log_has_no_faults(self, make_log: MakeLog):
        with make_log().writer(0) as writer:
            writer.append({"events": numbered(3)})
            assert writer.faults == 0

    def test_marks_are_there_in_whatever_part_of_the_log_the_writer_is(self, make_log: MakeLog):
        log = make_log(small=True)
        with log.writer(0) as writer:
            writer.append({"events": numbered(1)}, {"old": b"1", "new": b"1"})
            for number in range(60):
                writer.append({"events": numbered(20, number * 20)}, {"new": b"%d" % number})
        log.retain(max_bytes=0)
        assert (log.marks("old"), log.marks("new")) == ({0: b"1"}, {0: b"59"})
        with log.writer(0) as writer:
            assert (writer.mark("old"), writer.mark("new")) == (b"1", b"59")

    def test_retention_by_age_spares_the_young(self, make_log: MakeLog):
        log = make_log(small=True)
        with log.writer(0) as writer:
            for number in range(60):
                writer.append({"events": numbered(20, number * 20)})
        assert log.retain(max_age_s=3600) == 0
        later_ms = int(time.time() * 1000) + 7_200_000
        assert log.retain(max_age_s=3600, now_ms=later_ms) > 0
        start = log.starts("events")[0]
        assert 0 < start < 1200
        with log.reader("events") as reader:
            assert values(read_all(reader)) == numbered(1200 - start, start)
        with log.writer(0) as writer:
            assert writer.append({"events": [b"next"]}) == {"events": range(1200, 1201)}

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.one_of(
                st.lists(st.binary(max_size=300), max_size=12),
                st.sampled_from(["reopen", "read"]),
            ),
            max_size=30,
        )
    )
    def test_any_sequence_of_appends_and_reopenings_reads_back_whole(self, make_log: MakeLog, steps):
        log = make_log(small=True, fresh=True)
        writer = log.writer(0)
        reader = log.reader("events")
        expected: list[bytes] = []
        got: list[Slice] = []
        for step in steps:
            if step == "reopen":
                writer.close()
                writer = log.writer(0)
            elif step == "read":
                got += read_all(reader)
            else:
                assert writer.append({"events": step})["events"].start == len(expected)
                expected += step
        got += read_all(reader)
        writer.close()
        reader.close()
        assert values(got) == expected
        assert [s.first for s in got] == [sum(len(s.records) for s in got[:i]) for i in range(len(got))]
