"""A wire between one client and the collector that can lose answers, and dies with the collector as a real one does."""

import asyncio
import contextlib
import threading
from collections import Counter
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_START_S = 10.0
_CHUNK = 1 << 16


class Relay:
    """Hands bytes on both ways while the context is open, and notes the status of each answer to a POST.

    While `losing`, these answers reach nobody: the collector has taken the events, and the client does not know. When
    the collector's side breaks, so does the client's.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname
        self._target = (parts.hostname, parts.port)
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self.port = 0
        self.losing = False
        self.passed: Counter[int] = Counter()
        """Answers by status that the client has got."""
        self.lost: Counter[int] = Counter()
        """Answers by status that it has not."""

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(_START_S), "the relay did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_START_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        server.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, requests = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        asked = _Asked()
        both = [
            asyncio.create_task(self._hand_on(reader, requests, asked)),
            asyncio.create_task(self._hand_back(answers, writer, asked)),
        ]
        with contextlib.suppress(asyncio.CancelledError):  # at the end of the context
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        writer.transport.abort()
        requests.transport.abort()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: "_Asked") -> None:
        while data := await _read(reader):
            if data.startswith((b"POST ", b"GET ", b"OPTIONS ")):
                asked.for_events = data.startswith(b"POST ")
            writer.write(data)
            await writer.drain()

    async def _hand_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: "_Asked") -> None:
        while data := await _read(reader):
            losing = self.losing and asked.for_events
            if asked.for_events and data.startswith(b"HTTP/1.1 "):
                (self.lost if losing else self.passed)[int(data[9:12])] += 1
            if not losing:
                writer.write(data)
                await writer.drain()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Return some bytes, or none when the other end is gone, in whatever way."""
    try:
        return await reader.read(_CHUNK)
    except OSError:
        return b""


class _Asked:
    """What the last request on a connection was."""

    for_events = False
