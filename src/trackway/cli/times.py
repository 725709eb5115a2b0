"""Times as people write them."""

from datetime import UTC, datetime, timedelta

import typer

from trackway.workspace.units import Duration


def time_ms(text: str) -> int | None:
    """Return a time of day as epoch milliseconds: ISO 8601, UTC unless it says otherwise, or how long ago."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.now(UTC) - timedelta(seconds=_ago_s(text))
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _ago_s(text: str) -> float:
    try:
        return float(Duration.decode(text))
    except (ValueError, TypeError) as error:
        raise typer.BadParameter(
            f"{text} is neither a time such as 2026-11-20T10:00 nor a duration such as 3h"
        ) from error
