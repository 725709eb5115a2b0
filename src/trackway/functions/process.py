"""The functions' process as the pipeline, delivery and the command line use it.

A function that stalls, crashes or eats memory costs its own event and a restart of the process, nothing else: the
event ends as `function_timeout` or `function_crashed`, and those behind it are run. One that keeps stalling is not
asked for a while (`function_suspended`), so that what waits behind it goes on. Nothing is lost: such events are in
quarantine, or among the destination's failures, and can be released.
"""

import logging
import os
import selectors
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from trackway.functions.files import functions_stamp
from trackway.functions.messages import Frames, Reply, Task, decode_greeting, decode_reply, frame

_START_S = 20.0
_LOOK_EVERY_S = 0.5
STRIKES = 3
"""A function that stalled so many times in a row is suspended."""
SUSPENDED_S = 60.0
_WINDOW = 32
"""Tasks that are sent ahead of their replies."""
_log = logging.getLogger(__name__)


class FunctionProcess:
    """Runs the functions of a folder. Started when it is first needed, and anew when a file changes. One thread's."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._child: _Child | None = None
        self._stamp: object = None
        self._next_look = 0.0
        self._strikes: dict[str, int] = {}
        self._suspended: dict[str, float] = {}

    def run(self, tasks: Sequence[Task], *, timeout_s: float) -> list[Reply]:
        """Return a reply for each task, in order. `timeout_s` is what one event may take."""
        replies: list[Reply] = []
        while len(replies) < len(tasks):
            next_ = tasks[len(replies)]
            child = self._ready()  # it looks at the files: a mended function is asked again
            if self._clock() < self._suspended.get(next_.function, 0.0):
                replies.append(_failed("function_suspended", f"{next_.function} kept stalling"))
                continue
            if child is None:
                replies.append(_failed("function_crashed", "the functions' process does not start"))
                continue
            for reply in child.exchange(tasks[len(replies) :], timeout_s):
                self._strikes.pop(tasks[len(replies)].function, None)
                replies.append(reply)
            if len(replies) < len(tasks):
                replies.append(self._give_up(child, tasks[len(replies)].function, timeout_s))
        return replies

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _give_up(self, child: "_Child", function: str, timeout_s: float) -> Reply:
        """End a process that gave no reply, and return what that means for the event it had."""
        crashed = child.ended
        child.kill()
        self._child = None
        if crashed:
            return _failed("function_crashed", "it ended its process")
        self._strikes[function] = strikes = self._strikes.get(function, 0) + 1
        if strikes >= STRIKES:
            self._suspended[function] = self._clock() + SUSPENDED_S
            self._strikes[function] = STRIKES - 1  # once more after the pause
            _log.error("function %s stalled %d times in a row; it rests for %g s", function, strikes, SUSPENDED_S)
        return _failed("function_timeout", f"it took longer than {timeout_s:g} s; see `timeout` in trackway.yaml")

    def _ready(self) -> "_Child | None":
        """Return a process with the files as they are now, None when none starts."""
        now = self._clock()
        if self._child is not None and now < self._next_look:
            return self._child
        self._next_look = now + _LOOK_EVERY_S
        stamp = functions_stamp(self._folder)
        if self._child is not None and stamp == self._stamp:
            return self._child
        self._replace(_Child.start(self._folder), stamp)
        return self._child

    def _replace(self, fresh: "_Child | None", stamp: object) -> None:
        """Take a new process, unless a file that works in the old one is broken in it: then the old one goes on."""
        old, changed, self._stamp = self._child, stamp != self._stamp, stamp
        if fresh is None:
            return
        spoilt = {name: why for name, why in fresh.broken.items() if old is not None and name not in old.broken}
        for name, why in (spoilt if old is not None else fresh.broken).items():
            kept = "; it goes on as it was before" if spoilt else ""
            _log.warning("function %s cannot be used: %s%s", name, why, kept)
        if spoilt:
            fresh.kill()
            return
        if old is not None:
            old.kill()
        self._child = fresh
        if changed:
            self._strikes.clear()
            self._suspended.clear()


class _Child:
    """A running process, past its greeting."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._frames = Frames()
        self._ready: list[bytes] = []
        self.broken: dict[str, str] = {}
        """Functions that cannot be used, and why."""
        self.ended = False
        # However its owner goes away.
        self._end = weakref.finalize(self, _kill, process)
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process needs pipes")
        self._in, self._out = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    @classmethod
    def start(cls, folder: Path) -> "_Child | None":
        """Return a process that has loaded the functions of `folder`, None when it does not come up."""
        command = [sys.executable, "-P", "-m", "trackway.functions.host", str(folder)]
        child = cls(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0))  # noqa: S603 - our own module
        try:
            greeting = child._read(_START_S)
            child.broken = decode_greeting(greeting).broken
        except _NoReply:
            child.kill()
            _log.error("the functions' process did not start")
            return None
        return child

    def exchange(self, tasks: Sequence[Task], timeout_s: float) -> Iterator[Reply]:
        """Send `tasks` and yield their replies; fewer when one does not come in time, or the process ends."""
        unsent = b""
        sent = 0
        for number in range(len(tasks)):
            while sent < len(tasks) and sent < number + _WINDOW:
                unsent += frame(tasks[sent])
                sent += 1
            deadline = time.monotonic() + timeout_s
            try:
                while not self._ready:
                    unsent = self._move(unsent, deadline - time.monotonic())
            except _NoReply:
                return
            yield decode_reply(self._ready.pop(0))

    def kill(self) -> None:
        """End the process at once."""
        self._end()

    def _read(self, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        while not self._ready:
            self._move(b"", deadline - time.monotonic())
        return self._ready.pop(0)

    def _move(self, unsent: bytes, timeout_s: float) -> bytes:
        """Write what can be written and read what is there, waiting for either; return what is left to be written.

        Raises:
            _NoReply: neither was possible in time, or the process has ended.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            if unsent:
                selector.register(self._in, selectors.EVENT_WRITE)
            events = selector.select(max(0.0, timeout_s))
        if not events:
            raise _NoReply
        for key, _ in events:
            try:
                if key.fd == self._in:
                    unsent = unsent[os.write(self._in, unsent) :]
                else:
                    self._take(os.read(self._out, 1 << 16))
            except BrokenPipeError:
                self.ended = True
                raise _NoReply from None
        return unsent

    def _take(self, data: bytes) -> None:
        if not data:
            self.ended = True
            raise _NoReply
        self._ready += self._frames.feed(data)


def _failed(reason: str, detail: str) -> Reply:
    return Reply("failed", reason=reason, detail=detail)


class _NoReply(Exception):
    """The process gave no reply in time, or is gone."""


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
