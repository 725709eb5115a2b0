"""A real collector on a thread: uvicorn, the app, group commit and an SQLite log in a workspace folder."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from trackway.collector.app import CollectorApp
from trackway.events.records import RAW, RawRecord, decode_raw
from trackway.log.group_commit import GroupCommit
from trackway.node.logs import open_clean_log, open_raw_log
from trackway.pipeline.message_index import MessageIndex
from trackway.pipeline.tallies import MARK, SourceTally, add_up
from trackway.pipeline.worker import PipelineWorker
from trackway.workspace import Workspace, load_workspace

_START_S = 60.0
SETTINGS = """\
sources:
  web: {{name: Web shop, write_keys: [wk_web]}}
  app: {{write_keys: [wk_app, wk_app_old]}}
collector: {{port: {collector}}}
console: {{port: {console}}}
"""


def bound_socket() -> socket.socket:
    """A listening socket on a free loopback port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def write_workspace(folder: Path, *, collector: int, console: int = 1) -> Path:
    """Write a workspace with two sources, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trackway.yaml").write_text(SETTINGS.format(collector=collector, console=console), "utf-8")
    return folder


class Collector:
    """The collector of a workspace; what it took is read with `calls`, and made clean with `process`."""

    def __init__(self, folder: Path) -> None:
        self._socket = bound_socket()
        self.port: int = self._socket.getsockname()[1]
        self.folder = write_workspace(folder, collector=self.port)
        self.workspace: Workspace = load_workspace(self.folder, environ={})
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve from a thread; return when requests are answered."""
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        assert started.wait(_START_S), "the collector did not start"

    def stop(self) -> None:
        """Stop serving; the log is closed."""
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(_START_S)
            assert not self._thread.is_alive()
        self._socket.close()

    async def _serve(self, started: threading.Event) -> None:
        log = open_raw_log(self.workspace)
        commit = GroupCommit(log.writer(0), RAW, asyncio.get_running_loop())
        app = CollectorApp(self.workspace, commit)
        config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_level="warning", access_log=False)
        self._server = _Server(config, started)
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            await commit.close()
            log.close()

    def calls(self) -> list[RawRecord]:
        """Return all calls in the raw log."""
        with contextlib.closing(open_raw_log(self.workspace)) as log:
            head = log.heads(RAW).get(0, 0)
            return [decode_raw(record) for part in log.read(RAW, 0, 0, max_records=head) for record in part.records]

    def process(self) -> dict[str, SourceTally]:
        """Run the pipeline over all that came in, and return the clean log's tallies."""
        windows_s = {name: source.dedup_window for name, source in self.workspace.sources.items()}
        with (
            contextlib.closing(open_raw_log(self.workspace)) as raw,
            contextlib.closing(open_clean_log(self.workspace)) as clean,
        ):
            index = MessageIndex(self.workspace.data / "message-index", keep_s=86_400)
            worker = PipelineWorker(raw, clean, index, windows_s)
            while worker.step():
                pass
            worker.stop()
            worker.run()
            return add_up(list(clean.marks(MARK).values()))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._started_event = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started_event.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[Any]:
        yield
