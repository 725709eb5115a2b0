"""Times as people write them."""

from datetime import UTC, datetime, timedelta

import typer

from trackway.workspace.units import Duration


def time_ms(text: str, flag: str) -> int | None:
    """Return a time of day as epoch milliseconds: ISO 8601, UTC unless it says otherwise, or how long ago.

    Raises:
        BadParameter: it is neither; `flag` is where it was given.
    """
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = _ago(text, flag)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _ago(text: str, flag: str) -> datetime:
    try:
        return datetime.now(UTC) - timedelta(seconds=float(Duration.decode(text)))
    except (ValueError, TypeError, OverflowError) as error:
        raise typer.BadParameter(
            f"{text} is neither a time such as 2026-11-20T10:00 nor a duration such as 3h", param_hint=flag
        ) from error
