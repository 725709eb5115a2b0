"""A child process of the supervisor: reads its orders, runs its role, stops when told.

Orders come as one line of JSON on standard input. When standard input ends, be it because the supervisor closed it or
because the supervisor died, the child stops: no orphan keeps a port or a log. A line `ready` on standard output says
that the role is working; everything else goes to standard error.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType

import msgspec
from msgspec import Struct

from trackway.errors import TrackwayError
from trackway.workspace import load_workspace


class Orders(Struct):
    """What a child is to do."""

    role: str
    """`collector`, `pipeline` or `hub`."""
    workspace: str
    sockets: list[int] = []
    """File descriptors of listening sockets."""
    partition: int = 0


Run = Callable[[], None]
Stop = Callable[[], object]


def main() -> None:
    """Run the role that standard input names, until standard input ends."""
    # Ctrl-C reaches the whole process group; only the supervisor acts on it, and stops its children in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders)
    collect_less_garbage()
    try:
        _run(orders)
    except TrackwayError as error:
        print(error, file=sys.stderr, flush=True)
        sys.exit(1)
    # Daemon threads may still sit in a library; everything durable is closed by now.
    sys.stderr.flush()
    os._exit(0)


def collect_less_garbage() -> None:
    """Make Python look for cycles less often.

    Short-lived events by the thousand make it look all the time by default, and there are no cycles in them: delivery
    gains a third.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _run(orders: Orders) -> None:
    workspace = load_workspace(Path(orders.workspace))
    if orders.role == "collector":
        from trackway.node.collector_process import run_collector

        asyncio_run(lambda stop: run_collector(workspace, orders.sockets[0], orders.partition, stop, tell_ready))
    elif orders.role == "pipeline":
        from trackway.node.pipeline_process import run_pipeline

        run_pipeline(workspace, tell_ready, on_stop)
    elif orders.role == "hub":
        from trackway.node.hub_process import run_hub

        asyncio_run(lambda stop: run_hub(workspace, orders.sockets[0], stop, tell_ready))
    else:
        raise TrackwayError(f"there is no role {orders.role}")


def tell_ready() -> None:
    """Tell the supervisor that the role is working."""
    print("ready", flush=True)


def on_stop(stop: Stop) -> None:
    """Call `stop`, on a thread, when standard input ends or SIGTERM comes."""

    def wait_for_end() -> None:
        while sys.stdin.buffer.read(1024):
            pass
        stop()

    def stop_at_signal(_number: int, _frame: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGTERM, stop_at_signal)
    threading.Thread(target=wait_for_end, name="orders", daemon=True).start()


def asyncio_run(role: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run a coroutine that ends soon after its event is set; the event is set when the process is to stop."""
    import uvloop

    async def run() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        on_stop(lambda: loop.call_soon_threadsafe(stopping.set))
        await role(stopping)

    uvloop.run(run())
