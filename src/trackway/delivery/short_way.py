"""Usual requests go a short way through aiohttp: it connects, writes and reads them as ever, by the same connector.

What is left out is what `ClientSession.request` does besides, for redirects, cookies, timers, traces and whatever else
our requests never have: a quarter of what a request to a webhook costs.
"""

import asyncio
from collections.abc import Mapping

import aiohttp
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

_ONCE = frozenset({"POST", "PATCH"})
"""Methods that aiohttp does not repeat by itself when a kept connection turns out to be closed."""


_AT_ONCE = 1 << 15
"""Bytes of a body that is written at once, without waiting for the other side to take it: less than what a connection
holds before it asks to wait."""
_AS_THEY_COME = frozenset({"content-length", "transfer-encoding", "expect"})
"""Headers that say how a body goes, if somebody sets them."""


def is_usual(method: str, url: URL) -> bool:
    """Say whether a request may go the short way; others need what `ClientSession.request` does."""
    return method in _ONCE and url.scheme in ("http", "https") and bool(url.raw_host) and url.raw_user is None


async def send(
    session: aiohttp.ClientSession,
    method: str,
    url: URL,
    *,
    headers: Mapping[str, str],
    data: bytes,
    limits: aiohttp.ClientTimeout,
    skip_auto_headers: tuple[str, ...] = (),
) -> aiohttp.ClientResponse:
    """Return the answer's beginning, as `session.request` does for a request that `is_usual`.

    Of `limits` the parts that are for connecting count.

    Raises:
        aiohttp.ClientError, OSError, ValueError: as there.
    """
    connector = session.connector
    if connector is None:
        raise RuntimeError("the session is closed")
    sent: CIMultiDict[str] = CIMultiDict(session.headers)
    sent.update(headers)
    # aiohttp makes an object and a task for each body, to write what may be endless. Ours are bytes, and mostly few.
    apart = len(data) <= _AT_ONCE and _AS_THEY_COME.isdisjoint(map(str.lower, sent))
    if apart:
        sent["Content-Length"] = str(len(data))
    request = aiohttp.ClientRequest(
        method,
        url,
        headers=sent,
        data=None if apart else data,
        skip_auto_headers=skip_auto_headers or None,
        loop=asyncio.get_running_loop(),
        session=session,
        traces=[],
    )
    connection = await connector.connect(request, traces=[], timeout=limits)
    try:
        # Paused: it was answered before it had taken all of the last request, and may never take the rest.
        if connection.protocol is None or connection.protocol.writing_paused:
            raise aiohttp.ClientConnectionResetError("the connection takes nothing")
        connection.protocol.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=1 << 16)
        answer = await request.send(connection)
        try:
            if apart and data:
                _write(connection, data)
            return await answer.start(connection)
        except BaseException:
            answer.close()
            raise
    except BaseException:
        connection.close()
        raise


def _write(connection: Connection, data: bytes) -> None:
    """Write a body after its head; on uvloop both leave in one piece."""
    transport = connection.protocol.transport if connection.protocol is not None else None
    if transport is None or transport.is_closing():
        raise aiohttp.ClientConnectionResetError("the connection is closed")
    transport.write(data)
