"""A child process of the supervisor: reads its orders, runs its role, hears of changed settings, stops when told.

Orders come as the first line on standard input, news of the settings as further ones. When standard input ends, be it
because the supervisor closed it or because the supervisor died, the child stops: no orphan keeps a port or a log. A
line `ready` on standard output says that the role is working; everything else goes to standard error.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable

from trackway.errors import TrackwayError
from trackway.node.flag import Flag
from trackway.node.orders import News, Orders, of_line

Stop = Callable[[], object]
Hear = Callable[[News], object]


def main() -> None:
    """Run the role that standard input names, until standard input ends."""
    # Ctrl-C reaches the whole process group; only the supervisor acts on it, and stops its children in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # So does the end of the terminal's session.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    orders: Orders = of_line(sys.stdin.buffer.readline())
    collect_less_garbage()
    code = 0
    try:
        _run(orders)
    except TrackwayError as error:
        print(error, file=sys.stderr)
        code = 1
    except Exception:  # noqa: BLE001 - the supervisor passes it on, and starts the process again
        traceback.print_exc()
        code = 1
    # Daemon threads may still sit in a library, or in standard input; everything durable is closed by now.
    sys.stderr.flush()
    os._exit(code)


def collect_less_garbage() -> None:
    """Make Python look for cycles less often.

    Short-lived events by the thousand make it look all the time by default, and there are no cycles in them: delivery
    gains a third.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _run(orders: Orders) -> None:
    workspace = orders.news.workspace
    if orders.role == "collector":
        from trackway.node.collector_process import run_collector

        asyncio_run(
            lambda stop, news: run_collector(
                workspace, orders.sockets[0], orders.number, orders.canary.write_key, stop, tell_ready, news
            )
        )
    elif orders.role == "pipeline":
        from trackway.node.pipeline_process import run_pipeline

        run_pipeline(workspace, tell_ready, listen)
    elif orders.role == "hub":
        from trackway.node.hub_process import run_hub

        asyncio_run(lambda stop, news: run_hub(orders, stop, tell_ready, news))
    elif orders.role == "delivery":
        from trackway.node.delivering.process import run_delivery

        asyncio_run(
            lambda stop, news: run_delivery(orders.news, orders.number, orders.sockets[0], stop, tell_ready, news)
        )
    else:
        raise TrackwayError(f"there is no role {orders.role}")


def tell_ready() -> None:
    """Tell the supervisor that the role is working."""
    print("ready", flush=True)


def listen(hear: Hear, stop: Stop) -> None:
    """Call `hear`, on a thread, with all news, and `stop` when standard input ends or SIGTERM comes."""

    def read_lines() -> None:
        for line in sys.stdin.buffer:
            hear(of_line(line))
        stop()

    terminated = Flag()

    def stop_if_terminated() -> None:
        terminated.wait()
        stop()

    # Not in the handler itself: it interrupts what `stop` may have to wait for.
    signal.signal(signal.SIGTERM, lambda _number, _frame: terminated.set())
    threading.Thread(target=read_lines, name="orders", daemon=True).start()
    threading.Thread(target=stop_if_terminated, name="terminated", daemon=True).start()


def asyncio_run(role: Callable[[asyncio.Event, asyncio.Queue[News]], Awaitable[None]]) -> None:
    """Run a coroutine that ends soon after its event is set: when the process is to stop. The queue brings news."""
    import uvloop

    async def run() -> None:
        stopping, news = asyncio.Event(), asyncio.Queue[News]()
        loop = asyncio.get_running_loop()
        listen(
            lambda heard: loop.call_soon_threadsafe(news.put_nowait, heard),
            lambda: loop.call_soon_threadsafe(stopping.set),
        )
        await role(stopping, news)

    uvloop.run(run())
