"""A collector in a process of its own, on a real log in the folder it is given; it prints its port and ends with its
standard input."""

import asyncio
import socket
import sys
import threading
from pathlib import Path

from trackway.collector.app import CollectorApp
from trackway.collector.protocol import CollectorProtocol
from trackway.events.records import RAW
from trackway.log.group_commit import GroupCommit
from trackway.log.sqlite import SqliteLog
from trackway.node.serve import serve
from trackway.workspace.model import Source, Workspace

WORKSPACE = Workspace(sources={"web": Source(write_keys=["WK"]), "strict": Source(write_keys=["STRICT"], strict=True)})


async def run(folder: Path) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    log = SqliteLog(folder, (RAW,))
    commit = GroupCommit(log.writer(0), RAW, loop)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def wait_for_the_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(stopping.set)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    app = CollectorApp(WORKSPACE, commit)
    await serve(app, listener.detach(), stopping, lambda: print(port, flush=True), protocol=CollectorProtocol)
    await commit.close()
    log.close()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
