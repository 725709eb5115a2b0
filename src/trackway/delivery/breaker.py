"""When to send to a destination in trouble: not yet, one try, or freely."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from trackway.delivery.clock import Clock

LONGEST_PAUSE_S = 3600.0
"""The most that a `Retry-After` is believed: after an hour one request asks again."""


class Stopped(Exception):
    """The worker is stopping: nothing more is sent."""


class Backoff(Struct, frozen=True):
    """How long to wait before another try: at random up to a bound that doubles with each try (full jitter)."""

    base_s: float = 1.0
    cap_s: float = 300.0
    random: Callable[[], float] = random.random
    """Gives numbers from 0 to 1."""

    def delay_s(self, tries: int) -> float:
        """Return the wait after the failed try number `tries`, counted from 1."""
        return self.random() * min(self.cap_s, self.base_s * 2.0 ** min(tries - 1, 60))


class Breaker:
    """Holds all requests to one destination back while it is in trouble.

    Closed: requests pass. After `threshold` failures in a row, or when the destination asks for a pause, it opens:
    none pass until a time. Then it is half open: one request passes, and its end decides. Requests that wait are let
    through in the order they came, so that it is not always the same one that tries.
    """

    def __init__(self, clock: Clock, backoff: Backoff, *, threshold: int = 5, probing: Backoff | None = None) -> None:
        """`probing` says how long to wait before refused credentials are tried again; default: as `backoff`."""
        self.state: Literal["closed", "open", "half_open"] = "closed"
        self.reason = ""
        """Of the last failure, while not closed; so is `detail`, which is for people."""
        self.detail = ""
        self.refuses = False
        """True while it is not closed because the settings are wrong: the credentials are refused, or the address."""
        self.successes = 0
        """Answers that were not trouble, ever."""
        self._clock = clock
        self._backoff = backoff
        self._probing = probing or backoff
        self._threshold = threshold
        self._failures = 0
        self._opened = 0
        self._until_s = 0.0
        self._stopped = False
        self._waiting: deque[object] = deque()
        self._changed = asyncio.Event()

    @property
    def opens_in_s(self) -> float:
        """Seconds until a request is let through, 0 unless open."""
        return max(0.0, self._until_s - self._clock.monotonic()) if self.state == "open" else 0.0

    @property
    def calm(self) -> bool:
        """True while the last answer, if there was any, was not trouble."""
        return self.state == "closed" and self._failures == 0

    async def admit(self) -> None:
        """Return when a request may be sent. While half open, `succeeded`, `failed` or `not_sent` must follow.

        Raises:
            Stopped: the worker is stopping.
        """
        if self.state == "closed" and not self._stopped:
            return
        turn = object()
        self._waiting.append(turn)
        try:
            while not self._passes(turn):
                # Only the first in line watches the time.
                timed = self.state == "open" and self._waiting[0] is turn
                await self._clock.wait(self._changed, self.opens_in_s if timed else None)
        finally:
            self._waiting.remove(turn)
            self._wake()

    def succeeded(self) -> None:
        """Note an answer that was not trouble: taken, or refused for a reason in the event."""
        self.successes += 1
        if self.state == "open":
            return  # it left before the breaker opened, and says nothing about now
        self._failures = 0
        if self.state == "half_open":
            self.state, self.reason, self.detail, self.refuses, self._opened = "closed", "", "", False, 0
            self._wake()

    def failed(self, reason: str, after_s: float | None = None, detail: str = "") -> None:
        """Note trouble; `after_s` is how long the destination asked to be left alone."""
        self._failures += 1
        if after_s is not None:
            self._open(reason, detail, min(after_s, LONGEST_PAUSE_S))
        elif self.state == "half_open" or (self.state == "closed" and self._failures >= self._threshold):
            self._open_longer(reason, detail, self._backoff)

    def refused(self, reason: str, detail: str = "", *, at_once: bool = False, rarely: bool = True) -> None:
        """Note that the settings were refused. `at_once`: open now, not only after `threshold` failures in a row.

        `rarely`: try again as `probing` says, else as after other failures.
        """
        self._failures += 1
        if self.state == "half_open" or (self.state == "closed" and (at_once or self._failures >= self._threshold)):
            self._open_longer(reason, detail, self._probing if rarely else self._backoff)
            self.refuses = True

    def not_sent(self) -> None:
        """Give back the turn that `admit` gave: there was nothing to send after all."""
        if self.state == "half_open":
            self.state, self._until_s = "open", self._clock.monotonic()
            self._wake()

    def stop(self) -> None:
        """Send those away who wait."""
        self._stopped = True
        self._wake()

    def _passes(self, turn: object) -> bool:
        if self._stopped:
            raise Stopped
        if self.state == "open" and self._clock.monotonic() >= self._until_s and self._waiting[0] is turn:
            self.state = "half_open"
            return True
        return self.state == "closed"

    def _open_longer(self, reason: str, detail: str, backoff: Backoff) -> None:
        self._opened += 1
        self._open(reason, detail, backoff.delay_s(self._opened))

    def _open(self, reason: str, detail: str, pause_s: float) -> None:
        until_s = self._clock.monotonic() + pause_s
        self._until_s = max(self._until_s, until_s) if self.state == "open" else until_s
        self.state, self.reason, self.detail, self.refuses = "open", reason, detail, False
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
