"""The pipeline's process."""

import logging
import threading
from collections.abc import Callable
from contextlib import closing

import msgspec

from trackway.errors import TrackwayError
from trackway.log.contract import EventLog, LogUnavailable
from trackway.node.logs import open_clean_log, open_raw_log
from trackway.node.orders import News
from trackway.pipeline.live_chain import LiveChain
from trackway.pipeline.message_index import MessageIndex
from trackway.pipeline.worker import PipelineWorker
from trackway.workspace.model import Alerts, Collector, Console, Delivery, Identity, Log, Workspace

_TRY_AGAIN_S = 1.0
_log = logging.getLogger(__name__)


def run_pipeline(
    workspace: Workspace,
    ready: Callable[[], None],
    listen: Callable[[Callable[[News], None], Callable[[], None]], None],
) -> None:
    """Turn raw calls into clean events until told to stop. Changed settings begin between two batches."""
    turns = _Turns(workspace)
    listen(turns.hear, turns.stop)
    chain = LiveChain(workspace)
    with closing(open_raw_log(workspace)) as raw, closing(open_clean_log(workspace)) as clean:
        while not turns.stopping:
            if turns.workspace is not workspace:
                workspace = turns.workspace
                chain = _chain_of(workspace) or chain
            try:
                worker = _make_worker(workspace, raw, clean, chain)
                turns.begin(worker, workspace)
                ready()
                worker.run()
            except LogUnavailable as error:
                # Nothing of the batch was written: a new worker begins where the log says.
                _log.error("the pipeline waits until the log can be written: %s", error)
                turns.wait(_TRY_AGAIN_S)


def _make_worker(workspace: Workspace, raw: EventLog, clean: EventLog, chain: LiveChain) -> PipelineWorker:
    windows_s = {name: source.dedup_window for name, source in workspace.sources.items()}
    index = MessageIndex(workspace.data / "message-index", keep_s=max(windows_s.values(), default=0))
    try:
        return PipelineWorker(raw, clean, index, windows_s, chain=chain)
    except TrackwayError:
        index.close()
        raise


def _chain_of(workspace: Workspace) -> LiveChain | None:
    try:
        return LiveChain(workspace)
    except TrackwayError as error:
        _log.warning("%s; the pipeline's stages stay as before", error)
        return None


class _Turns:
    """Ends a worker's turn when the process is to stop, or when settings have changed that concern the pipeline."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        """What the next worker is to be made of."""
        self.stopping = False
        self._worker: PipelineWorker | None = None
        self._over = threading.Event()

    def begin(self, worker: PipelineWorker, made_of: Workspace) -> None:
        """Let `worker` have its turn; it is over at once if something has changed since it was made."""
        self._worker = worker
        self._over.clear()
        if self.stopping or self.workspace is not made_of:
            worker.stop()

    def hear(self, news: News) -> None:
        """Take over new settings, if they concern the pipeline."""
        if _what_concerns_us(news.workspace) != _what_concerns_us(self.workspace):
            self.workspace = news.workspace
            self._end()

    def stop(self) -> None:
        """Let no further turn begin."""
        self.stopping = True
        self._end()

    def wait(self, seconds: float) -> None:
        """Wait between two turns, shorter if something changes."""
        self._over.wait(seconds)

    def _end(self) -> None:
        self._over.set()
        if self._worker is not None:
            self._worker.stop()


def _what_concerns_us(workspace: Workspace) -> Workspace:
    """Return the settings without those groups that only other processes read."""
    return msgspec.structs.replace(
        workspace,
        destinations={},
        warehouses={},
        collector=Collector(),
        console=Console(),
        log=Log(),
        delivery=Delivery(),
        identity=Identity(),
        alerts=Alerts(),
    )
