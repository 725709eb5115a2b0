"""What was asked to be sent again, and how far it is."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field
from sqlalchemy import Engine, Row, insert, select, update

from trackway.delivery.ledger import Counts, tallied
from trackway.delivery.trace import replay_key
from trackway.errors import TrackwayError
from trackway.state import writing
from trackway.state.tables import cursors, replays

OPEN = ("waiting", "running")


class Order(Struct, frozen=True, kw_only=True):
    """Which events, how, and how fast."""

    spans: dict[int, tuple[int, int]]
    """By partition of the events log: the first offset to look at, and the one after the last."""
    from_ms: int | None = None
    """Received at or after."""
    to_ms: int | None = None
    """Received before."""
    where: str = ""
    """FQL; `""` asks nothing."""
    sources: list[str] = []
    """Only these; none are all."""
    through_pipeline: bool = False
    """Make the events anew from the raw calls by today's pipeline."""
    again: bool = False
    """Also what the destination has already."""
    rate: float | None = None
    """Events a second at the most."""

    @property
    def size(self) -> int:
        """Events to look at."""
        return sum(end - start for start, end in self.spans.values())


class Replay(Struct, kw_only=True):
    """An order and how far it is."""

    id: int
    destination: str
    order: Order
    state: str
    """`waiting`, `running`, `done`, `cancelled` or `failed`."""
    error: str
    created_ms: int
    ended_ms: int | None
    looked_at: int
    """Events of `order.size` that have an end, or that a later try waits for."""
    counts: Counts = field(default_factory=Counts)
    """How they ended."""


class UnknownReplay(TrackwayError):
    """There is no such replay."""


def give(engine: Engine, destination: str, order: Order) -> int:
    """Write an order down and return its number; it is durable on return."""
    with writing(engine) as connection:
        values = {
            "destination": destination,
            "order": msgspec.json.encode(order).decode(),
            "state": "waiting",
            "error": "",
            "created_ms": time.time_ns() // 1_000_000,
        }
        key = connection.execute(insert(replays).values(values)).inserted_primary_key
        if key is None:
            raise RuntimeError("the database gave no number")
        return int(key[0])


def read(engine: Engine, number: int) -> Replay:
    """Return a replay.

    Raises:
        UnknownReplay: there is none of this number.
    """
    with engine.connect() as connection:
        row = connection.execute(select(replays).where(replays.c.id == number)).first()
    if row is None:
        raise UnknownReplay(f"there is no replay {number}; see `trackway replay list`")
    return _replay(engine, row)


def read_all(engine: Engine) -> list[Replay]:
    """Return all replays, the newest first."""
    with engine.connect() as connection:
        rows = connection.execute(select(replays).order_by(replays.c.id.desc())).all()
    return [_replay(engine, row) for row in rows]


def read_open(engine: Engine) -> list[Replay]:
    """Return the replays that have not ended, the oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(select(replays).where(replays.c.state.in_(OPEN)).order_by(replays.c.id)).all()
    return [_replay(engine, row) for row in rows]


def cancel(engine: Engine, number: int) -> bool:
    """End a replay where it stands; return False when it had ended already.

    Raises:
        UnknownReplay: there is none of this number.
    """
    read(engine, number)
    return move(engine, number, "cancelled")


def move(engine: Engine, number: int, state: str, error: str = "") -> bool:
    """Bring an open replay into another state; return False when it is open no more."""
    values: Mapping[str, Any] = {
        "state": state,
        "error": error,
        "ended_ms": None if state in OPEN else time.time_ns() // 1_000_000,
    }
    with writing(engine) as connection:
        still_open = replays.c.id == number, replays.c.state.in_(OPEN)
        return connection.execute(update(replays).where(*still_open).values(values)).rowcount > 0


def _replay(engine: Engine, row: Row[Any]) -> Replay:
    order = msgspec.json.decode(row.order, type=Order)
    key = replay_key(row.destination, row.id)
    with engine.connect() as connection:
        counts = tallied(connection, key)
        stand = connection.execute(
            select(cursors.c.partition, cursors.c.next_offset).where(cursors.c.destination == key)
        ).all()
    passed = sum(max(0, found.next_offset - order.spans.get(found.partition, (0, 0))[0]) for found in stand)
    counts.accepted = order.size
    counts.pending = order.size - passed + counts.retrying
    return Replay(
        id=row.id,
        destination=row.destination,
        order=order,
        state=row.state,
        error=row.error,
        created_ms=row.created_ms,
        ended_ms=row.ended_ms,
        looked_at=passed,
        counts=counts,
    )
