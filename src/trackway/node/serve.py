"""uvicorn on a socket that is already bound, until an event is set."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator
from typing import Any, cast

import uvicorn


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it runs in, and says when it has started."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(
    app: Any,
    descriptor: int,
    stopping: asyncio.Event,
    ready: Callable[[], None],
    *,
    protocol: str | type[asyncio.Protocol] = "httptools",
    lifespan: bool = False,
    before_stop: Callable[[], None] | None = None,
    grace_s: int = 2,
) -> None:
    """Serve the ASGI callable `app` until `stopping` is set, then give open requests `grace_s` seconds.

    `ready` is called when requests are taken, `before_stop` before the server begins to wait for the open ones.
    """
    listener = socket.socket(fileno=descriptor)
    config = uvicorn.Config(
        app,
        loop="none",
        http=cast("Any", protocol),
        ws="none",
        lifespan="on" if lifespan else "off",
        access_log=False,
        # Whom to believe about forwarded addresses is the app's business: uvicorn would believe any local process.
        proxy_headers=False,
        log_level="error",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=grace_s,
    )
    server = _Server(config, ready)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if before_stop is not None:
        before_stop()
    server.should_exit = True
    await serving
    stopped.cancel()
