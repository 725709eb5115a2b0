"""The books of many destinations in one transaction: each is durable when told so, and fails alone."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import SQLAlchemyError

from trackway.delivery.commits import Commits
from trackway.delivery.store import Changes, Store
from trackway.state.tables import cursors


def stores(engine: Engine, *names: str) -> list[Store]:
    found = [Store(engine, name) for name in names]
    for store in found:
        store.open({0: 0}, 0)
    return found


def positions(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        rows = connection.execute(select(cursors.c.destination, cursors.c.next_offset))
        return {row.destination: row.next_offset for row in rows}


async def test_what_comes_together_is_one_transaction(engine: Engine) -> None:
    written = stores(engine, *"abcdef")
    transactions = 0

    def begun(_: object) -> None:
        nonlocal transactions
        transactions += 1

    event.listen(engine, "begin", begun)
    with ThreadPoolExecutor(1) as executor:
        commits = Commits(engine, executor)
        await asyncio.gather(*(commits.commit(one, Changes(at_ms=0, cursors={0: 7})) for one in written))
    event.remove(engine, "begin", begun)
    assert transactions <= 2
    assert positions(engine) == dict.fromkeys("abcdef", 7)


async def test_one_that_cannot_be_written_fails_alone(engine: Engine) -> None:
    good, other = stores(engine, "good", "other")
    unknown = Store(engine, "never opened")  # no such row to refer to
    with ThreadPoolExecutor(1) as executor:
        commits = Commits(engine, executor)
        ends = await asyncio.gather(
            *(commits.commit(one, Changes(at_ms=0, cursors={0: 5})) for one in (good, unknown, other)),
            return_exceptions=True,
        )
        assert [type(end) for end in ends[::2]] == [type(None)] * 2
        with pytest.raises(SQLAlchemyError):
            raise ends[1] or AssertionError
        await commits.commit(good, Changes(at_ms=0, cursors={0: 6}))
    assert positions(engine) == {"good": 6, "other": 5}
