"""Points in time out of text."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
DATE_TIME_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?$"
)
"""ISO 8601 date-times that a microsecond timestamp holds without loss. A date alone is not one, nor are nanoseconds."""
_DATE_TIME = re.compile(DATE_TIME_PATTERN)


def is_date_time(text: str) -> bool:
    """Say whether `text` is an ISO 8601 date-time that exists and that a microsecond timestamp in UTC can hold."""
    # Python's $ also stands before a newline at the end.
    return _DATE_TIME.match(text) is not None and not text.endswith("\n") and parse_instant(text) is not None


def parse_instant(value: object) -> int | None:
    """Return the microseconds since 1970 UTC of an ISO 8601 date or date-time of any form, or None when it is none.

    Without a zone it is UTC. Digits beyond the microsecond are cut.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return (moment - _EPOCH) // _MICROSECOND
