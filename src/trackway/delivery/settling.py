"""What the answers of a destination mean for the events that were sent, and for those that wait.

What happens when a request fails depends on whose fault it looks like:

    the event's      the destination says that it will never take it: failed, and the cursor passes it
    the network's    no answer, 5xx, 429: the batch waits and tries again; in a row, the breaker holds everything back
    the settings'    the credentials are refused, or the address: the same, with an alarm; an event that
                     alone is refused so again and again, while others are taken, has failed
    both             it fails again and again, while others succeed: parked, and the cursor passes it
"""

import logging

from trackway.delivery.backlog import Backlog
from trackway.delivery.books import Books
from trackway.delivery.breaker import LONGEST_PAUSE_S, Backoff, Breaker
from trackway.delivery.items import DELIVERED, Batch, End, Item, Verdict, Window
from trackway.delivery.overflow import Overflow
from trackway.delivery.redact import Redactor
from trackway.delivery.refusals import in_words
from trackway.delivery.sender import CREDENTIALS, NOT_ALLOWED, SETTINGS, Sender
from trackway.destinations import kit

_log = logging.getLogger("trackway.delivery")


def fails_alone(item: Item, breaker: Breaker, park_after: int) -> bool:
    """Say whether an event whose settings were refused is refused alone: often, and others are taken between."""
    others_succeed = 0 <= item.successes_before < breaker.successes
    return item.tries + 1 >= park_after and others_succeed


class Settling:
    """Gives events that were sent their ends, or puts them back, and tells the breaker."""

    def __init__(
        self,
        key: str,
        breaker: Breaker,
        window: Window,
        backlog: Backlog,
        overflow: Overflow,
        books: Books,
        sender: Sender,
        redactor: Redactor,
        *,
        backoff: Backoff,
        park_after: int,
    ) -> None:
        """`backoff` is between tries of a batch; after `park_after` of an event, others succeeding, it is parked."""
        self._key = key
        self._breaker = breaker
        self._window = window
        self._backlog = backlog
        self._overflow = overflow
        self._books = books
        self._sender = sender
        self._redactor = redactor
        self._backoff = backoff
        self._park_after = park_after

    def delivered(self, batch: Batch) -> None:
        """Note that all of a batch was taken."""
        if self._breaker.state == "closed":
            self._breaker.succeeded()
        else:
            self._tell_breaker(None, None)
        self._window.deliver(batch.items)
        self._backlog.release(batch.items)
        if self._overflow.count:
            self._overflow.settled(batch.items)
        self._books.ended(batch if batch.claimed and batch.wholly else None)

    def settle(self, batch: Batch, verdicts: list[Verdict]) -> None:
        """Give each item its end, or put it back."""
        batch.tries += 1
        waits = [verdict.outcome for verdict in verdicts if isinstance(verdict.outcome, kit.Retry)]
        asked_s = max((wait.after_s for wait in waits if wait.after_s is not None), default=None)
        self._tell_breaker(waits[0] if len(waits) == len(verdicts) else None, asked_s)
        for item, verdict in zip(batch.items, verdicts, strict=True):
            item.end = self._end(item, verdict)
            batch.wholly &= item.end in (None, DELIVERED)
        self._window.deliver([item for item in batch.items if item.end is DELIVERED])
        again = [item for item in batch.items if item.end is None]
        ended = [item for item in batch.items if item.end is not None]
        self._backlog.release(ended, again)
        if self._overflow.count:
            self._overflow.settled(ended)
        if again:
            batch.items = again
            own_s = self._backoff.delay_s(batch.tries)
            self._backlog.later(batch, own_s if asked_s is None else min(asked_s, LONGEST_PAUSE_S))
        self._books.ended(batch if batch.claimed and batch.wholly and not again else None)

    def parked(self, batch: Batch, verdict: Verdict) -> None:
        """Give a parked event its end, or park it again."""
        item, outcome = batch.items[0], verdict.outcome
        if not isinstance(outcome, kit.Retry):
            self._tell_breaker(None, None)
            end = DELIVERED if isinstance(outcome, kit.Delivered) else self._sender.end("failed", verdict)
            self._books.parked_ended(item, end)
            return
        # It is known to fail alone. That says nothing about the destination, unless it was the breaker's one try.
        if self._breaker.state == "half_open" or outcome.after_s is not None:
            self._tell_breaker(outcome, outcome.after_s)
        item.tries += 1
        self._books.parked_again(item, self._sender.end("retrying", verdict))

    def _end(self, item: Item, verdict: Verdict) -> End | None:
        """Return how an item ended, or None when it is to be tried again here."""
        outcome = verdict.outcome
        if isinstance(outcome, kit.Delivered):
            return DELIVERED
        if isinstance(outcome, kit.Rejected):
            return self._sender.end("failed", verdict)
        # "Too many" is never one event's fault.
        item.tries += outcome.reason != "429"
        others_succeed = 0 <= item.successes_before < self._breaker.successes
        # Settings that were good until now prove nothing about an event: only what succeeds between its tries does.
        if item.successes_before < 0 or outcome.reason in SETTINGS:
            item.successes_before = self._breaker.successes
        if item.tries >= self._park_after and others_succeed:
            return self._sender.end("retrying", verdict)
        return None

    def _tell_breaker(self, trouble: kit.Retry | None, asked_s: float | None) -> None:
        """Note how a request ended, and sound the alarm when the settings begin to be refused."""
        refused = self._breaker.refuses
        if trouble is None:
            self._breaker.succeeded()
        elif trouble.reason in CREDENTIALS:
            # A 403 may be for one endpoint or one event; when it is for all, that shows soon enough.
            self._breaker.refused(trouble.reason, at_once=trouble.reason != "403")
        elif trouble.reason == NOT_ALLOWED:
            self._breaker.refused(trouble.reason, trouble.detail, rarely=False)
        else:
            self._breaker.failed(trouble.reason, asked_s, trouble.detail)
        if self._breaker.refuses and not refused:
            _log.error(
                "destination %s %s: its events wait; correct destinations.%s.settings",
                self._key,
                in_words(self._breaker.reason, self._redactor.text(self._breaker.detail)),
                self._key.partition("#")[0],  # a replay's own key has its number
            )
        elif refused and self._breaker.state == "closed":
            _log.warning("destination %s answers again: its events go on", self._key)
