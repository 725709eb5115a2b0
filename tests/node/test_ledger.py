"""The ledger finds what is wrong: each kind of disagreement is made on purpose."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine, update

from tests.fresh_state import fresh_state
from trackway.delivery.store import Store
from trackway.events.records import CLEAN_TOPICS, DROPPED, EVENTS, QUARANTINE, RAW
from trackway.log.sqlite import SqliteLog
from trackway.node.ledger import Ledger, read_ledger
from trackway.pipeline.tallies import MARK, POSITION, SourceTally, encode_tallies
from trackway.state import writing
from trackway.state.tables import cursors
from trackway.workspace.model import Destination, Source, Workspace

WORKSPACE = Workspace(
    sources={"web": Source(write_keys=["k"]), "app": Source(write_keys=["l"])},
    destinations={"hook": Destination(type="webhook")},
)


class Books:
    """Two logs and a state, to be filled with what agrees or does not."""

    def __init__(self, folder: Path) -> None:
        self.raw = SqliteLog(folder / "raw", (RAW,))
        self.clean = SqliteLog(folder / "clean", CLEAN_TOPICS)
        self.engine: Engine = fresh_state(folder / "state.db")

    def accept(self, number: int) -> None:
        with self.raw.writer(0) as writer:
            writer.append({RAW: [b"x"] * number})

    def process(self, position: int, tallies: dict[str, SourceTally], **records: int) -> None:
        marks = {POSITION: msgspec.msgpack.encode({0: position}), MARK: encode_tallies(tallies)}
        with self.clean.writer(0) as writer:
            writer.append({topic: [b"x"] * number for topic, number in records.items()}, marks)

    def read(self, source: str | None = None) -> Ledger:
        return read_ledger(WORKSPACE, self.raw, self.clean, self.engine, source=source)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    yield books
    books.raw.close()
    books.clean.close()
    books.engine.dispose()


def balanced(books: Books) -> None:
    books.accept(10)
    tallies = {
        "web": SourceTally(events=4, quarantine={"event_not_defined": 1}, dropped={"duplicate": 2}, faults=3),
        "app": SourceTally(events=2, split=1),
    }
    books.process(8, tallies, **{EVENTS: 6, QUARANTINE: 1, DROPPED: 2})
    Store(books.engine, "hook").open({0: 2}, 0)


def test_what_agrees_balances_and_shows_what_waits(books: Books) -> None:
    balanced(books)
    found = books.read()
    assert found.balances
    assert (found.accepted, found.waiting) == (10, 2)
    assert [(line.source, line.accepted, line.events) for line in found.sources] == [("app", 1, 2), ("web", 7, 4)]
    [hook] = found.destinations
    assert (hook.accepted, hook.pending) == (4, 4)
    [warehouse] = found.warehouses
    assert (warehouse.loaded, warehouse.pending) == (0, 6)
    assert [line.source for line in books.read("web").sources] == ["web"]


def test_nothing_at_all_balances(books: Books) -> None:
    assert books.read().balances


def test_a_record_that_was_not_counted_is_found(books: Books) -> None:
    books.accept(3)
    books.process(3, {"web": SourceTally(events=3)}, **{EVENTS: 4})
    assert books.read().differences == {"records in events": 1}


def test_a_call_that_has_no_end_is_found(books: Books) -> None:
    books.accept(5)
    books.process(5, {"web": SourceTally(events=4)}, **{EVENTS: 4})
    assert books.read().differences == {"pipeline position": 1}


def test_a_raw_log_that_is_shorter_than_what_was_read_is_found(books: Books) -> None:
    books.accept(1)
    books.process(3, {"web": SourceTally(events=3)}, **{EVENTS: 3})
    assert books.read().differences == {"pipeline position beyond the raw log": 2}


def test_an_event_that_a_destination_passed_without_an_end_is_found(books: Books) -> None:
    balanced(books)
    with writing(books.engine) as connection:
        connection.execute(update(cursors).values(next_offset=3))
    assert books.read().differences == {"destination hook": 1}
