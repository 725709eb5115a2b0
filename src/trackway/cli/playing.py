"""Sending a play's requests on time: by a schedule, so that a slow answer delays nothing but itself."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from trackway.cli.client import Client, Refused
from trackway.cli.demo_tally import Tally
from trackway.cli.interrupt import interruptible
from trackway.cli.options import Target
from trackway.cli.output import complain, print_json, screen, side_screen
from trackway.cli.shop import Event, Plan, Request, as_requests, simulate
from trackway.errors import TrackwayError

_SHOWN_EVERY_S = 0.2
_RATE_OVER_S = 3.0
_YIELD_AFTER_S = 0.02


def play(plan: Plan, target: Target, *, connections: int, ask: str, json: bool) -> None:
    """Play to the end or until Ctrl-C, and print the summary; exit code 1 when calls were lost.

    `ask` is the command that takes a question to the warehouse.

    Raises:
        TrackwayError: nothing answers, or the write key is wrong.
    """
    player = Player(plan, target, connections=connections)
    if not json:
        long = f"for {plan.duration_s:g} s" if plan.duration_s else "until Ctrl-C"
        player.console.print(f"Playing seed [bold]{plan.seed}[/], {plan.rate:g} events/s {long}, to {target.url}")
    began = time.monotonic()
    asyncio.run(player.run())
    seconds = time.monotonic() - began
    tally = player.tally
    if json:
        print_json(tally.as_json(plan, seconds, retries=player.retries))
    else:
        tally.print(screen(), plan, seconds, retries=player.retries, ask=ask)
    if tally.lost:
        complain(f"{tally.lost_calls:,} calls were not taken: {tally.lost[0]}")
    if tally.unexpected:
        complain(f"The collector judged some calls otherwise than foreseen: {dict(tally.unexpected)}")
    if tally.lost or tally.unexpected:
        raise typer.Exit(1)


class Player:
    """One play under way."""

    def __init__(self, plan: Plan, target: Target, *, connections: int) -> None:
        self.tally = Tally()
        self.retries = 0
        self.console = side_screen()
        self._plan, self._target, self._connections = plan, target, connections
        self._stopping = asyncio.Event()
        self._free = asyncio.Semaphore(connections)
        self._fatal: TrackwayError | None = None

    async def run(self) -> None:
        """Send everything, each request when it is due; after Ctrl-C what clients still hold, and then no more."""
        with interruptible() as interrupted, self._progress() as progress:
            watching = [
                asyncio.create_task(self._stop_after(interrupted)),
                asyncio.create_task(self._show(progress, progress.add_task("", total=self._plan.duration_s or None))),
            ]
            client = Client(
                self._target, connections=self._connections, say=self._say, give_up=self._stopping, patience_s=60.0
            )
            async with client, asyncio.TaskGroup() as group:
                await self._send_all(client, group)
            for task in watching:
                task.cancel()
        self.retries = client.retries
        if self._fatal:
            raise self._fatal

    async def _send_all(self, client: Client, group: asyncio.TaskGroup) -> None:
        began = last_pause = time.monotonic()
        for request in as_requests(self._plan, self._until_stopped()):
            early_s = began + request.due_s - time.monotonic()
            if early_s > 0 and not self._stopping.is_set():
                await self._wait(early_s)
                last_pause = time.monotonic()
            elif time.monotonic() - last_pause > _YIELD_AFTER_S:
                await asyncio.sleep(0)
                last_pause = time.monotonic()
            await self._free.acquire()
            if self._fatal:
                return
            group.create_task(self._send(client, request))

    def _until_stopped(self) -> Iterator[Event]:
        for event in simulate(self._plan):
            if self._stopping.is_set():
                return
            yield event

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _send(self, client: Client, request: Request) -> None:
        try:
            verdicts = await client.send(request.path, request.body, request.headers, calls=len(request.events))
            self.tally.add(request, verdicts)
        except TrackwayError as error:
            # Without a single answer, or with a wrong write key, going on makes no sense.
            if not self.tally.requests or (isinstance(error, Refused) and error.status == 401):
                self._fatal = self._fatal or error
                self._stopping.set()
            else:
                self.tally.lose(request, str(error))
        finally:
            self._free.release()

    async def _stop_after(self, interrupted: asyncio.Event) -> None:
        await interrupted.wait()
        self._stopping.set()

    async def _show(self, progress: Progress, bar: TaskID) -> None:
        began = time.monotonic()
        seen: list[tuple[float, int]] = []
        while True:
            now = time.monotonic()
            seen = [*(one for one in seen if now - one[0] <= _RATE_OVER_S), (now, self.tally.total)]
            (then, before), (_, total) = seen[0], seen[-1]
            rate = (total - before) / (now - then) if now > then else 0.0
            note = f"{total:,} sent, {rate:,.0f}/s"
            if self.tally.refused:
                note += f", {self.tally.refused.total():,} refused"
            progress.update(bar, completed=min(now - began, self._plan.duration_s or 0), description=note)
            await asyncio.sleep(_SHOWN_EVERY_S)

    def _say(self, trouble: str) -> None:
        self.console.print(trouble, style="yellow", soft_wrap=True, markup=False)

    def _progress(self) -> Progress:
        columns: list[Any] = [BarColumn(), TextColumn("{task.description}")]
        return Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
