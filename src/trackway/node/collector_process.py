"""The collector's process."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Coroutine

from trackway.collector.app import CollectorApp
from trackway.collector.metrics import WRITE_EVERY_S, Counts, MetricsBoard
from trackway.collector.protocol import CollectorProtocol
from trackway.collector.readiness import Readiness
from trackway.collector.reception import Ready
from trackway.events.records import RAW
from trackway.log.group_commit import GroupCommit
from trackway.log.late_writer import LateWriter
from trackway.node.logs import open_raw_log
from trackway.node.orders import News
from trackway.node.serve import serve
from trackway.workspace.model import Workspace


async def run_collector(
    workspace: Workspace,
    descriptor: int,
    partition: int,
    canary_key: str,
    stopping: asyncio.Event,
    ready: Callable[[], None],
    news: asyncio.Queue[News],
) -> None:
    """Serve the tracking API on a bound socket, writing to the raw log's `partition`; canaries use `canary_key`.

    Settings that come as `news` are taken over without dropping a request.
    """
    counts = Counts(f"collector-{partition}", time.time())
    board = MetricsBoard(workspace.data / "metrics", counts)
    log = open_raw_log(workspace)
    writer = LateWriter(partition, lambda: log.writer(partition))
    loop = asyncio.get_running_loop()
    commit = GroupCommit(writer, RAW, loop, observe=_observer(counts, writer), trouble=writer.trouble)
    readiness = _HeldReadiness(workspace, lambda: commit.trouble)
    app = CollectorApp(workspace, commit, ready=readiness, counts=counts, metrics=board.render, canary_key=canary_key)
    try:
        async with _running(_follow(news, app, readiness), _write_counts(board, counts, readiness)):
            await serve(app, descriptor, stopping, ready, protocol=CollectorProtocol)
    finally:
        await commit.close()
        log.close()


class _HeldReadiness:
    """The disk's and the log's readiness under the floor that holds now."""

    def __init__(self, workspace: Workspace, trouble: Callable[[], str]) -> None:
        self._trouble = trouble
        self.configure(workspace)

    def configure(self, workspace: Workspace) -> None:
        """Take over a changed floor."""
        floor = workspace.log.floor
        self.of_disk = Readiness(workspace.data, floor_bytes=floor, clock=time.monotonic, trouble=self._trouble)

    def __call__(self) -> Ready:
        """Return whether events can be kept."""
        return self.of_disk()


async def _follow(news: asyncio.Queue[News], app: CollectorApp, readiness: _HeldReadiness) -> None:
    while True:
        workspace = (await news.get()).workspace
        app.configure(workspace)
        readiness.configure(workspace)


def _observer(counts: Counts, writer: LateWriter) -> Callable[[int, float], None]:
    def observe(records: int, seconds: float) -> None:
        if records:
            counts.count_commit(records, seconds)
            counts.log_head = writer.next_offset(RAW)
        else:
            counts.commit_failures += 1
        counts.log_faults = writer.faults

    return observe


async def _write_counts(board: MetricsBoard, counts: Counts, readiness: _HeldReadiness) -> None:
    while True:
        readiness()
        counts.disk_free_bytes = readiness.of_disk.free_bytes
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
