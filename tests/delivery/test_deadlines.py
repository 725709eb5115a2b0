"""One timer for many requests: each still ends in its own time, and cancelling from elsewhere stays what it is."""

import asyncio

import pytest

from tests.delivery.harness import until
from trackway.delivery.deadlines import Deadlines

LONG_S = 3600.0


async def test_each_ends_in_its_own_time() -> None:
    deadlines = Deadlines()
    ended: list[float] = []

    async def run(timeout_s: float) -> None:
        with pytest.raises(TimeoutError):
            await deadlines.within(timeout_s, asyncio.sleep(LONG_S))
        ended.append(timeout_s)

    # The later ones first: the timer has to ring earlier each time.
    waits_s = (0.2, 0.1, 0.02)
    tasks = [asyncio.create_task(run(timeout_s)) for timeout_s in waits_s]
    lasting = asyncio.create_task(deadlines.within(LONG_S, asyncio.sleep(LONG_S)))
    await asyncio.gather(*tasks)
    assert sorted(ended) == sorted(waits_s)
    assert not lasting.done()
    lasting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lasting
    deadlines.close()


async def test_what_is_in_time_is_returned_or_raised_as_it_is() -> None:
    deadlines = Deadlines()

    async def work(fails: bool) -> str:
        await asyncio.sleep(0)
        if fails:
            raise KeyError("mine")
        return "done"

    assert await deadlines.within(LONG_S, work(False)) == "done"
    with pytest.raises(KeyError, match="mine"):
        await deadlines.within(LONG_S, work(True))
    deadlines.close()


async def test_cancelled_from_elsewhere_is_no_timeout() -> None:
    deadlines = Deadlines()
    task = asyncio.create_task(deadlines.within(LONG_S, asyncio.sleep(LONG_S)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadlines.close()


async def test_an_error_instead_of_the_cancelling_leaves_the_task_uncancelled() -> None:
    deadlines = Deadlines()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(LONG_S)
        except asyncio.CancelledError:
            raise ValueError("instead") from None

    with pytest.raises(ValueError, match="instead"):
        await deadlines.within(0.01, stubborn())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    deadlines.close()


async def test_a_result_instead_of_the_cancelling_leaves_the_task_uncancelled() -> None:
    """Else the next `asyncio.timeout` in this task takes a later timeout for somebody's cancelling."""
    deadlines = Deadlines()

    async def stubborn() -> str:
        try:
            await asyncio.sleep(LONG_S)
        except asyncio.CancelledError:
            return "done all the same"
        return ""

    assert await deadlines.within(0.01, stubborn()) == "done all the same"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(LONG_S)
    deadlines.close()


async def test_late_and_cancelled_from_elsewhere_at_once_is_cancelled() -> None:
    deadlines = Deadlines()
    ready = asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await asyncio.sleep(LONG_S)
        finally:
            ready.set()
            await asyncio.sleep(0)

    task = asyncio.create_task(deadlines.within(0.01, slow_to_end()))
    await ready.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert task.cancelling() == 1
    deadlines.close()


async def test_nothing_is_left_of_what_has_ended_and_the_timer_rings_for_what_comes_next() -> None:
    deadlines = Deadlines()
    await deadlines.within(LONG_S, asyncio.sleep(0))
    with pytest.raises(TimeoutError):
        await deadlines.within(0.01, asyncio.sleep(LONG_S))
    lasting = asyncio.create_task(deadlines.within(LONG_S, asyncio.sleep(LONG_S)))
    with pytest.raises(TimeoutError):
        await deadlines.within(0.02, asyncio.sleep(LONG_S))
    assert len(deadlines._under_way) == 1
    lasting.cancel()
    await asyncio.wait([lasting])
    assert not deadlines._under_way
    deadlines.close()
    assert deadlines._timer is None
    with pytest.raises(TimeoutError):
        await deadlines.within(0.01, asyncio.sleep(LONG_S))


async def test_late_work_under_way_twice_in_a_row_is_ended_twice() -> None:
    deadlines = Deadlines()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await deadlines.within(0.01, asyncio.sleep(LONG_S))
    done = asyncio.create_task(deadlines.within(LONG_S, asyncio.sleep(0)))
    await until(done.done)
    deadlines.close()
