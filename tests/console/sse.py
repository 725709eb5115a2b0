"""A small reader of server-sent events."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import aiohttp


class Message(NamedTuple):
    event: str
    data: Any


class Stream:
    """One open live view. `last_id` is what a browser would resume from."""

    def __init__(self, session: aiohttp.ClientSession, path: str = "/api/live", **headers: str) -> None:
        self._request = session.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        self.last_id = ""

    async def __aenter__(self) -> Self:
        self.response = await self._request.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        self.response.close()

    async def next(self, *kinds: str, timeout_s: float = 10) -> Message:
        """Return the next message of one of `kinds` (default: records, gap and history)."""
        wanted = kinds or ("records", "gap", "history")
        async with asyncio.timeout(timeout_s):
            while True:
                message = await self._read()
                if message is not None and message.event in wanted:
                    return message

    async def records(self, count: int, *, timeout_s: float = 10) -> list[dict[str, Any]]:
        """Return the next `count` records or more, as they come."""
        got: list[dict[str, Any]] = []
        while len(got) < count:
            got += (await self.next("records", timeout_s=timeout_s)).data
        return got

    async def end_of_opening(self) -> None:
        """Read until the server says where it stands."""
        await self.next("history")
        await self.until(lambda: self.last_id)

    async def until(self, condition: Callable[[], Any], *, timeout_s: float = 15) -> None:
        """Read on until `condition` holds."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                await self._read()

    async def end(self, timeout_s: float = 10) -> None:
        """Read until the server ends the stream."""
        async with asyncio.timeout(timeout_s):
            while await self.response.content.readline():
                pass

    async def _read(self) -> Message | None:
        event, data = "message", ""
        while True:
            line = await self.response.content.readline()
            assert line, "the stream ended"
            assert line.endswith(b"\n")
            text = line[:-1].decode()
            if not text:
                return Message(event, json.loads(data)) if data else None
            field, _, value = text.partition(": ")
            if field == "event":
                event = value
            elif field == "data":
                assert not data, "one data line a message"
                data = value
            elif field == "id":
                self.last_id = value
