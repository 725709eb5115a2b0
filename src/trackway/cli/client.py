"""Sends requests to a collector over HTTP, patiently: what may succeed later is tried again."""

import asyncio
import base64
import contextlib
import random
import ssl
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
from msgspec import Struct

from trackway import __version__
from trackway.cli.options import Target
from trackway.destinations import kit
from trackway.errors import TrackwayError

PATIENCE_S = 120.0
"""How long one request is tried again before the command gives up."""
_TIMEOUT_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})

Say = Callable[[str], None]


class Refused(TrackwayError):
    """The collector refused a whole request, and would refuse it again; `status` and `code` are from its answer."""

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Unreachable(TrackwayError):
    """No answer, or none but "later", for as long as patience lasted."""


DUPLICATE = "duplicate"
"""The verdict on a call whose message id the collector has lately had: it is kept, and leaves no second event."""


class Verdict(Struct, rename="camel"):
    """What the collector answered for one call."""

    verdict: str = "accepted"
    message_id: str = ""
    reason: str = ""
    pointer: str = ""
    message: str = ""


class _Body(Struct):
    verdicts: list[Verdict] | None = None
    code: str = ""
    message: str = ""


_decode = msgspec.json.Decoder(_Body).decode


class Client:
    """A collector, reached over up to `connections` connections. Use it as an async context manager."""

    def __init__(
        self,
        target: Target,
        *,
        connections: int,
        patience_s: float = PATIENCE_S,
        say: Say = lambda _: None,
        give_up: asyncio.Event | None = None,
    ) -> None:
        """Connect to nothing yet. `say` hears why there is a wait; once `give_up` is set, nothing waits any more."""
        self._url = target.url
        self.headers = {"Authorization": basic_auth(target.write_key), "User-Agent": f"trackway-cli/{__version__}"}
        """What the command line's own requests carry."""
        self._connections = connections
        self._patience_s = patience_s
        self._say = say
        self._give_up = give_up or asyncio.Event()
        self._answered = False
        self._session: aiohttp.ClientSession | None = None
        self.retries = 0
        """Requests sent once more because there was no answer: the collector may have taken the first one."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
            skip_auto_headers=("User-Agent",),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def send(self, path: str, body: bytes, headers: Mapping[str, str], *, calls: int) -> list[Verdict]:
        """Send one request that carries `calls` calls, and return a verdict for each, in order.

        The wish for verdicts is added to `headers`. A server that knows no verdicts (Segment's own, say) has accepted
        every call when it says 200.

        Raises:
            Refused: it will never take this request.
            Unreachable: patience is over.
        """
        deadline = time.monotonic() + self._patience_s
        tried = 0
        while True:
            wait_s, trouble = await self._try(path, body, {**headers, "Prefer": "verdicts"}, calls)
            if isinstance(trouble, list):
                return trouble
            if wait_s is None:
                wait_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**tried) * random.uniform(0.75, 1.25)  # noqa: S311
            tried += 1
            if time.monotonic() + wait_s > deadline:
                raise Unreachable(f"{self._url}: {trouble}, for {self._patience_s:g} s; try again later")
            self._say(f"{trouble}; trying again in {wait_s:.1f} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._give_up.wait(), wait_s)
                raise Unreachable(f"{self._url}: {trouble}")

    async def _try(
        self, path: str, body: bytes, headers: Mapping[str, str], calls: int
    ) -> tuple[float | None, list[Verdict] | str]:
        """Return verdicts, or how long to wait (None: as you like) and why."""
        if self._session is None:
            raise RuntimeError("use the client as an async context manager")
        try:
            async with self._session.post(
                self._url + path, data=body, headers={**headers, "Prefer": "verdicts"}
            ) as response:
                answer = kit.Response(
                    status=response.status,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=await response.read(),
                )
        except (aiohttp.InvalidURL, ssl.SSLError, aiohttp.ClientSSLError) as error:
            raise Unreachable(f"{self._url} cannot be asked: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            if not self._answered and isinstance(error, aiohttp.ClientConnectorError):
                raise Unreachable(f"nothing answers at {self._url}; start Trackway with `trackway up`") from error
            self.retries += 1
            return None, f"no answer ({type(error).__name__})"
        self._answered = True
        return self._judge(answer, calls)

    def _judge(self, answer: kit.Response, calls: int) -> tuple[float | None, list[Verdict] | str]:
        read = _read(answer.body)
        if answer.status == 200:
            verdicts = read.verdicts
            return None, verdicts if verdicts and len(verdicts) == calls else [Verdict() for _ in range(calls)]
        why = read.message or f"status {answer.status}"
        if answer.status in _RETRIED:
            return kit.retry_after_s(answer), why.rstrip(".")
        raise Refused(f"{self._url} refuses this: {why}", status=answer.status, code=read.code)


def basic_auth(write_key: str) -> str:
    """Return the `Authorization` header's value for a write key."""
    return "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()


def _read(body: bytes) -> _Body:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Body()


def library() -> dict[str, Any]:
    """Return `context.library` of calls that the command line makes itself."""
    return {"name": "trackway-cli", "version": __version__}
