"""Collectors alone on a port, for `ingest_rate`. Arguments: folder, port, processes, their first partition."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop

from trackway.node.child import collect_less_garbage
from trackway.node.collector_process import run_collector
from trackway.workspace import load_workspace


async def _run(folder: Path, listener: socket.socket, partition: int) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    workspace = load_workspace(folder)
    await run_collector(workspace, listener.detach(), partition, "no canary", stopping, lambda: None, asyncio.Queue())


def main(folder: str, port: str, processes: str = "1", first: str = "0") -> None:
    """Serve until SIGTERM."""
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=2048)
    others = []
    partition = int(first)
    for number in range(1, int(processes)):
        if (child := os.fork()) == 0:
            others, partition = [], int(first) + number
            break
        others.append(child)
    collect_less_garbage()
    uvloop.run(_run(Path(folder), listener, partition))
    for child in others:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
