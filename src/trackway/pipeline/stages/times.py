"""Set the four times of an event; `events/clock_skew.py` has the rule."""

from datetime import UTC, datetime
from typing import Any

from trackway.events.clock_skew import FRACTIONS, SECONDS, correct, format_ms, parse_ms
from trackway.pipeline.draft import Draft
from trackway.workspace.model import Pipeline

_POINTERS = {
    "timestamp_unparsable": "/originalTimestamp",
    "sent_at_unparsable": "/sentAt",
    "timestamp_out_of_range": "/timestamp",
}


class Times:
    """The stage that renames, corrects and bounds the times, and marks events that came late.

    What the client wrote stays as it wrote it in `originalTimestamp` and `sentAt`; `timestamp` and `receivedAt` are UTC
    with milliseconds. A time that no clock can mean (`Pipeline.earliest_year`, `Pipeline.future_limit`) becomes that of
    receipt.
    """

    name = "times"

    def __init__(self, settings: Pipeline | None = None) -> None:
        """Take the bounds from `settings`; default: the default settings."""
        settings = settings or Pipeline()
        self._earliest_ms = int(datetime(settings.earliest_year, 1, 1, tzinfo=UTC).timestamp()) * 1000
        self._soonest_ms = -int(settings.future_limit * 1000)
        self._skew_ms = int(settings.skew_limit * 1000)
        self._late_ms = int(settings.late_after * 1000)
        self._last_sent: tuple[Any, int] = None, 0
        """The last `sentAt` and its epoch milliseconds, changed together: the calls of one request share it."""

    @property
    def bounds_ms(self) -> tuple[int, int, int]:
        """How wrong a clock may be, how long before an event was sent it may have happened, at least and at most."""
        return self._skew_ms, self._soonest_ms, self._late_ms

    def unremarkable_time(self, original: Any, sent: Any, received_ms: int) -> int | None:
        """Return the time to believe of a call of which there is nothing to remark; None if there may be.

        `original` and `sent` are the call's `timestamp` and `sentAt`, None for absent ones.
        """
        try:
            # As `parse_ms` reads the shape that nearly all have; this is asked for each call.
            second, _, fraction = original.partition(".")
            original_ms = SECONDS[second] + FRACTIONS[fraction]
            last_sent, sent_ms = self._last_sent
            if sent is None:
                sent_ms = received_ms
            elif sent != last_sent:
                second, _, fraction = sent.partition(".")
                sent_ms = SECONDS[second] + FRACTIONS[fraction]
                self._last_sent = sent, sent_ms
        except (AttributeError, TypeError, KeyError):
            if original is None:
                return received_ms if sent is None else None
            original_ms, sent_ms = parse_ms(original), received_ms if sent is None else parse_ms(sent)
            if original_ms is None or sent_ms is None:
                return None
        if not -self._skew_ms <= sent_ms - received_ms <= self._skew_ms:
            return None
        before_ms = sent_ms - original_ms
        return received_ms - before_ms if self._soonest_ms <= before_ms <= self._late_ms else None

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Change `drafts` in place."""
        last_ms, received = -1, ""
        for draft in drafts:
            event, received_ms = draft.event, draft.raw.received_at_ms
            if received_ms != last_ms:  # the calls of one request share it
                last_ms, received = received_ms, format_ms(received_ms)
            original, sent = event.pop("timestamp", None), event.get("sentAt")
            time_ms = self.unremarkable_time(original, sent, received_ms)
            if time_ms is None:  # few calls
                time_ms = self._judge(draft, original, sent)
            if original is None:
                original = sent if parse_ms(sent) is not None else received
            if sent is None:
                event.pop("sentAt", None)
            event["originalTimestamp"] = original
            event["receivedAt"] = received
            event["timestamp"] = format_ms(time_ms)
            draft.timestamp_ms = time_ms
        return drafts

    def _judge(self, draft: Draft, original: Any, sent: Any) -> int:
        """Return the time to believe of an event with a time that is missing or odd, and report what is odd."""
        received_ms = draft.raw.received_at_ms
        time_ms, findings, sent_ms = correct(original, sent, received_ms)
        for code in findings:
            draft.find(code, _POINTERS[code])
        if not self._soonest_ms <= received_ms - time_ms <= self._late_ms:
            time_ms = self._bound(draft, time_ms)
        if sent_ms is not None and abs(sent_ms - received_ms) > self._skew_ms:
            draft.find("clock_skewed", "/sentAt", f"{(sent_ms - received_ms) / 1000:+.0f} s")
        return time_ms

    def _bound(self, draft: Draft, time_ms: int) -> int:
        """Return the time to believe of an event that happened long before it was received, or after."""
        received_ms = draft.raw.received_at_ms
        if time_ms < self._earliest_ms:
            draft.find("timestamp_before_earliest", "/timestamp", format_ms(time_ms))
            return received_ms
        if time_ms > received_ms:
            draft.find("timestamp_in_future", "/timestamp", format_ms(time_ms))
            return received_ms
        draft.find("late", "/timestamp", f"{(received_ms - time_ms) / 1000:.0f} s")
        return time_ms
