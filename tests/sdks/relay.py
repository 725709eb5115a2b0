"""A wire between one client and the collector that can lose answers, and dies with the collector as a real one does."""

import asyncio
import contextlib
from collections import Counter
from urllib.parse import urlsplit

from tests.sdks.app_thread import LoopThread

_CHUNK = 1 << 16


class Relay(LoopThread):
    """Hands bytes on both ways while the context is open, and notes the status of each answer to a POST.

    While `losing`, these answers reach nobody: the collector has taken the events, and the client does not know. When
    the collector's side breaks, so does the client's.
    """

    def __init__(self, target: str) -> None:
        super().__init__()
        parts = urlsplit(target)
        assert parts.hostname
        self._target = (parts.hostname, parts.port)
        self.losing = False
        self.passed: Counter[int] = Counter()
        """Answers by status that the client has got."""
        self.lost: Counter[int] = Counter()
        """Answers by status that it has not."""

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        await self._run_until_stopped(server.sockets[0].getsockname()[1])
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
