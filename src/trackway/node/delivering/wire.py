"""What the hub asks a delivery process, and what that answers: one exchange a connection, in msgpack."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from msgspec import Struct, field

from trackway.delivery.metrics import Gauges
from trackway.delivery.slots import DestinationStatus


class Ask(Struct):
    """What the hub wants."""

    do: Literal["tell", "pause", "resume"]
    key: str = ""
    """Of the destination to pause or resume."""


class Told(Struct):
    """How a process's destinations stand, once what was asked for is done."""

    destinations: list[DestinationStatus] = field(default_factory=list[DestinationStatus])
    gauges: dict[str, Gauges] = field(default_factory=dict[str, Gauges])
    unknown: bool = False
    """There is no such destination here yet, or any more."""


async def ask(place: str, what: Ask, *, timeout_s: float) -> Told:
    """Return the answer of the process that listens at `place`.

    Raises:
        TimeoutError, OSError: it does not answer: it is just being started, or hangs.
    """
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_unix_connection(place)
        try:
            writer.write(msgspec.msgpack.encode(what))
            writer.write_eof()
            answer = await reader.read()
        finally:
            writer.close()
    if not answer:
        raise ConnectionResetError("it ended before it answered")
    return msgspec.msgpack.decode(answer, type=Told)


async def listen(listener: socket.socket, answer: Callable[[Ask], Awaitable[Told]]) -> asyncio.Server:
    """Answer whoever connects to a Unix socket that listens already."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = msgspec.msgpack.decode(await reader.read(), type=Ask)
            writer.write(msgspec.msgpack.encode(await answer(asked)))
            await writer.drain()
        except (OSError, msgspec.DecodeError):
            pass  # the hub is gone, or has waited long enough: it asks again
        finally:
            writer.close()

    return await asyncio.start_unix_server(serve, sock=listener)
