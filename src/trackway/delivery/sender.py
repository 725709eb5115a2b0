"""Send events to a destination once, and say of each what became of it."""

from collections.abc import Callable, Sequence
from typing import Any

from trackway.delivery.clock import Clock
from trackway.delivery.items import End, Item, Verdict, write_offsets
from trackway.delivery.redact import Redactor
from trackway.delivery.transport import Transport
from trackway.destinations import kit
from trackway.destinations.destination import Destination, Exchange, UnreadableAnswer

Attempt = dict[str, Any]
"""A row for the table of attempts, without the destination."""

UNREADABLE = kit.Retry("unreadable_answer")


class Sender:
    """Carries out a destination's exchanges."""

    def __init__(
        self,
        destination: Destination,
        transport: Transport,
        clock: Clock,
        redactor: Redactor,
        record: Callable[[Attempt], None],
        own_fault: Callable[[Item], bool],
    ) -> None:
        """`record` gets a row for each request, when its end is known.

        `own_fault` is asked when the credentials were refused: whether that is for something in this event.
        """
        self._destination = destination
        self._transport = transport
        self._clock = clock
        self._redactor = redactor
        self._record = record
        self._own_fault = own_fault

    async def send(self, items: Sequence[Item]) -> list[Verdict]:
        """Send what is left of each item and return a verdict per item, in order.

        An item's `rows` shrink to those that are to be sent again. An item of several rows is to be tried again when
        one of them is; else rejected when one ever was; else delivered.
        """
        verdicts = [item.refused or _DELIVERED for item in items]
        for places in _by_route(items):
            rows = [row for _, row in places]
            outcomes, request, answer = await self._exchange(rows, [items[index] for index, _ in places])
            for (index, row), outcome in zip(places, outcomes, strict=True):
                item = items[index]
                if not isinstance(outcome, kit.Retry):
                    item.rows = [left for left in item.rows if left is not row]
                if _RANK[type(outcome)] > _RANK[type(verdicts[index].outcome)]:
                    verdicts[index] = Verdict(outcome, row, request, answer)
                if isinstance(outcome, kit.Rejected):
                    item.refused = item.refused or Verdict(outcome, row, request, answer)
        return verdicts

    def end(self, outcome: str, verdict: Verdict) -> End:
        """Return the end of an event that was not delivered, with excerpts for people, free of secrets."""
        found = verdict.outcome
        reason = "" if isinstance(found, kit.Delivered) else found.reason
        detail = self._redactor.text(found.detail) if isinstance(found, kit.Rejected) else ""
        if verdict.request is None or verdict.row is None:
            return End(outcome, reason, detail)
        request = self._redactor.request(verdict.request, bytes(verdict.row.value))
        answer = self._redactor.answer(verdict.answer.body, verdict.request) if verdict.answer else ""
        return End(outcome, reason, detail, request, answer)

    async def _exchange(
        self, rows: list[kit.Row], items: list[Item]
    ) -> tuple[Sequence[kit.Outcome], kit.Request | None, kit.Response | None]:
        """Return an outcome per row, and the last request and answer."""
        steps = self._destination.exchange(rows)
        try:
            request = next(steps)
        except StopIteration as done:
            return done.value, None, None
        while True:
            started_ms, started_s = self._clock.now_ms(), self._clock.monotonic()
            got = await self._transport.send(request)
            duration_ms = round((self._clock.monotonic() - started_s) * 1000)
            following, outcomes = _step(steps, got, len(rows))
            outcomes = self._excused(outcomes, items)
            answer = got if isinstance(got, kit.Response) else None
            self._record(
                {
                    "started_ms": started_ms,
                    "duration_ms": duration_ms,
                    "status": answer.status if answer else None,
                    "answer": self._redactor.answer(answer.body, request) if answer else "",
                    "idempotency_key": kit.idempotency_key([row.event for row in rows]),
                    **_summary(outcomes),
                    **_place(items),
                }
            )
            if following is None:
                return outcomes, request, answer
            request = following

    def _excused(self, outcomes: Sequence[kit.Outcome], items: Sequence[Item]) -> Sequence[kit.Outcome]:
        """Return `outcomes` where events wait for other credentials instead of failing one by one."""
        if not any(_refuses(outcome) for outcome in outcomes):
            return outcomes
        return [
            kit.Retry(outcome.reason)
            if isinstance(outcome, kit.Rejected) and _refuses(outcome) and not self._own_fault(item)
            else outcome
            for outcome, item in zip(outcomes, items, strict=True)
        ]


CREDENTIALS = frozenset({"401", "403", "token_refused"})
"""Reasons that say that the destination refuses who asks, not what it is asked."""


def _refuses(outcome: kit.Outcome) -> bool:
    return isinstance(outcome, kit.Rejected) and outcome.reason in CREDENTIALS


_DELIVERED = Verdict(kit.Delivered())
_RANK: dict[type[kit.Outcome], int] = {kit.Delivered: 0, kit.Rejected: 1, kit.Retry: 2}


def _by_route(items: Sequence[Item]) -> list[list[tuple[int, kit.Row]]]:
    """Return the items' rows with the items' indexes, those of one route together, in order."""
    routes: dict[str, list[tuple[int, kit.Row]]] = {}
    for index, item in enumerate(items):
        for row in item.rows:
            routes.setdefault(row.route, []).append((index, row))
    return list(routes.values())


def _step(
    steps: Exchange, got: kit.Response | kit.Retry | kit.Rejected, count: int
) -> tuple[kit.Request | None, Sequence[kit.Outcome]]:
    """Return the request that follows in an exchange, or None and the outcomes."""
    try:
        return steps.send(got), ()
    except StopIteration as done:
        return None, done.value
    except UnreadableAnswer:
        return None, [UNREADABLE] * count


def _summary(outcomes: Sequence[kit.Outcome]) -> Attempt:
    """Return an attempt's outcome and reason: those of its rows, if they agree."""
    if not outcomes:
        return {"outcome": "continued", "reason": ""}
    first = outcomes[0]
    if len(outcomes) > 1 and any(type(outcome) is not type(first) for outcome in outcomes):
        return {"outcome": "partial", "reason": ""}
    return {"outcome": type(first).__name__.lower(), "reason": "" if isinstance(first, kit.Delivered) else first.reason}


def _place(items: list[Item]) -> Attempt:
    """Return where an attempt's events stand in the log."""
    first, last = items[0].offset, items[-1].offset
    offsets = None if last - first < len(items) else write_offsets([item.offset for item in items])
    return {
        "count": len(items),
        "partition": items[0].partition,
        "first_offset": first,
        "last_offset": last,
        "offsets": offsets,
    }
