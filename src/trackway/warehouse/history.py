"""The events of the log once more, for counting and rebuilding tables."""

from collections.abc import Callable, Iterator, Mapping

from trackway.events import canary
from trackway.events.records import EVENTS, EventRecord, decode_event
from trackway.log.contract import EventLog

_PER_STEP = 5_000

Step = Callable[[int], None]
"""Hears how many events more are done; may raise to end the work."""


def silent(_: int) -> None:
    """Hear nothing: a `Step` for work that nobody watches."""


class History:
    """Topic `events` of a log, read from where it begins now."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    @property
    def is_whole(self) -> bool:
        """Whether the log still has all events that there ever were."""
        return not any(self._log.starts(EVENTS).values())

    def count(self, until: Mapping[int, int], since: Mapping[int, int] | None = None) -> int:
        """Return how many events `read` gives."""
        return sum(max(0, end - first) for first, end in self._ranges(until, since).values())

    def read(
        self, until: Mapping[int, int], since: Mapping[int, int] | None = None, *, step: Step = lambda count: None
    ) -> Iterator[list[EventRecord]]:
        """Yield the events before `until`, by partition, from `since` or from where the log begins.

        Canaries are left out, as by loads. `step` hears of those that were taken.
        """
        for partition, (first, end) in self._ranges(until, since).items():
            at = first
            while at < end:
                before = at
                for part in self._log.read(EVENTS, partition, at, max_records=min(_PER_STEP, end - at)):
                    events = (decode_event(record) for record in part.records)
                    yield [event for event in events if event.source != canary.SOURCE]
                    step(len(part.records))
                    at = part.next
                if at == before:
                    # Retention took what was to come; the log goes on where it begins now.
                    at = max(at + 1, self._log.starts(EVENTS).get(partition, end))

    def _ranges(self, until: Mapping[int, int], since: Mapping[int, int] | None) -> dict[int, tuple[int, int]]:
        starts = self._log.starts(EVENTS)
        return {
            partition: (max(starts.get(partition, 0), (since or {}).get(partition, 0)), end)
            for partition, end in until.items()
        }
