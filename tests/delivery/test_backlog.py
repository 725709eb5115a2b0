import asyncio
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery.harness import FastClock, event
from trackway.delivery.backlog import Backlog
from trackway.delivery.breaker import Stopped
from trackway.delivery.items import DELIVERED, Batch, End, Item, read_offsets, write_offsets
from trackway.destinations.kit import Limits, Row


def item(offset: int, person: str = "", *, partition: int = 0, size: int = 10) -> Item:
    found = Item.of(partition, offset, event(offset, person=person or f"p-{offset}"))
    found.rows = [Row(message_id=found.message_id, value=msgspec.Raw(b"x" * size))]
    found.size = size
    return found


def backlog(events: int = 1, **limits: float) -> tuple[Backlog, FastClock]:
    clock = FastClock()
    return Backlog(Limits(events=events, **limits), clock), clock  # type: ignore[arg-type]


async def take(found: Backlog) -> list[int] | None:
    """Return the offsets of the next batch, or None when there is none now."""
    task = asyncio.create_task(found.take())
    for _ in range(3):
        await asyncio.sleep(0)
    if task.done():
        return [one.offset for one in task.result().items]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


async def test_events_of_one_person_go_one_after_the_other() -> None:
    found, _ = backlog()
    first, second, other = item(0, "ann"), item(1, "ann"), item(2, "bob")
    found.add([first, second, other])
    assert [await take(found), await take(found), await take(found)] == [[0], [2], None]
    found.release([first])
    assert await take(found) == [1]


async def test_a_person_with_many_events_does_not_hold_the_others_up() -> None:
    found, _ = backlog()
    hot = [item(number, "hot") for number in range(50)]
    found.add([*hot, item(50, "ann"), item(51, "bob")])
    assert await take(found) == [0]
    found.release([hot[0]])
    assert [await take(found), await take(found), await take(found)] == [[50], [51], [1]]


async def test_a_batch_goes_when_it_is_full_or_its_oldest_event_has_waited() -> None:
    found, clock = backlog(3, wait_s=10)
    found.add([item(0), item(1)])
    assert await take(found) is None
    found.add([item(2), item(3)])
    assert await take(found) == [0, 1, 2]
    assert await take(found) is None
    clock.now_s += 10
    assert await take(found) == [3]


async def test_a_waiting_take_gets_its_batch_when_the_time_has_come() -> None:
    found, clock = backlog(3, wait_s=3600)
    found.add([item(0)])
    async with clock.running():
        assert [one.offset for one in (await asyncio.wait_for(found.take(), 10)).items] == [0]


async def test_a_batch_is_bounded_by_bytes_and_a_larger_event_goes_alone() -> None:
    found, _ = backlog(100, bytes=35)
    found.add([item(0), item(1), item(2), item(3), item(4, size=99), item(5)])
    assert [await take(found) for _ in range(4)] == [[0, 1, 2], [3], [4], [5]]


async def test_a_batch_takes_a_persons_events_in_order_and_leaves_busy_persons_out() -> None:
    found, _ = backlog(3)
    first = [item(0, "ann"), item(1, "bob"), item(2, "ann")]
    found.add([*first, item(3, "bob"), item(4, "ann")])
    assert await take(found) == [0, 1, 2]
    found.add([item(5, "cid")])
    assert await take(found) == [5]
    found.release(first)
    assert await take(found) == [3, 4]


async def test_in_a_batch_too_a_person_with_many_events_leaves_room_for_others() -> None:
    found, _ = backlog(4)
    found.add([*(item(number, "hot") for number in range(50)), item(50, "ann"), item(51, "bob")])
    assert await take(found) == [0, 1, 50, 51]


async def test_what_is_put_back_keeps_its_persons_waiting() -> None:
    found, clock = backlog(2)
    first, second, later = item(0, "ann"), item(1, "bob"), item(2, "ann")
    found.add([first, second])
    batch = await found.take()
    batch.items = [first]
    found.release([second], [first])
    found.later(batch, 5)
    found.add([later])
    assert await take(found) is None
    clock.now_s += 5
    assert await take(found) == [0]
    found.release([first])
    assert await take(found) == [2]


async def test_partitions_take_turns_and_do_not_mix() -> None:
    found, _ = backlog(2)
    found.add([item(0), item(1), item(2), item(3), item(0, partition=1)])
    assert [await take(found), await take(found), await take(found)] == [[0, 1], [0], [2, 3]]


async def test_expected_batches_are_formed_again_as_they_were() -> None:
    found, _ = backlog(4)
    found.expect(0, [1, 3, 4])
    found.expect(0, [6, 7])
    items = [item(0, "ann"), item(1, "ann"), item(2, "bob"), item(3, "cid"), item(4, "dan"), item(5, "eve")]
    found.add(items)
    assert found.expecting
    assert await take(found) == [0, 2, 5]
    assert await take(found) is None  # 1 is behind 0
    found.release(items)
    assert await take(found) == [1, 3, 4]
    more = [item(6, "ann"), item(7, "fay"), item(8, "fay")]
    found.add(more)
    assert not found.expecting
    assert await take(found) is None  # 6 is behind 1
    found.release(items)
    assert await take(found) == [6, 7]
    found.release(more)
    assert await take(found) == [8]


async def test_an_expected_event_that_is_not_sent_any_more_is_left_out() -> None:
    found, _ = backlog(4)
    found.expect(0, [0, 1])
    gone = item(0)
    gone.end = End("discarded", "FILTERED_BY_INTEGRATIONS_OBJECT")
    found.add([gone, item(1), item(2)])
    assert [await take(found), await take(found)] == [[1], [2]]


async def test_a_stop_sends_those_away_who_wait() -> None:
    found, _ = backlog()
    waiting = asyncio.create_task(found.take())
    await asyncio.sleep(0)
    found.stop()
    with pytest.raises(Stopped):
        await asyncio.wait_for(waiting, 60)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_whatever_happens_each_event_ends_once_and_persons_stay_in_order(seed: int, events: int) -> None:
    asyncio.run(_two_lives(random.Random(seed), events))


async def _two_lives(chance: random.Random, events: int) -> None:
    """Play at random, forget all but the batches and the ends of their events, and play on to the end."""
    persons = [chance.choice("abcde") for _ in range(60)]
    sizes = [chance.randint(1, 30) for _ in range(60)]
    limits = {"bytes": chance.choice([25, 1000]), "wait_s": chance.choice([0, 1])}
    ended: set[int] = set()
    formed: list[list[int]] = []
    for steps in (chance.randint(0, 40), 10_000):
        found, clock = backlog(events, **limits)
        cursor = min(set(range(61)) - ended)
        expected = [rest for batch in formed if (rest := [n for n in batch if n >= cursor]) and not ended >= {*batch}]
        for offsets in sorted(expected):
            found.expect(0, offsets)
        items = [item(n, persons[n], size=sizes[n]) for n in range(cursor, 60)]
        for one in items:
            # What had ended above the cursor is known only where the whole batch had.
            if any(one.offset in batch and ended >= {*batch} for batch in formed):
                one.end = DELIVERED
            else:
                ended.discard(one.offset)
        found.add(items)
        batches = await _play(found, clock, chance, steps, ended)
        assert all(batch in batches for batch in expected) or steps < 10_000
        formed += batches
    assert ended == set(range(60))


async def _play(
    found: Backlog, clock: FastClock, chance: random.Random, steps: int, ended: set[int]
) -> list[list[int]]:
    in_flight: list[Batch] = []
    formed: list[list[int]] = []
    last: dict[str, int] = {}
    for _ in range(steps):
        if len(ended) == 60:
            break
        if len(in_flight) < 3 and (batch := await _now(found)):
            offsets = [one.offset for one in batch.items]
            assert offsets == sorted(offsets)
            assert not {one.line for other in in_flight for one in other.items} & {one.line for one in batch.items}
            if batch.tries == 0:
                formed.append(offsets)
            in_flight.append(batch)
            continue
        clock.now_s += 1
        if not in_flight:
            continue
        batch = in_flight.pop(chance.randrange(len(in_flight)))
        batch.tries += 1
        # A person's events in a batch share their fate, as they would at a destination that is down.
        sick = {person for person in "abcde" if chance.random() < 0.3}
        again = [one for one in batch.items if _person(one) in sick]
        done = [one for one in batch.items if one not in again]
        for one in done:
            assert last.get(_person(one), -1) < one.offset
            last[_person(one)] = one.offset
            ended.add(one.offset)
        found.release(done, again)
        if again:
            batch.items = again
            found.later(batch, 1)
    return formed


def _person(found: Item) -> str:
    return found.record.person if found.record else ""


async def _now(found: Backlog) -> Batch | None:
    try:
        async with asyncio.timeout(0):
            return await found.take()
    except TimeoutError:
        return None


@given(st.sets(st.integers(0, 300), min_size=1))
def test_offsets_are_written_in_short_and_read_back(offsets: set[int]) -> None:
    text = write_offsets(sorted(offsets))
    assert read_offsets(text) == sorted(offsets)


def test_offsets_in_short() -> None:
    assert write_offsets([4, 5, 6, 9, 12, 13]) == "4-6,9,12-13"
