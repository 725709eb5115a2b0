"""One event in one request goes a short way; what becomes of it, and what is written down, is the same."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec import Struct

from tests.delivery.harness import Answer, FakeTransport, FastClock
from trackway.delivery.items import Item, Verdict
from trackway.delivery.redact import Redactor
from trackway.delivery.sender import Sender
from trackway.delivery.store import Attempt
from trackway.destinations import kit
from trackway.destinations.destination import Destination

PAGE = kit.Response(status=200, body=b"<!DOCTYPE html><p>sign in</p>")
ANSWERS: list[Answer] = [
    kit.Response(status=200, body=b"ok"),
    kit.Response(status=204),
    kit.Response(status=200, body=b'{"echo": "Bearer token-1"}'),
    PAGE,
    *(kit.Response(status=status, body=b"told: token-1") for status in (302, 400, 401, 404, 413, 422, 429, 500)),
    kit.Retry("ETIMEDOUT"),
    kit.Rejected("address_not_allowed", "10.0.0.1: no"),
]


class Settings(Struct):
    """None."""


def usual(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    headers = {"Authorization": "Bearer token-1"}
    return kit.Request(method="POST", url="https://x.example/", headers=headers, body=bytes(rows[0].value))


def broken(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    raise LookupError("no such thing")


def no_request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    return cast("kit.Request", "POST")


def shared(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    headers = {"Authorization": "Bearer token-1"}
    return kit.Request(method="POST", url="https://x.example/", headers=headers, body=b"[]", shared="all")


def judging(outcome: Callable[[kit.Response], list[kit.Outcome]]) -> dict[str, Any]:
    return {"request": usual, "judge": lambda response, *, count: outcome(response)}


def divides(response: kit.Response) -> list[kit.Outcome]:
    raise kit.Divide


def apart(response: kit.Response) -> list[kit.Outcome]:
    raise kit.Apart({0: kit.Rejected("odd")})


def cannot(response: kit.Response) -> list[kit.Outcome]:
    raise KeyError("status")


MODULES: dict[str, dict[str, Any]] = {
    "usual": {"request": usual},
    "pages count": {"request": usual, "PAGES_COUNT": True},
    "broken": {"request": broken},
    "no request": {"request": no_request},
    "shared": {"request": shared},
    "delivered": judging(lambda _: [kit.Delivered()]),
    "refused": judging(lambda _: [kit.Rejected("bad", "why: token-1")]),
    "too many": judging(lambda _: [kit.Delivered(), kit.Delivered()]),
    "none": judging(lambda _: []),
    "divides": judging(divides),
    "apart": judging(apart),
    "cannot judge": judging(cannot),
}


async def sent(module: dict[str, Any], answer: Answer, *, first: bool) -> tuple[list[Verdict], list[Attempt]]:
    """Return what became of an event, and the requests that were written down."""
    made = SimpleNamespace(NAME="X", LIMITS=kit.Limits(), **module)
    destination = Destination("x", cast("Any", made), Settings())
    found: list[Attempt] = []

    async def keep() -> None:
        """Nothing is kept."""

    class Network(FakeTransport):
        async def send(self, request: kit.Request) -> Answer:
            self.requests.append(request)
            return answer

    network = Network()
    sender = Sender(destination, network, FastClock(), Redactor(["s3cr3t"]), found.append, lambda item: True, keep)
    item = Item(0, 7, rows=[kit.Row.of(kit.Event.from_json(b'{"messageId": "m"}'), 1)])
    verdicts = await sender.send([item], first=first)
    assert len(network.requests) == len(found) <= 1
    assert verdicts is None or item.rows == ([] if not isinstance(verdicts[0].outcome, kit.Retry) else item.rows[:1])
    return verdicts or [], found


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES.keys())
@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
async def test_both_ways_end_alike(module: dict[str, Any], answer: Answer) -> None:
    short, long = [await sent(module, answer, first=first) for first in (True, False)]
    assert [verdict.outcome for verdict in short[0]] == [verdict.outcome for verdict in long[0]]
    assert [verdict.answer for verdict in short[0]] == [verdict.answer for verdict in long[0]]
    assert short[1] == long[1]
    assert "token-1" not in repr(short[1])
