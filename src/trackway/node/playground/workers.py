"""Processes that preview the calls of strangers, one at a time each, killed and replaced when one takes too long."""

import asyncio
import contextlib
import logging
import os
import sys
from typing import Any

import msgspec

from trackway.console.errors import ApiError
from trackway.console.playground import Call
from trackway.errors import TrackwayError
from trackway.node.playground import worker

log = logging.getLogger(__name__)
_START_S = 60.0
_WAIT_S = 15.0
"""For a free worker and its answer."""
_MOST_WAITING = 64
_AGAIN_S = 1.0
_ENVIRON = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "SYSTEMROOT")
"""All that a worker learns of its parent's environment: there may be secrets in the rest."""


class Workers:
    """Previews calls; in an `async with` block."""

    def __init__(self, count: int = 1, *, limit_s: float = 3.0, command: tuple[str, ...] = ()) -> None:
        """Have `count` processes, which `limit_s` seconds for one call; `command` starts another worker than ours."""
        self._count, self._limit_s = count, limit_s
        # The worker's own limit is for when this process is gone, so it is the later one.
        self._command = command or (sys.executable, "-m", worker.__name__, str(2 * limit_s))
        self._asked: asyncio.Queue[tuple[bytes, asyncio.Future[bytes]]] = asyncio.Queue(_MOST_WAITING)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Workers":
        """Start the workers.

        Raises:
            TrackwayError: one does not start.
        """
        started = [asyncio.get_running_loop().create_future() for _ in range(self._count)]
        self._tasks = [asyncio.create_task(self._keep(one)) for one in started]
        try:
            await asyncio.gather(*started)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def preview(self, call: Call) -> msgspec.Raw:
        """Return what would become of a call, as JSON.

        Raises:
            ApiError: 503 when too many wait, or when it takes too long; 400 when it cannot be shown.
        """
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        try:
            self._asked.put_nowait((msgspec.msgpack.encode(msgspec.structs.asdict(call)), answer))
            async with asyncio.timeout(_WAIT_S):
                told = await answer
        except (asyncio.QueueFull, TimeoutError):
            raise ApiError(
                503, "busy", "too many people are here just now; try again in 2 s", retry_after_s=2
            ) from None
        if told[:1] != b"+":
            raise ApiError(400, "not_shown", told[1:].decode("utf-8", "replace"))
        return msgspec.Raw(told[1:])

    async def _keep(self, started: asyncio.Future[None]) -> None:
        """Have one worker, and another when it has ended."""
        while True:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={name: os.environ[name] for name in _ENVIRON if name in os.environ},
            )
            try:
                async with asyncio.timeout(_START_S):
                    await _read(process)
                if not started.done():
                    started.set_result(None)
                await self._serve(process)
            except (asyncio.IncompleteReadError, TimeoutError):
                if not started.done():
                    started.set_exception(TrackwayError("the playground's worker does not start; see above why"))
                    return
                log.warning("a worker of the playground did not start; trying again")
                await asyncio.sleep(_AGAIN_S)
            finally:
                await _end(process)

    async def _serve(self, process: asyncio.subprocess.Process) -> None:
        """Answer calls, one at a time, as long as the worker lives and is in time."""
        while True:
            call, answer = await self._asked.get()
            if answer.done():
                continue  # nobody waits for it any more
            told: Any = None
            try:
                async with asyncio.timeout(self._limit_s):
                    told = await _ask(process, call)
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
                log.warning("a worker of the playground is replaced: %s", type(error).__name__)
            if not answer.done():
                if told is None:
                    answer.set_exception(
                        ApiError(503, "too_much", "this call takes too long, or too much, to be shown")
                    )
                else:
                    answer.set_result(told)
            if told is None:
                return


async def _ask(process: asyncio.subprocess.Process, call: bytes) -> bytes:
    assert process.stdin is not None  # noqa: S101
    process.stdin.write(worker.LENGTH.pack(len(call)) + call)
    await process.stdin.drain()
    return await _read(process)


async def _read(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101
    (length,) = worker.LENGTH.unpack(await process.stdout.readexactly(worker.LENGTH.size))
    return await process.stdout.readexactly(length)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await asyncio.shield(process.wait())
