"""The collector's process."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Coroutine

from trackway.collector.app import CollectorApp
from trackway.collector.metrics import WRITE_EVERY_S, Counts, MetricsBoard
from trackway.collector.protocol import CollectorProtocol
from trackway.collector.readiness import Readiness
from trackway.events.records import RAW
from trackway.log.contract import LogWriter
from trackway.log.group_commit import GroupCommit
from trackway.node.logs import open_raw_log
from trackway.node.serve import serve
from trackway.workspace.model import Workspace
from trackway.workspace.watch import watch_workspace


async def run_collector(
    workspace: Workspace, descriptor: int, partition: int, stopping: asyncio.Event, ready: Callable[[], None]
) -> None:
    """Serve the tracking API on a bound socket, writing to the raw log's `partition`.

    Sources and limits follow changes of trackway.yaml without dropping a request; ports and the number of processes
    do not.
    """
    counts = Counts(f"collector-{partition}", time.time())
    board = MetricsBoard(workspace.data / "metrics", counts)
    readiness = Readiness(workspace.data, floor_bytes=workspace.log.floor, clock=time.monotonic)
    log = open_raw_log(workspace)
    writer = log.writer(partition)
    commit = GroupCommit(writer, RAW, asyncio.get_running_loop(), observe=_observer(counts, writer))
    app = CollectorApp(workspace, commit, ready=readiness, counts=counts, metrics=board.render)
    try:
        async with _running(watch_workspace(workspace, app.configure), _write_counts(board, counts, readiness)):
            await serve(app, descriptor, stopping, ready, protocol=CollectorProtocol)
    finally:
        await commit.close()
        log.close()


def _observer(counts: Counts, writer: LogWriter) -> Callable[[int, float], None]:
    def observe(records: int, seconds: float) -> None:
        if records:
            counts.count_commit(records, seconds)
            counts.log_head = writer.next_offset(RAW)
        else:
            counts.commit_failures += 1

    return observe


async def _write_counts(board: MetricsBoard, counts: Counts, readiness: Readiness) -> None:
    while True:
        readiness()
        counts.disk_free_bytes = readiness.free_bytes
        with contextlib.suppress(OSError):  # a full disk is told by /readyz, not by a crash here
            board.write()
        await asyncio.sleep(WRITE_EVERY_S)


@contextlib.asynccontextmanager
async def _running(*work: Coroutine[object, object, None]) -> AsyncGenerator[None]:
    """Run coroutines beside the block."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
