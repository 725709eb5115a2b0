"""Has destinations delete people: each after all that was on its way to it, and until the vendor has taken it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Engine, and_, exists, or_, select
from sqlalchemy.exc import SQLAlchemyError

from trackway.delivery.breaker import Backoff
from trackway.delivery.clock import Clock, SystemClock
from trackway.delivery.deletion import orders
from trackway.delivery.deletion.orders import Due, Heads
from trackway.delivery.kept_secrets import KeptSecrets
from trackway.delivery.proxies import environment_proxies
from trackway.delivery.redact import Redactor
from trackway.delivery.sender import SETTINGS, UNDER_WAY_S
from trackway.delivery.transport import HttpTransport, Transport
from trackway.destinations import kit, registry
from trackway.destinations.destination import Destination, UnreadableAnswer
from trackway.errors import TrackwayError
from trackway.events.records import EVENTS
from trackway.log.contract import EventLog
from trackway.state.tables import cursors, deferred, replays, retries
from trackway.workspace.model import Workspace

GRACE_S = 2.0
LOOK_EVERY_S = 1.0
SETTLE_S = 5.0
"""How long the pipeline may take to know of a suppressed person; what it let through until then goes first."""
BEHIND_S = 2.0
"""How soon it is looked again whether earlier events have arrived."""
LONGEST_PAUSE_S = 3600.0
LATE_S = UNDER_WAY_S + 5.0
"""How long after a deletion was asked for a late event of before may still be on its way, and its end unknown."""
GIVE_UP_S = 30 * 86_400.0
"""As long as the law gives: a month."""
_MOST = 1000
_TRIES = Backoff(base_s=5.0, cap_s=LONGEST_PAUSE_S)
_log = logging.getLogger("trackway.deletion")


class _Course(Struct):
    """What happened while a deletion was carried out."""

    outcome: kit.Outcome | kit.Skipped = kit.Delivered()
    requests: int = 0
    status: int | None = None
    answer: str = ""


class DeletionService:
    """Looks for deletions in the state database and carries them out. `workspace` may change while it runs."""

    def __init__(
        self,
        workspace: Workspace,
        log: EventLog,
        engine: Engine,
        *,
        clock: Clock | None = None,
        tries: Backoff = _TRIES,
        transport: Callable[[Destination], Transport] | None = None,
    ) -> None:
        """`log` is the clean log."""
        self.workspace = workspace
        self._log = log
        self._engine = engine
        self._clock = clock or SystemClock()
        self._tries = tries
        self._transport = transport or self._http
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for deletions; those that a restart interrupted are asked for once more."""
        self._task = asyncio.create_task(self._look())

    async def stop(self, *, grace_s: float = GRACE_S) -> None:
        """Stop; requests under way have `grace_s` to end, and are made again at the next start if they do not."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        tasks = list(self._running.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _look(self) -> None:
        while not self._stopping.is_set():
            # Before the look: what one that ends meanwhile had in hand may still stand in its result.
            self._running = {key: task for key, task in self._running.items() if not task.done()}
            try:
                found = await asyncio.to_thread(orders.due, self._engine, self._clock.now_ms(), most=_MOST)
            except SQLAlchemyError:
                _log.exception("the deletions cannot be read; trying again")
                found = []
            for key in {one.destination for one in found} - self._running.keys():
                mine = [one for one in found if one.destination == key]
                self._running[key] = asyncio.create_task(self._work(key, mine))
            await self._clock.wait(self._stopping, LOOK_EVERY_S)

    async def _work(self, key: str, due: Sequence[Due]) -> None:
        """Carry out what is due at one destination, one after the other; trouble there costs no other destination."""
        try:
            if key not in self.workspace.destinations:
                for one in due:
                    await self._end(one, "failed", "destination_gone", "it is not in trackway.yaml any more")
                return
            ready = [one for one in due if not await self._must_wait(one)]
            if not ready:
                return
            destination = self._load(key)
            transport = self._transport(destination)
            try:
                for one in ready:
                    if not self._stopping.is_set():
                        await self._settle(one, await self._carry_out(destination, transport, one))
            finally:
                await transport.close()
        except TrackwayError as error:
            for one in due:
                await self._again(one, "invalid_settings", str(error))
        except Exception:  # noqa: BLE001  the outermost loop of a worker
            _log.exception("deletions at %s broke; they are tried again", key)
            for one in due:
                await self._again(one, "broken", "see the server's log")

    async def _must_wait(self, one: Due) -> bool:
        """Put a deletion off while events that may be the person's are still on their way to the destination."""
        heads = one.heads
        if heads is None:
            settled_ms = one.since_ms + round(SETTLE_S * 1000)
            if self._clock.now_ms() < settled_ms:
                await self._note(one, next_at_ms=settled_ms)
                return True
            heads = await asyncio.to_thread(self._log.heads, EVENTS)
            await self._note(one, heads=heads)
        if not self.workspace.destinations[one.destination].enabled:
            return False
        in_time = self._clock.now_ms() >= one.since_ms + round(LATE_S * 1000)
        if not await asyncio.to_thread(self._is_behind, one.destination, one.person, heads) and (
            in_time or not await asyncio.to_thread(self._has_late, one.destination)
        ):
            return False
        next_at_ms = self._clock.now_ms() + round(BEHIND_S * 1000)
        await self._note(
            one, reason="events_first", detail="earlier events have not arrived yet", next_at_ms=next_at_ms
        )
        return True

    def _is_behind(self, destination: str, person: kit.Person, heads: Heads) -> bool:
        mine = select(cursors.c.partition, cursors.c.next_offset).where(
            cursors.c.destination == destination, cursors.c.topic == EVENTS
        )
        # What the cursor has passed already is only looked at for this person: others may have thousands.
        ids = [person.user_id, *person.anonymous_ids]
        with self._engine.connect() as connection:
            stand = {row.partition: row.next_offset for row in connection.execute(mine)}
            for partition, head in heads.items():
                late = exists().where(
                    deferred.c.destination == destination,
                    deferred.c.partition == partition,
                    deferred.c.person.in_(ids),
                    deferred.c.offset < head,
                )
                if connection.execute(select(late)).scalar():
                    return True
        if not stand:
            return False  # it has never run
        starts = self._log.starts(EVENTS)
        return any(stand.get(partition, starts.get(partition, 0)) < head for partition, head in heads.items())

    def _has_late(self, destination: str) -> bool:
        """Say whether there are events beside the destination's turn that may be under way: parked or replayed ones.

        Whose they are is not asked: they were let go before the deletion was known, and there are few.
        """
        own = or_(
            retries.c.destination == destination, retries.c.destination.startswith(f"{destination}#", autoescape=True)
        )
        running = and_(replays.c.destination == destination, replays.c.state == "running")
        with self._engine.connect() as connection:
            found = connection.execute(select(or_(exists().where(own), exists().where(running)))).scalar()
        return bool(found)

    async def _settle(self, one: Due, course: _Course) -> None:
        """Write down what came of a try."""
        told: dict[str, Any] = {
            "tries": one.tries + 1,
            "requests": one.requests + course.requests,
            "status": course.status,
            "answer": course.answer,
        }
        found = course.outcome
        if isinstance(found, kit.Delivered):
            await self._end(one, "done", "", **told)
        elif isinstance(found, kit.Skipped):
            await self._end(one, "unsupported", found.reason, **told)
        elif isinstance(found, kit.Rejected) and found.reason not in SETTINGS:
            await self._end(one, "failed", found.reason, found.detail, **told)
        else:
            after_s = found.after_s if isinstance(found, kit.Retry) else None
            await self._again(one, found.reason, after_s=after_s, **told)

    async def _again(
        self, one: Due, reason: str, detail: str = "", *, after_s: float | None = None, **told: Any
    ) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - one.since_ms > GIVE_UP_S * 1000:
            await self._end(one, "failed", "expired", f"for a month: {reason} {detail}".strip(), **told)
            return
        wait_s = self._tries.delay_s(one.tries + 1)
        if after_s is not None:
            wait_s = max(wait_s, min(after_s, LONGEST_PAUSE_S))
        next_at_ms = now_ms + round(wait_s * 1000)
        await self._note(one, **({"tries": one.tries + 1} | told), reason=reason, detail=detail, next_at_ms=next_at_ms)

    async def _end(self, one: Due, state: orders.State, reason: str, detail: str = "", **told: Any) -> None:
        await self._note(one, state=state, reason=reason, detail=detail, ended_ms=self._clock.now_ms(), **told)

    async def _note(self, one: Due, **values: Any) -> None:
        await asyncio.to_thread(orders.note, self._engine, one, **values)

    def _load(self, key: str) -> Destination:
        settings = self.workspace.destinations[key]
        where = f"destinations.{key}.settings"
        return registry.load(
            settings.type, settings.settings, name=settings.name, where=where, folder=self.workspace.folder
        )

    async def _carry_out(self, destination: Destination, transport: Transport, one: Due) -> _Course:
        redactor = Redactor(destination.secrets())
        kept = KeptSecrets.of(destination, self._engine, one.destination, redactor.add)
        return await _carry_out(destination, transport, one, redactor, kept)

    def _http(self, destination: Destination) -> Transport:
        return HttpTransport(
            connections=1,
            proxies=environment_proxies(),
            allow_private=self.workspace.delivery.allow_private_addresses,
        )


async def _carry_out(
    destination: Destination, transport: Transport, one: Due, redactor: Redactor, kept: KeptSecrets
) -> _Course:
    """Send the requests of a deletion, and return what came of it."""
    course = _Course()
    steps = destination.deletion(one.person)
    request: kit.Request | None = None
    try:
        request = next(steps)
        while True:
            got = await transport.send(request)
            course.requests += 1
            course.status = got.status if isinstance(got, kit.Response) else None
            course.answer = redactor.answer(got.body, request) if isinstance(got, kit.Response) else ""
            request = steps.send(got)
            if kept.changed:
                await asyncio.to_thread(kept.write)
    except StopIteration as done:
        course.outcome = done.value
    except UnreadableAnswer:
        course.outcome = kit.Retry("unreadable_answer")
    if isinstance(course.outcome, kit.Rejected):
        detail = course.outcome.detail
        detail = redactor.text(detail) if request is None else redactor.detail(detail, request)
        course.outcome = kit.Rejected(course.outcome.reason, detail)
    return course
