"""Send events to a destination once, and say of each what became of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from trackway.delivery.clock import Clock
from trackway.delivery.items import End, Item, Verdict, write_offsets
from trackway.delivery.redact import Redactor
from trackway.delivery.store import Attempt
from trackway.delivery.transport import Transport
from trackway.destinations import kit
from trackway.destinations.destination import Answers, Destination, Exchange, UnreadableAnswer

UNREADABLE = kit.Retry("unreadable_answer")
UNDER_WAY_S = 120.0
"""How long the requests of a late event may take together: a deletion of its person waits for them so long."""


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
        keep: Callable[[], Awaitable[None]],
    ) -> None:
        """`record` gets a row for each request, when its end is known.

        `own_fault` is asked when the credentials or the address were refused: whether this event is why. `keep` writes
        what the destination has to keep.
        """
        self._destination = destination
        self._transport = transport
        self._clock = clock
        self._redactor = redactor
        self._record = record
        self._own_fault = own_fault
        self._keep = keep
        self._shared: dict[str, asyncio.Future[kit.Answer]] = {}

    async def send(self, items: list[Item], *, first: bool = False) -> list[Verdict] | None:
        """Send what is left of each item and return a verdict per item, in order; None: all of them are delivered.

        `first` says that none of them was sent before.

        An item's `rows` shrink to those that are to be sent again. An item of several rows is to be tried again when
        one of them is; else rejected when one ever was; else delivered.
        """
        if first and len(items) == 1 and len(items[0].rows) == 1:
            one = await self._lone(items[0])
            if one is None:
                return None
            sent = [one]
        else:
            sent = [await self._exchange(part) for part in _by_route(items)]
        if all(one.delivered for one in sent) and (first or not any(item.refused for item in items)):
            return None
        return _verdicts(items, sent)

    async def send_late(self, items: list[Item]) -> list[Verdict] | None:
        """Send parked or replayed events like `send`, in a bounded time: those of an exchange may be many."""
        try:
            async with asyncio.timeout(UNDER_WAY_S):
                return await self.send(items)
        except TimeoutError:
            return [Verdict(kit.Retry("ETIMEDOUT"))] * len(items)

    def end(self, outcome: str, verdict: Verdict) -> End:
        """Return the end of an event that was not delivered, with excerpts for people, free of secrets."""
        found = verdict.outcome
        reason = "" if isinstance(found, kit.Delivered) else found.reason
        detail = "" if isinstance(found, kit.Delivered) else found.detail
        if verdict.request is None or verdict.row is None:
            return End(outcome, reason, self._redactor.text(detail))
        detail = self._redactor.detail(detail, verdict.request)
        request = self._redactor.request(verdict.request, bytes(verdict.row.value))
        answer = self._redactor.answer(verdict.answer.body, verdict.request) if verdict.answer else ""
        return End(outcome, reason, detail, request, answer)

    async def _lone(self, item: Item) -> "_Sent | None":
        """Send an event that is one row; None: by one request, with success, as nearly always."""
        row = item.rows[0]
        part = _Part([row], [item])
        request = self._destination.lone(row)
        if request is None:
            return await self._exchange(part)
        started_ms, started_s = self._clock.now_ms(), self._clock.monotonic()
        got = await self._transport.send(request)
        if not isinstance(got, kit.Response) or not self._destination.took(got):
            return await self._exchange(part, _Asked(started_ms, started_s, got))
        duration_ms = round((self._clock.monotonic() - started_s) * 1000)
        told = self._redactor.answer(got.body, request) if got.body else ""
        partition, offset, key = item.partition, item.offset, kit.idempotency_key((row.message_id,))
        self._record(
            Attempt(started_ms, duration_ms, got.status, "delivered", "", told, 1, partition, offset, offset, None, key)
        )
        return None

    async def _exchange(self, part: "_Part", asked: "_Asked | None" = None) -> "_Sent":
        """Return an outcome per row, with the request and the answer that decided about it.

        `asked`: the first request has been answered already.
        """
        rows, items = part.rows, part.items
        answers: Answers = {}
        steps = self._destination.exchange(rows, answers)
        key, place = "", None
        try:
            request = next(steps)
        except StopIteration as done:
            return _Sent(part, done.value, _all_delivered(done.value), None, None, answers)
        while True:
            started_ms, started_s = self._clock.now_ms(), self._clock.monotonic()
            had: kit.Answer | None = None
            if asked is not None:
                (started_ms, started_s, had), asked = asked, None
            asks = not request.shared or request.shared not in self._shared
            if request.shared:
                got, following, outcomes = await self._share(steps, request, len(rows))
            else:
                got = had if had is not None else await self._transport.send(request)
                following, outcomes = _step(steps, got, len(rows))
            duration_ms = round((self._clock.monotonic() - started_s) * 1000)
            answer = got if isinstance(got, kit.Response) else None
            key = key or kit.idempotency_key([row.message_id for row in rows])
            place = place or _span(items)
            if delivered := _all_delivered(outcomes):
                outcome, reason = "delivered", ""
            else:
                outcomes = self._excused(outcomes, items)
                outcome, reason = _summary(outcomes)
            if asks:
                self._record(
                    Attempt(
                        started_ms=started_ms,
                        duration_ms=duration_ms,
                        status=answer.status if answer else None,
                        outcome=outcome,
                        reason=reason,
                        answer=self._told(got, request),
                        count=place.events,
                        partition=place.partition,
                        first_offset=place.first,
                        last_offset=place.last,
                        offsets=place.offsets,
                        idempotency_key=key,
                    )
                )
            if following is None:
                return _Sent(part, outcomes, delivered, request, answer, answers)
            request = following

    async def _share(self, steps: Exchange, request: kit.Request, count: int) -> "_Shared":
        """Ask what others may be asking for, too: once for all; what the answer hands out is on disk before it is used.

        A vendor that takes each refresh token once would refuse the second of two requests with the same.
        """
        asked = self._shared.get(request.shared)
        if asked is not None:
            got = await asyncio.shield(asked)
            return _Shared(got, *_step(steps, got, count))
        asked = self._shared[request.shared] = asyncio.get_running_loop().create_future()
        got: kit.Answer = kit.Retry("ECONNRESET")
        try:
            got = await self._transport.send(request)
            found = _Shared(got, *_step(steps, got, count))
            if self._destination.kept.changed:
                await self._keep()
            return found
        finally:
            del self._shared[request.shared]
            asked.set_result(got)

    def _told(self, got: kit.Response | kit.Retry | kit.Rejected, request: kit.Request) -> str:
        """Return what is kept of an answer, or why there was none; free of secrets."""
        if not isinstance(got, kit.Response):
            return self._redactor.note(got.detail) if got.detail else ""
        return self._redactor.answer(got.body, request) if got.body else ""

    def _excused(self, outcomes: Sequence[kit.Outcome], items: Sequence[Item]) -> Sequence[kit.Outcome]:
        """Return `outcomes` where events wait for other settings instead of failing one by one."""
        if not any(_refuses(outcome) for outcome in outcomes):
            return outcomes
        return [
            kit.Retry(outcome.reason, detail=outcome.detail if outcome.reason == NOT_ALLOWED else "")
            if isinstance(outcome, kit.Rejected) and _refuses(outcome) and not self._own_fault(item)
            else outcome
            for outcome, item in zip(outcomes, items, strict=True)
        ]


CREDENTIALS = frozenset({"401", "403", "token_refused"})
"""Reasons that say that the destination refuses who asks, not what it is asked."""
NOT_ALLOWED = "address_not_allowed"
SETTINGS = CREDENTIALS | {NOT_ALLOWED}
"""Reasons that say that somebody has to correct the settings, or what they name."""


def _refuses(outcome: kit.Outcome) -> bool:
    return isinstance(outcome, kit.Rejected) and outcome.reason in SETTINGS


_DELIVERED = Verdict(kit.Delivered())
_RANK: dict[type[kit.Outcome], int] = {kit.Delivered: 0, kit.Rejected: 1, kit.Retry: 2}


class _Part(NamedTuple):
    """The rows of one route, and the item of each."""

    rows: list[kit.Row]
    items: list[Item]


class _Sent(NamedTuple):
    """A part with what became of it."""

    part: _Part
    outcomes: Sequence[kit.Outcome]
    delivered: bool
    """All of them are."""
    request: kit.Request | None
    """The last one, as is the answer."""
    answer: kit.Response | None
    answers: Answers


class _Asked(NamedTuple):
    """A request that was made, when, and what came of it."""

    started_ms: int
    started_s: float
    got: kit.Answer


class _Shared(NamedTuple):
    """An answer, and what an exchange makes of it."""

    got: kit.Answer
    following: kit.Request | None
    outcomes: Sequence[kit.Outcome]


class _Span(NamedTuple):
    """Where items stand in the log."""

    events: int
    partition: int
    first: int
    last: int
    offsets: str | None
    """None: all from `first` to `last`."""


def _by_route(items: Sequence[Item]) -> list[_Part]:
    """Return the items' rows, those of one route together, in order."""
    if len(items) == 1 and len(items[0].rows) == 1:
        return [_Part([items[0].rows[0]], [items[0]])]
    rows = [item.rows[0] for item in items if len(item.rows) == 1]
    if len(rows) == len(items) and len({row.route for row in rows}) == 1:  # nearly always
        return [_Part(rows, list(items))]
    routes: dict[str, _Part] = {}
    for item in items:
        for row in item.rows:
            part = routes.get(row.route)
            if part is None:
                part = routes[row.route] = _Part([], [])
            part.rows.append(row)
            part.items.append(item)
    return list(routes.values())


def _all_delivered(outcomes: Sequence[kit.Outcome]) -> bool:
    # Mostly it is one object many times over, which counts faster than it can be asked.
    return bool(outcomes) and type(outcomes[0]) is kit.Delivered and outcomes.count(outcomes[0]) == len(outcomes)


def _verdicts(items: Sequence[Item], sent: Sequence[_Sent]) -> list[Verdict]:
    """Return a verdict per item, and leave in each item the rows that are to be sent again."""
    verdicts = {item.offset: item.refused or _DELIVERED for item in items}
    for part, outcomes, _, last_request, last_answer, answers in sent:
        for row, item, outcome in zip(*part, outcomes, strict=True):
            request, answer = answers.get(id(row)) or (last_request, last_answer)
            if not isinstance(outcome, kit.Retry):
                item.rows = [left for left in item.rows if left is not row]
            if _RANK[type(outcome)] > _RANK[type(verdicts[item.offset].outcome)]:
                verdicts[item.offset] = Verdict(outcome, row, request, answer)
            if isinstance(outcome, kit.Rejected):
                item.refused = item.refused or Verdict(outcome, row, request, answer)
    return list(verdicts.values())


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


def _summary(outcomes: Sequence[kit.Outcome]) -> tuple[str, str]:
    """Return an attempt's outcome and reason: those of its rows, if they agree; not for one that delivered all."""
    if not outcomes:
        return "continued", ""
    first = outcomes[0]
    if isinstance(first, kit.Delivered):
        return "partial", ""
    if any(type(outcome) is not type(first) for outcome in outcomes):
        return "partial", ""
    return type(first).__name__.lower(), first.reason


def _span(items: list[Item]) -> _Span:
    """Return where an attempt's events stand in the log; an item with several rows is there several times."""
    if len(items) == 1:
        return _Span(1, items[0].partition, items[0].offset, items[0].offset, None)
    offsets = list(dict.fromkeys([item.offset for item in items]))
    first, last = offsets[0], offsets[-1]
    written = None if last - first < len(offsets) else write_offsets(offsets)
    return _Span(len(offsets), items[0].partition, first, last, written)
