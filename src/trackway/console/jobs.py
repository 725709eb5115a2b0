"""Work that takes longer than a request: it runs on a thread, tells how far it is, and can be cancelled.

Jobs live in memory and end with the process; what they have done by then is done. A page that comes back finds its job
by number.
"""

import itertools
import logging
import threading
from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.errors import ApiError
from trackway.errors import TrackwayError

MOST_RUNNING = 4
MOST_REMEMBERED = 64
State = Literal["running", "done", "cancelled", "failed"]
_log = logging.getLogger(__name__)


class Cancelled(Exception):
    """Raised inside a job's work when somebody has cancelled it."""


class Progress:
    """What a job's work says about itself. Used by one thread."""

    def __init__(self) -> None:
        self.done = 0
        self.total = 0
        self.stopping = threading.Event()

    def begin(self, total: int) -> None:
        """Say how much there is to do."""
        self.total = total

    def advance(self, count: int = 1) -> None:
        """Say that so much more is done.

        Raises:
            Cancelled: somebody has cancelled the job; do not catch it.
        """
        self.done += count
        if self.stopping.is_set():
            raise Cancelled


Work = Callable[[Progress], Any]
"""Returns what JSON can hold."""


class JobView(Struct, kw_only=True):
    """A job at this moment."""

    id: int
    kind: str
    state: State
    done: int
    total: int
    """0 while it is not known."""
    result: Any = None
    error: str = ""


class _Job:
    def __init__(self, number: int, kind: str, work: Work) -> None:
        self.number, self.kind = number, kind
        self.progress = Progress()
        self._work = work
        self._state: State = "running"
        self._result: Any = None
        self._error = ""

    @property
    def running(self) -> bool:
        return self._state == "running"

    def run(self) -> None:
        try:
            self._result = self._work(self.progress)
            self._state = "done"
        except Cancelled:
            self._state = "cancelled"
        except TrackwayError as error:
            self._error, self._state = str(error), "failed"
        except Exception:  # noqa: BLE001  the outermost loop of a job: its fault is told, and costs nothing else
            _log.exception("the console's job %s failed", self.kind)
            self._error, self._state = "it failed at something unforeseen; Trackway's log says more", "failed"

    def view(self) -> JobView:
        return JobView(
            id=self.number,
            kind=self.kind,
            state=self._state,
            done=self.progress.done,
            total=self.progress.total,
            result=self._result,
            error=self._error,
        )


class Jobs:
    """Starts jobs and answers `/api/jobs/…`."""

    def __init__(self) -> None:
        self._jobs: dict[int, _Job] = {}
        self._numbers = itertools.count(1)
        self.routes = [
            Route("/api/jobs/{number:int}", self.show),
            Route("/api/jobs/{number:int}/cancel", self.cancel, methods=["POST"]),
        ]

    def start(self, kind: str, work: Work) -> Response:
        """Begin and answer 202 with the job.

        Raises:
            ApiError: 429, while too many are running.
        """
        if sum(job.running for job in self._jobs.values()) >= MOST_RUNNING:
            raise ApiError(429, "too_many_jobs", "other long actions are under way; wait for one to end, or cancel it")
        job = _Job(next(self._numbers), kind, work)
        self._jobs[job.number] = job
        for number in [number for number, one in self._jobs.items() if not one.running][: -MOST_REMEMBERED or None]:
            del self._jobs[number]
        threading.Thread(target=job.run, name=f"console-job-{kind}", daemon=True).start()
        return json_answer(job.view(), status=202)

    async def show(self, request: Request) -> Response:
        """`GET /api/jobs/{number}`: how far it is, and its result."""
        return json_answer(self._of(request).view())

    async def cancel(self, request: Request) -> Response:
        """`POST /api/jobs/{number}/cancel`: let it end soon; what it has done stays done."""
        job = self._of(request)
        job.progress.stopping.set()
        return json_answer(job.view())

    def stop(self) -> None:
        """Ask all jobs to end."""
        for job in self._jobs.values():
            job.progress.stopping.set()

    def _of(self, request: Request) -> _Job:
        number: int = request.path_params["number"]
        job = self._jobs.get(number)
        if job is None:
            raise ApiError(404, "no_job", f"there is no job {number}; Trackway was started anew since")
        return job
