import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.delivery.harness import FastClock
from trackway.delivery.breaker import LONGEST_PAUSE_S, Backoff, Breaker, Stopped

FULL = Backoff(base_s=1, cap_s=300, random=lambda: 1.0)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_backoff_is_between_nothing_and_its_bound(tries: int, chance: float) -> None:
    delay_s = Backoff(base_s=1, cap_s=300, random=lambda: chance).delay_s(tries)
    assert 0 <= delay_s <= min(300, 2.0 ** min(tries - 1, 60))


def test_the_bound_doubles_up_to_its_cap() -> None:
    assert [FULL.delay_s(tries) for tries in (1, 2, 3, 9, 10, 99)] == [1, 2, 4, 256, 300, 300]


def breaker() -> tuple[Breaker, FastClock]:
    clock = FastClock()
    return Breaker(clock, FULL, threshold=3), clock


async def passes(found: Breaker) -> bool:
    task = asyncio.create_task(found.admit())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    done = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return done


async def test_it_opens_after_failures_in_a_row_and_tells_why() -> None:
    found, _ = breaker()
    for _ in range(2):
        found.failed("503")
    found.succeeded()
    for _ in range(2):
        found.failed("503")
    assert found.state == "closed" and await passes(found)
    found.failed("ECONNREFUSED")
    assert (found.state, found.reason, found.opens_in_s) == ("open", "ECONNREFUSED", 1)
    assert not await passes(found)


async def test_one_request_tries_and_its_success_lets_all_through() -> None:
    found, clock = breaker()
    for _ in range(3):
        found.failed("503")
    clock.now_s += 1
    await found.admit()
    assert found.state == "half_open"
    assert not await passes(found)
    waiting = [asyncio.create_task(found.admit()) for _ in range(5)]
    await asyncio.sleep(0)
    found.succeeded()
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert (found.state, found.reason) == ("closed", "")


async def test_each_failed_try_makes_the_pause_longer_until_one_succeeds() -> None:
    found, clock = breaker()
    for _ in range(3):
        found.failed("503")
    pauses: list[float] = []
    for _ in range(5):
        pauses.append(found.opens_in_s)
        clock.now_s += found.opens_in_s
        await found.admit()
        found.failed("503")
    assert pauses == [1, 2, 4, 8, 16]
    clock.now_s += found.opens_in_s
    await found.admit()
    found.succeeded()
    for _ in range(3):
        found.failed("503")
    assert found.opens_in_s == 1


async def test_the_destinations_own_wish_counts_at_once_and_up_to_an_hour() -> None:
    found, _ = breaker()
    found.failed("429", 30)
    assert (found.state, found.opens_in_s) == ("open", 30)
    found.failed("429", 10)
    assert found.opens_in_s == 30
    found.failed("429", 1e9)
    assert found.opens_in_s == LONGEST_PAUSE_S


async def test_an_answer_to_an_older_request_does_not_end_a_pause() -> None:
    found, _ = breaker()
    found.failed("429", 30)
    found.succeeded()
    assert found.state == "open"
    assert found.successes == 1


async def test_waiting_requests_try_in_turn() -> None:
    found, clock = breaker()
    for _ in range(3):
        found.failed("503")
    order: list[int] = []

    async def send(number: int) -> None:
        for _ in range(2):
            await found.admit()
            order.append(number)
            found.failed("503")

    async with clock.running():
        await asyncio.wait_for(asyncio.gather(*(send(number) for number in range(4))), 10)
    assert order == [0, 1, 2, 3, 0, 1, 2, 3]


async def test_a_stop_sends_those_away_who_wait() -> None:
    found, _ = breaker()
    found.failed("429", 30)
    waiting = asyncio.create_task(found.admit())
    await asyncio.sleep(0)
    found.stop()
    with pytest.raises(Stopped):
        await asyncio.wait_for(waiting, 60)
