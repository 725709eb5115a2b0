"""Failed events on the screen."""

from collections.abc import Iterable
from typing import Any

from msgspec import structs
from rich.table import Table
from rich.text import Text

from trackway.cli.trace_shown import clean
from trackway.delivery.failures import Failure, Group
from trackway.events.clock_skew import format_ms
from trackway.events.reasons import meaning_of
from trackway.events.records import EVENTS

_ANSWER_CHARS = 60


def position(one: Failure) -> str:
    """Return where an event stands: `events/0/12`."""
    return f"{EVENTS}/{one.place.partition}/{one.place.offset}"


def as_json(one: Failure) -> dict[str, Any]:
    """Return a failed event as plain data."""
    data = structs.asdict(one)
    del data["place"], data["at_ms"]
    return {"position": position(one), "failed_at": format_ms(one.at_ms), **data}


def group_json(one: Group) -> dict[str, Any]:
    """Return a group as plain data."""
    return {
        "destination": one.destination,
        "reason": one.reason,
        "events": one.events,
        "first_at": format_ms(one.first_ms),
        "last_at": format_ms(one.last_ms),
        "sample": as_json(one.sample),
    }


def group_table(groups: Iterable[Group]) -> Table:
    """Return groups as a table."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("events", "destination", "reason", "last", "newest", "answer"):
        whole = heading in ("events", "reason", "last", "newest")
        table.add_column(heading, justify="right" if heading == "events" else "left", no_wrap=whole, overflow="fold")
    for one in groups:
        told = _gist(one.sample.answer or one.sample.detail)
        at = format_ms(one.last_ms)
        last = f"{at[5:10]} {at[11:16]}"  # day and minute: the reason needs the room
        cells = (f"{one.events:,}", one.destination, one.reason, last, position(one.sample), told)
        table.add_row(*(Text(clean(cell)) for cell in cells))
    return table


def _gist(told: str) -> str:
    """Return the line of an answer or a detail that says the most: of a traceback its end."""
    lines = told.strip().splitlines() or [""]
    return (lines[-1] if "Traceback (most recent call last)" in lines[0] else lines[0])[:_ANSWER_CHARS]


def show_line(one: Failure) -> Text:
    """Return a failed event as a line."""
    return Text.assemble(
        (format_ms(one.at_ms), "dim"),
        f"  {clean(one.destination)}  ",
        (clean(one.reason), "red"),
        f"  {clean(one.message_id)}  ",
        (position(one), "dim"),
        f"  {clean(_gist(one.detail))}" if one.detail else "",
    )


def show_failure(one: Failure) -> Text:
    """Return all that is known of a failed event."""
    shown = show_line(one)
    if meaning := meaning_of(one.reason):
        shown.append(f"\n{meaning}", "dim")
    for heading, text in (("detail", one.detail), ("request", one.request), ("answer", one.answer)):
        if text:
            shown.append(f"\n\n{heading}\n", "bold").append("\n".join(clean(line) for line in text.split("\n")))
    return shown.append("\n")
