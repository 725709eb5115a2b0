"""How many of each event were received in which hour: what a batch adds, and the last weeks of an event."""

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, Engine, delete, select

from trackway.catalogue.model import shown_name
from trackway.events.records import EventRecord, Place
from trackway.state.engine import upsert
from trackway.state.tables import catalogue_events, catalogue_volumes

HOUR_MS = 3_600_000
KEPT_HOURS = 31 * 24
Key = tuple[str, str, str]
"""Source, type and name."""
Volumes = Counter[tuple[Key, int]]


def count(events: Iterable[tuple[EventRecord, Place]]) -> Volumes:
    """Return how many events there are of each, by hour."""
    return Counter(
        ((event.source, event.type, shown_name(event.name)), event.received_at_ms // HOUR_MS) for event, _ in events
    )


def add(connection: Connection, numbers: Mapping[Key, int], volumes: Volumes) -> None:
    """Add what a batch has to the tables, and remove what is too old; events without a number are not listed."""
    rows = [
        {"event": numbers[key], "hour": hour, "count": number}
        for (key, hour), number in volumes.items()
        if key in numbers
    ]
    upsert(connection, catalogue_volumes, rows, add=("count",))
    if rows:
        newest = max(row["hour"] for row in rows)
        if newest % 6 == 0:
            connection.execute(delete(catalogue_volumes).where(catalogue_volumes.c.hour <= newest - KEPT_HOURS))


def read(engine: Engine, *, since_hour: int) -> dict[Key, dict[int, int]]:
    """Return how many came in each hour from `since_hour` on, by event."""
    events, volumes = catalogue_events.c, catalogue_volumes.c
    query = (
        select(events.source, events.type, events.name, volumes.hour, volumes.count)
        .select_from(catalogue_volumes.join(catalogue_events))
        .where(volumes.hour >= since_hour)
        .order_by(volumes.hour)
    )
    found: dict[Key, dict[int, int]] = {}
    with engine.connect() as connection:
        for source, type_, name, hour, number in connection.execute(query):
            found.setdefault((source, type_, name), {})[hour] = number
    return found
