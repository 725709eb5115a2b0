"""The four times of an event, and the correction of a wrong clock.

    originalTimestamp   the client's clock at the call, untouched
    sentAt              the client's clock at the request
    receivedAt          our clock
    timestamp           receivedAt - (sentAt - originalTimestamp): right whatever the client's clock says

Source: Segment's "Spec: Common Fields", timestamps. A missing or unreadable `sentAt` leaves the client's own time as it
is (imports of history by plain HTTP rely on that); a missing time of call is taken from `sentAt`, so that the result is
the time of receipt.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from trackway.events.memo import Memo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MS = (datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC) - _EPOCH) // _MILLISECOND


class Times(NamedTuple):
    """The outcome of `correct`."""

    timestamp_ms: int
    findings: tuple[str, ...]
    """Codes from `trackway.events.reasons.FINDINGS`."""
    sent_ms: int | None = None
    """`sentAt`, if it can be read."""


def parse_ms(text: Any) -> int | None:
    """Return an ISO 8601 date or date-time as epoch milliseconds, or None if it is none.

    Any number of fraction digits (beyond milliseconds cut off), any offset; without a zone it is UTC; a date alone is
    its first moment.
    """
    if type(text) is not str:
        return _parse_any(str(text)) if isinstance(text, str) else None
    # The shape that clients send, and whose second is nearly always one of the last few thousand.
    second, _, fraction = text.partition(".")
    milliseconds = FRACTIONS.get(fraction)
    if milliseconds is not None and (second_ms := _SECONDS[second]) is not None:
        return second_ms + milliseconds
    return _parse_any(text)


def _parse_any(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip().upper())
        except ValueError:
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


def format_ms(time_ms: int) -> str:
    """Return epoch milliseconds as `2026-11-20T10:00:00.120Z`."""
    global _last_second
    start_ms, text = _last_second
    if not 0 <= time_ms - start_ms < 1000:
        second = time_ms // 1000
        start_ms, text = _last_second = second * 1000, _SECOND_TEXTS[second]
    return text + _FRACTION_TEXTS[time_ms - start_ms]


def correct(original: Any, sent: Any, received_ms: int) -> Times:
    """Return the true time of a call made at `original` and sent at `sent`, by the client's clock.

    `original` and `sent` are the raw values of the call's `timestamp` and `sentAt`; None is absent.
    """
    original_ms = parse_ms(original)
    sent_ms = parse_ms(sent)
    if original_ms is not None and sent_ms is not None:
        timestamp_ms = received_ms - (sent_ms - original_ms)
        if _FIRST_MS <= timestamp_ms <= _LAST_MS:
            return Times(timestamp_ms, (), sent_ms)
        return Times(received_ms, ("timestamp_out_of_range",), sent_ms)
    findings: tuple[str, ...] = ()
    if original is not None and original_ms is None:
        findings += ("timestamp_unparsable",)
    if sent is not None and sent_ms is None:
        findings += ("sent_at_unparsable",)
    if original_ms is None:
        return Times(received_ms, findings, sent_ms)
    return Times(original_ms, findings)


_FRACTION_TEXTS = [f".{fraction:03d}Z" for fraction in range(1000)]
FRACTIONS = {text[1:]: number for number, text in enumerate(_FRACTION_TEXTS)}
"""What stands behind the point of a time as clients send it."""


def _read_second(text: str) -> int | None:
    """Return `2026-11-20T10:00:00`, without a zone, as epoch milliseconds; None for any other shape."""
    if len(text) != 19 or text[10] != "T" or text[13] != ":":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND if moment.tzinfo is None else None


def _format_second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat(timespec="seconds")[:19]


_SECONDS: Memo[str, Any] = Memo(_read_second, longest=19)
SECONDS = _SECONDS.known
"""What stands before that, as epoch milliseconds, once `parse_ms` has read it; None if it is none."""
_SECOND_TEXTS: Memo[int, str] = Memo(_format_second)
_last_second = 0, _SECOND_TEXTS[0]
"""Epoch milliseconds and text, changed together: the times of calls that come together are in few seconds."""
