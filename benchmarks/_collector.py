"""One collector process alone on a port: what `ingest_rate` measures."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import uvloop

from trackway.node.child import collect_less_garbage
from trackway.node.collector_process import run_collector
from trackway.workspace import load_workspace


async def _run(folder: Path, port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=2048)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await run_collector(load_workspace(folder), listener.detach(), 0, stopping, lambda: None)


if __name__ == "__main__":
    collect_less_garbage()
    uvloop.run(_run(Path(sys.argv[1]), int(sys.argv[2])))
