"""Which destinations are paused: durable, so that a restart sends nothing that somebody has held back."""

from sqlalchemy import Engine, delete, select

from trackway.state import upsert, writing
from trackway.state.tables import pauses


def read(engine: Engine) -> dict[str, int]:
    """Return the paused destinations, each with the time when it was paused, in epoch milliseconds."""
    with engine.connect() as connection:
        return {row.destination: row.at_ms for row in connection.execute(select(pauses))}


def add(engine: Engine, destination: str, at_ms: int) -> None:
    """Note that a destination is paused; the time of the first pause stays."""
    with writing(engine) as connection:
        upsert(connection, pauses, [{"destination": destination, "at_ms": at_ms}], keep=["at_ms"])


def remove(engine: Engine, destination: str) -> None:
    """Note that a destination is paused no more."""
    with writing(engine) as connection:
        connection.execute(delete(pauses).where(pauses.c.destination == destination))
