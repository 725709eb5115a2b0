"""Usual requests go a short way through aiohttp: it connects, writes and reads them as ever, by the same connector.

What is left out is what `ClientSession.request` does besides, for redirects, cookies, timers, traces and whatever else
our requests never have: a quarter of what a request to a webhook costs.
"""

import asyncio
from collections.abc import Mapping

import aiohttp
from multidict import CIMultiDict
from yarl import URL

_ONCE = frozenset({"POST", "PATCH"})
"""Methods that aiohttp does not repeat by itself when a kept connection turns out to be closed."""


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
    request = aiohttp.ClientRequest(
        method,
        url,
        headers=sent,
        data=data,
        skip_auto_headers=skip_auto_headers or None,
        loop=asyncio.get_running_loop(),
        session=session,
        traces=[],
    )
    connection = await connector.connect(request, traces=[], timeout=limits)
    try:
        if connection.protocol is None:
            raise aiohttp.ClientConnectionResetError("the connection is closed")
        connection.protocol.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=1 << 16)
        answer = await request.send(connection)
        try:
            return await answer.start(connection)
        except BaseException:
            answer.close()
            raise
    except BaseException:
        connection.close()
        raise
