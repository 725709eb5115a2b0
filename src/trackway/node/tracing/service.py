"""Traces by message id, for the console and the command line: find the records, tell their stories."""

from collections.abc import Sequence

from trackway.log.contract import EventLog
from trackway.node.tracing.index import Located, TraceIndex, locate_by_reading
from trackway.node.tracing.story import Story, Teller

MOST_RECORDS = 100
"""Stories told of one id: an id that came a thousand times is a thousand records."""


class Traces:
    """Answers what became of a message id."""

    def __init__(self, clean: EventLog, teller: Teller, index: TraceIndex | None) -> None:
        """Without an `index` the whole log is read for each answer."""
        self._clean = clean
        self._teller = teller
        self._index = index

    def trace(self, message_id: str) -> Sequence[Story]:
        """Return the story of every call with this id, of any source, in the order in which they came.

        At most `MOST_RECORDS`. May block for long when there is no index.
        """
        return self._teller.tell(self.find(message_id)[:MOST_RECORDS])

    def find(self, message_id: str) -> list[Located]:
        """Return where this id stands in the clean log. May block, as `trace`."""
        return self._index.find(message_id) if self._index is not None else locate_by_reading(self._clean, message_id)
