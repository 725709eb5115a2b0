"""How rows become requests: one after the other where they share none, in halves where one spoilt the rest."""

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.destination import MOST_DIVIDED, Destination, Exchange, UnreadableAnswer

Answerer = Callable[[list[int]], kit.Response | kit.Retry | kit.Rejected]
OK = kit.Response(status=200)


class Settings(Struct):
    """None."""


def destination(**more: Any) -> Destination:
    def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
        return kit.Request(method="POST", url="https://x.example/", json=[row.json for row in rows])

    module = {"NAME": "X", "LIMITS": kit.Limits(events=100), "request": request} | more
    return Destination("x", cast("Any", SimpleNamespace(**module)), Settings())


def rows(count: int) -> list[kit.Row]:
    return [kit.Row.of(kit.Event.from_json(b"{}"), number) for number in range(count)]


def carry_out(exchange: Exchange, answer: Answerer) -> tuple[list[list[int]], list[kit.Outcome]]:
    """Return what was sent, request by request, and what became of each row."""
    sent: list[list[int]] = []
    try:
        request = next(exchange)
        while True:
            sent.append(cast("list[int]", request.json))
            request = exchange.send(answer(sent[-1]))
    except StopIteration as done:
        return sent, done.value


def test_rows_go_together() -> None:
    assert carry_out(destination().exchange(rows(3)), lambda _: OK) == ([[0, 1, 2]], [kit.Delivered()] * 3)


def test_one_event_of_many_rows_makes_no_request_above_the_limit() -> None:
    for most in (1, 2):
        sent, outcomes = carry_out(destination(LIMITS=kit.Limits(events=most)).exchange(rows(3)), lambda _: OK)
        assert sent == ([[0], [1], [2]] if most == 1 else [[0, 1], [2]])
        assert outcomes == [kit.Delivered()] * 3


def test_a_route_may_take_fewer_at_a_time() -> None:
    sent, outcomes = carry_out(destination(rows_together=lambda settings, route: 2).exchange(rows(5)), lambda _: OK)
    assert sent == [[0, 1], [2, 3], [4]]
    assert outcomes == [kit.Delivered()] * 5


PAGES = [b"<html><body>Sign in</body></html>", b"\n <!DOCTYPE html>\n<html>"]


@pytest.mark.parametrize("page", PAGES)
def test_a_web_page_is_no_word_of_the_vendors(page: bytes) -> None:
    judged: list[kit.Response] = []

    def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
        judged.append(response)
        return kit.by_status(response, count=count)

    answer = kit.Response(status=200, body=page)
    _, outcomes = carry_out(destination(judge=judge).exchange(rows(2)), lambda _: answer)
    assert (outcomes, judged) == ([kit.Retry("unreadable_answer")] * 2, [])
    refused = kit.Response(status=404, body=page)
    _, outcomes = carry_out(destination(judge=judge).exchange(rows(1)), lambda _: refused)
    assert isinstance(outcomes[0], kit.Rejected)
    _, outcomes = carry_out(destination(PAGES_COUNT=True).exchange(rows(2)), lambda _: answer)
    assert outcomes == [kit.Delivered()] * 2


@pytest.mark.parametrize("failure", [kit.Response(status=503), kit.Retry("503")])
def test_what_follows_a_failure_waits_and_what_was_before_it_does_not(failure: Any) -> None:
    few = destination(rows_together=lambda settings, route: 2)
    sent, outcomes = carry_out(few.exchange(rows(6)), lambda one: failure if 2 in one else OK)
    assert sent == [[0, 1], [2, 3]]
    assert outcomes == [kit.Delivered()] * 2 + [kit.Retry("503")] * 4


def test_an_unreadable_answer_does_not_undo_what_was_delivered() -> None:
    def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
        return [kit.Delivered()] * (count if response.body == b"" else 0)

    few = destination(rows_together=lambda settings, route: 1, judge=judge)
    answer = kit.Response(status=200, body=b"?")
    sent, outcomes = carry_out(few.exchange(rows(3)), lambda one: answer if one == [1] else OK)
    assert sent == [[0], [1]]
    assert outcomes == [kit.Delivered(), kit.Retry("unreadable_answer"), kit.Retry("unreadable_answer")]
    with pytest.raises(UnreadableAnswer):
        carry_out(few.exchange(rows(3)), lambda one: answer)


@settings(max_examples=50)
@given(st.integers(1, 40), st.integers(1, 10))
def test_too_large_requests_are_halved_until_they_fit(count: int, most: int) -> None:
    too_large = kit.Response(status=413)
    sent, outcomes = carry_out(destination().exchange(rows(count)), lambda one: too_large if len(one) > most else OK)
    fitting = [one for one in sent if len(one) <= most]
    assert [number for one in fitting for number in one] == list(range(count))
    assert outcomes == [kit.Delivered()] * count


def test_a_single_row_that_is_too_large_is_rejected() -> None:
    sent, outcomes = carry_out(destination().exchange(rows(1)), lambda _: kit.Response(status=413))
    assert (len(sent), outcomes) == (1, [kit.Rejected("413")])


@settings(max_examples=50)
@given(st.integers(1, 40).flatmap(lambda count: st.tuples(st.just(count), st.sets(st.integers(0, count - 1)))))
def test_the_rows_that_spoil_a_request_are_found_and_the_others_delivered(case: tuple[int, set[int]]) -> None:
    count, bad = case

    def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
        if response.status == 400:
            raise kit.Divide
        return kit.by_status(response, count=count)

    spoilt = kit.Response(status=400)
    found = destination(judge=judge).exchange(rows(count))
    sent, outcomes = carry_out(found, lambda one: spoilt if bad & set(one) else OK)
    assert {number for number, outcome in enumerate(outcomes) if isinstance(outcome, kit.Rejected)} == bad
    assert len(outcomes) == count
    assert len(sent) <= 1 + 2 * len(bad) * (1 + math.ceil(math.log2(count)))


@settings(max_examples=50)
@given(
    st.integers(2, 40).flatmap(lambda count: st.tuples(st.just(count), st.sets(st.integers(0, count - 1)))),
    st.sampled_from([400, 413, 422]),
)
def test_without_a_judge_only_the_refused_rows_fail(case: tuple[int, set[int]], status: int) -> None:
    count, bad = case
    refused = kit.Response(status=status, body=b"no")
    sent, outcomes = carry_out(destination().exchange(rows(count)), lambda one: refused if bad & set(one) else OK)
    assert outcomes == [kit.Rejected(str(status), "no") if n in bad else kit.Delivered() for n in range(count)]
    taken = [number for one in sent if not bad & set(one) for number in one]
    assert taken == [number for number in range(count) if number not in bad]
    assert len(sent) <= 1 + 2 * len(bad) * (1 + math.ceil(math.log2(count)))


def test_a_server_that_refuses_everything_gets_a_bounded_number_of_requests() -> None:
    refused = kit.Response(status=400, body=b"no")
    many = destination(LIMITS=kit.Limits(events=1000))
    sent, outcomes = carry_out(many.exchange(rows(1000)), lambda _: refused)
    assert len(sent) == 1 + 2 * MOST_DIVIDED
    assert {cast("kit.Rejected", outcome).reason for outcome in outcomes} == {"400"}
    # Which of the many is at fault is not known, and each says so.
    assert "did not tell which: no" in cast("kit.Rejected", outcomes[-1]).detail


def test_the_second_half_waits_when_the_first_one_gets_no_answer() -> None:
    def answer(one: list[int]) -> kit.Response | kit.Retry:
        return kit.Response(status=400) if len(one) == 6 else kit.Retry("ECONNRESET")

    sent, outcomes = carry_out(destination().exchange(rows(6)), answer)
    assert sent == [[0, 1, 2, 3, 4, 5], [0, 1, 2]]
    assert outcomes == [kit.Retry("ECONNRESET")] * 6


@settings(max_examples=50)
@given(st.integers(1, 20).flatmap(lambda count: st.tuples(st.just(count), st.sets(st.integers(0, count - 1)))))
def test_rows_that_stand_apart_wait_and_the_others_are_sent_again_at_once(case: tuple[int, set[int]]) -> None:
    count, busy = case
    answer = {"now": list[int]()}

    def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
        if response.status == 429:
            raise kit.Apart({place: kit.Retry("throttled", 30.0) for place in answer["now"]})
        return kit.by_status(response, count=count)

    def answered(sent: list[int]) -> kit.Response:
        answer["now"] = [place for place, number in enumerate(sent) if number in busy]
        return kit.Response(status=429) if answer["now"] else OK

    sent, outcomes = carry_out(destination(judge=judge).exchange(rows(count)), answered)
    others = [number for number in range(count) if number not in busy]
    assert sent == [list(range(count))] + ([others] if busy and others else [])
    assert outcomes == [kit.Retry("throttled", 30.0) if n in busy else kit.Delivered() for n in range(count)]


def test_an_answer_about_rows_that_were_not_sent_is_unreadable() -> None:
    def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
        raise kit.Apart({7: kit.Retry("throttled")})

    with pytest.raises(UnreadableAnswer):
        carry_out(destination(judge=judge).exchange(rows(2)), lambda _: OK)


def test_a_destination_may_ask_before_it_writes_and_remember_the_answer() -> None:
    def exchange(settings: Settings, found: Sequence[kit.Row], cache: kit.Cache) -> Exchange:
        if cache.get("id") is None:
            answer = yield kit.Request(method="GET", url="https://x.example/id", json="ask")
            if not isinstance(answer, kit.Response):
                return [answer] * len(found)
            cache.put("id", answer.body, seconds=60)
        answer = yield kit.Request(method="POST", url="https://x.example/", json=[row.json for row in found])
        assert isinstance(answer, kit.Response)
        return kit.by_status(answer, count=len(found))

    asking = destination(exchange=exchange)
    assert carry_out(asking.exchange(rows(2)), lambda _: kit.Retry("timeout")) == (["ask"], [kit.Retry("timeout")] * 2)
    assert carry_out(asking.exchange(rows(1)), lambda _: OK)[0] == ["ask", [0]]
    assert carry_out(asking.exchange(rows(1)), lambda _: OK)[0] == [[0]]


def test_a_row_that_was_rejected_is_not_sent() -> None:
    refused = kit.Rejected("invalid_field", "why")
    row = kit.Row(message_id="m-1", value=rows(1)[0].value, route="rejected", rejected=refused)
    assert carry_out(destination().exchange([row]), lambda _: OK) == ([], [refused])


def test_what_is_remembered_ends() -> None:
    now = [0.0]
    cache = kit.Cache(lambda: now[0])
    cache.put("a", 1, seconds=10)
    now[0] = 9.9
    assert cache.get("a") == 1
    now[0] = 10
    assert cache.get("a") is None
    cache.put("b", 2, seconds=10)
    cache.drop("b")
    assert cache.get("b") is None


def test_what_is_remembered_is_bounded() -> None:
    cache = kit.Cache(lambda: 0.0)
    for number in range(cache.MOST + 5):
        cache.put(str(number), number, seconds=1)
    assert cache.get("4") is None
    assert cache.get("5") == 5
