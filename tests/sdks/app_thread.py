"""Servers that run in a thread of their own, for tests whose own work blocks."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web

_START_S = 60.0


class LoopThread(ABC):
    """Serves on a free loopback port while the context is open, on an event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(_START_S), "the server did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_START_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _run_until_stopped(self, port: int) -> None:
        """Say that it serves on `port`, and wait until the context is closed."""
        self.port = port
        self._started.set()
        await self._stopping.wait()

    @abstractmethod
    async def _serve(self) -> None: ...


class AppThread(LoopThread):
    """Serves what `make_app` returns."""

    def __init__(self, make_app: Callable[[], web.Application]) -> None:
        super().__init__()
        self._make_app = make_app

    async def _serve(self) -> None:
        # Bodies are to be seen as they came, so nothing is unpacked on the way.
        runner = web.AppRunner(self._make_app(), access_log=None, auto_decompress=False, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        await self._run_until_stopped(runner.addresses[0][1])
        await runner.cleanup()
