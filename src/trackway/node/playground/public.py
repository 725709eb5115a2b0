"""The public playground's process: its page and its one question, over HTTP, until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable, Sequence

from trackway.collector.proxies import Proxies
from trackway.console.public_playground import create_public_playground
from trackway.errors import TrackwayError
from trackway.node.playground.workers import Workers
from trackway.node.serve import serve
from trackway.node.sockets import listen, url_of


def run_public_playground(
    host: str,
    port: int,
    *,
    trusted_proxies: Sequence[str],
    per_minute: int,
    workers: int,
    ready: Callable[[str], None],
) -> None:
    """Serve the page until Ctrl-C or SIGTERM; `ready` is told its address.

    Raises:
        TrackwayError: it cannot listen there, or a trusted proxy is no address.
    """
    import uvloop

    try:
        proxies = Proxies(trusted_proxies)
    except ValueError as wrong:
        raise TrackwayError(f"--trusted-proxy: {wrong}") from None
    listener = listen(host, port, "choose another --port or --host")
    url = url_of(listener)

    async def run() -> None:
        stopping, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        async with Workers(workers) as pool:
            app = create_public_playground(pool.preview, proxies=proxies, per_minute=per_minute)
            await serve(app, listener.detach(), stopping, lambda: ready(url))

    uvloop.run(run())
