"""The collector's process."""

import asyncio
from collections.abc import Callable

from trackway.collector.app import CollectorApp
from trackway.events.records import RAW
from trackway.log.group_commit import GroupCommit
from trackway.node.logs import open_raw_log
from trackway.node.serve import serve
from trackway.workspace.model import Workspace


async def run_collector(
    workspace: Workspace, descriptor: int, partition: int, stopping: asyncio.Event, ready: Callable[[], None]
) -> None:
    """Serve the tracking API on a bound socket, writing to the raw log's `partition`."""
    log = open_raw_log(workspace)
    commit = GroupCommit(log.writer(partition), RAW, asyncio.get_running_loop())
    try:
        await serve(CollectorApp(workspace, commit), descriptor, stopping, ready)
    finally:
        await commit.close()
        log.close()
