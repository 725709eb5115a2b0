"""The pipeline's process."""

from collections.abc import Callable

from trackway.node.logs import open_clean_log, open_raw_log
from trackway.pipeline.message_index import MessageIndex
from trackway.pipeline.worker import PipelineWorker
from trackway.workspace.model import Workspace


def run_pipeline(
    workspace: Workspace, ready: Callable[[], None], on_stop: Callable[[Callable[[], None]], None]
) -> None:
    """Turn raw calls into clean events until told to stop."""
    windows_s = {name: source.dedup_window for name, source in workspace.sources.items()}
    raw, clean = open_raw_log(workspace), open_clean_log(workspace)
    index = MessageIndex(workspace.data / "message-index", keep_s=max(windows_s.values(), default=0))
    worker = PipelineWorker(raw, clean, index, windows_s)
    on_stop(worker.stop)
    ready()
    worker.run()
    raw.close()
    clean.close()
