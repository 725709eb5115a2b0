"""Sending a file's batches, several at a time, and knowing at the end what was not sent."""

import asyncio
import contextlib
import gzip as gzip_format
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from typing import Any, BinaryIO

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from trackway.cli.client import DUPLICATE, Client, Verdict
from trackway.cli.interrupt import interruptible
from trackway.cli.json_lines import Batch, Run, Span, read_batches, unsent
from trackway.cli.options import Target
from trackway.cli.output import side_screen
from trackway.errors import TrackwayError

_READER_END_S = 0.5
OnRefusal = Callable[[int, Verdict], None]


async def send_batch(target: Target, *calls: bytes, gzip: bool) -> list[Verdict]:
    """Send calls in one request and return their verdicts.

    Raises:
        Refused, Unreachable: see `Client.send`.
    """
    batch = Batch(list(enumerate(calls, 1)), [], Span(1, len(calls)), 0)
    async with Client(target, connections=1) as client:
        return await _post(client, batch, gzip)


class FileSending:
    """The sending of one file."""

    def __init__(
        self,
        file: BinaryIO,
        size_bytes: int | None,
        run: Run,
        target: Target,
        *,
        count: int,
        concurrency: int,
        gzip: bool,
    ) -> None:
        self.sent = self.accepted = self.duplicates = self.refused = 0
        """Calls; `sent` counts those with a verdict, unreadable lines too."""
        self.unsent: Run | None = None
        """What is still to be sent, after something went wrong."""
        self.trouble = ""
        self.on_refusal: OnRefusal = lambda line, verdict: None
        self.console = side_screen()
        self._file, self._run, self._target = file, run, target
        self._size_bytes, self._count, self._concurrency, self._gzip = size_bytes, count, concurrency, gzip
        self._batches: asyncio.Queue[Batch | Exception | None] = asyncio.Queue(concurrency)
        self._failed: list[Span] = []
        self._next_line = 1
        self._complete = self._over = False
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Send all batches; after a failure finish only what was begun, and set `unsent` and `trouble`."""
        reader = threading.Thread(target=self._read, args=(asyncio.get_running_loop(),), daemon=True)
        reader.start()
        with interruptible() as interrupted, self._progress() as progress:
            watching = asyncio.create_task(self._stop_after(interrupted))
            bar = progress.add_task("", total=self._size_bytes)
            client = Client(self._target, connections=self._concurrency, say=self._say, give_up=self._stopping)
            async with client, asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._work(client, progress, bar))
            watching.cancel()
        await self._end_reading(reader)
        if self.trouble:
            self.unsent = unsent(self._run, self._failed, None if self._complete else self._next_line)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read on a thread of its own: standard input may let one wait for ever, and Ctrl-C must still work."""
        last: Exception | None = None
        try:
            for batch in read_batches(self._file, self._run, count=self._count):
                asyncio.run_coroutine_threadsafe(self._batches.put(batch), loop).result()
                if self._over:
                    return
        except OSError as error:
            last = TrackwayError(f"the file cannot be read on: {error}")
        except (RuntimeError, CancelledError, ValueError):
            return  # the loop has ended or the file was closed: nobody wants more
        with contextlib.suppress(RuntimeError):
            asyncio.run_coroutine_threadsafe(self._batches.put(last), loop)

    async def _end_reading(self, reader: threading.Thread) -> None:
        """Let the reader see that nobody wants more of it; one that waits for standard input is left alone."""
        self._over = True
        while not self._batches.empty():
            self._batches.get_nowait()
        await asyncio.to_thread(reader.join, _READER_END_S)

    async def _stop_after(self, interrupted: asyncio.Event) -> None:
        await interrupted.wait()
        self._fail("interrupted")

    def _fail(self, trouble: str) -> None:
        self.trouble = self.trouble or trouble
        self._stopping.set()

    async def _work(self, client: Client, progress: Progress, bar: TaskID) -> None:
        while (batch := await self._take()) is not None:
            try:
                verdicts = await _post(client, batch, self._gzip) if batch.calls else []
            except TrackwayError as error:
                self._failed.append(batch.span)
                self._fail(str(error))
                return
            self._count_in(batch, verdicts)
            progress.update(bar, advance=batch.read_bytes, description=f"{self.sent:,} events")

    async def _take(self) -> Batch | None:
        """Return the next batch, or None when there is none or sending has stopped."""
        taking = asyncio.create_task(self._batches.get())
        stopping = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if taking not in done:
            taking.cancel()
            return None
        found = taking.result()
        if isinstance(found, Batch):
            self._next_line = max(self._next_line, (found.span.last or 0) + 1)
            if not self._stopping.is_set():
                return found
            self._failed.append(found.span)
            return None
        if isinstance(found, Exception):
            self._fail(str(found))
        else:
            self._complete = True
        self._batches.put_nowait(None)  # for the next worker: there is room, one was just taken
        return None

    def _count_in(self, batch: Batch, verdicts: Sequence[Verdict]) -> None:
        unreadable = [(line, Verdict("invalid", reason="body_not_json", message=why)) for line, why in batch.unreadable]
        judged = [(line, verdict) for (line, _), verdict in zip(batch.calls, verdicts, strict=True)]
        for line, verdict in sorted([*judged, *unreadable], key=lambda pair: pair[0]):
            self.sent += 1
            if verdict.verdict == "accepted":
                self.accepted += 1
            elif verdict.verdict == DUPLICATE:
                self.duplicates += 1
            else:
                self.refused += 1
                self.on_refusal(line, verdict)

    def _say(self, trouble: str) -> None:
        self.console.print(trouble, style="yellow", soft_wrap=True, markup=False)

    def _progress(self) -> Progress:
        columns: list[Any] = [BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn()]
        return Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)


async def _post(client: Client, batch: Batch, gzip: bool) -> list[Verdict]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = batch.body(now)
    headers = {**client.headers, "Content-Type": "application/json"}
    if gzip:
        body = gzip_format.compress(body, 6)
        headers["Content-Encoding"] = "gzip"
    return await client.send("/v1/batch", body, headers, calls=len(batch.calls))
