"""Who is to be deleted, and how far that is at each destination."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, cast

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from trackway.destinations.kit import Person
from trackway.errors import TrackwayError
from trackway.state import writing
from trackway.state.tables import deletion_targets as targets
from trackway.state.tables import deletions

State: TypeAlias = Literal["waiting", "done", "unsupported", "failed"]
Status: TypeAlias = Literal["RUNNING", "FINISHED", "PARTIAL_SUCCESS", "FAILED", "NOT_SUPPORTED"]
Heads: TypeAlias = dict[int, int]
"""By partition of the events log, the offset after the last event."""


class Target(Struct, kw_only=True):
    """A deletion at one destination."""

    destination: str
    type: str
    state: State
    tries: int
    requests: int
    """HTTP requests, those for tokens and look-ups included."""
    status: int | None
    """Of the last answer."""
    reason: str
    """Why it is not done; `""` when it is, or nothing has been tried."""
    detail: str
    answer: str
    """The beginning of the last answer, without secrets."""
    next_at_ms: int
    ended_ms: int | None


class Deletion(Struct, kw_only=True):
    """What was asked about one person."""

    id: int
    person: Person
    asked_ms: int
    targets: list[Target]

    @property
    def status(self) -> Status:
        """All of it in one word of Segment's."""
        states = {target.state for target in self.targets}
        if "waiting" in states:
            return "RUNNING"
        if states <= {"done"}:
            return "FINISHED"
        if "done" in states:
            return "PARTIAL_SUCCESS"
        return "FAILED" if "failed" in states else "NOT_SUPPORTED"


class Due(NamedTuple):
    """A deletion whose time has come at a destination."""

    deletion: int
    person: Person
    since_ms: int
    """When it was asked for, last."""
    destination: str
    tries: int
    requests: int
    heads: Heads | None
    """Events that must have arrived first; None before that is known."""


class UnknownDeletion(TrackwayError):
    """There is no such deletion."""


def ask(
    engine: Engine, persons: Iterable[Person], destinations: Mapping[str, str], *, now_ms: int | None = None
) -> list[int]:
    """Write down that people are to be deleted at `destinations` (key to type), and return the deletions' numbers.

    They are durable on return. Somebody who is asked for twice is deleted twice. `now_ms` is the time, default: now.
    """
    now_ms = now_ms if now_ms is not None else _now_ms()
    numbers: list[int] = []
    with writing(engine) as connection:
        for person in persons:
            values = {"person": msgspec.json.encode(person).decode(), "asked_ms": now_ms}
            key = connection.execute(insert(deletions).values(values)).inserted_primary_key
            if key is None:
                raise RuntimeError("the database gave no number")
            numbers.append(int(key[0]))
            rows = [_new(numbers[-1], name, kind, now_ms) for name, kind in destinations.items()]
            if rows:
                connection.execute(insert(targets), rows)
    return numbers


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _new(deletion: int, destination: str, kind: str, now_ms: int) -> dict[str, Any]:
    return {
        "deletion": deletion,
        "destination": destination,
        "type": kind,
        "state": "waiting",
        "tries": 0,
        "requests": 0,
        "reason": "",
        "detail": "",
        "answer": "",
        "since_ms": now_ms,
        "next_at_ms": now_ms,
    }


def read(engine: Engine, number: int) -> Deletion:
    """Return a deletion.

    Raises:
        UnknownDeletion: there is none of this number.
    """
    found = _read(engine, deletions.c.id == number)
    if not found:
        raise UnknownDeletion(f"there is no deletion {number}; see `trackway deletions list`")
    return found[0]


def read_all(engine: Engine) -> list[Deletion]:
    """Return all deletions, the newest first."""
    return _read(engine)


def _read(engine: Engine, *which: Any) -> list[Deletion]:
    with engine.connect() as connection:
        rows = connection.execute(select(deletions).where(*which).order_by(deletions.c.id.desc())).all()
        wanted = select(targets).order_by(targets.c.destination)
        if which:
            wanted = wanted.where(targets.c.deletion.in_([row.id for row in rows]))
        by_deletion: dict[int, list[Target]] = {}
        for row in connection.execute(wanted):
            by_deletion.setdefault(row.deletion, []).append(_target(row))
    return [
        Deletion(id=row.id, person=_person(row.person), asked_ms=row.asked_ms, targets=by_deletion.get(row.id, []))
        for row in rows
    ]


def _person(text: str) -> Person:
    return msgspec.json.decode(text, type=Person)


def _target(row: Row[Any]) -> Target:
    return Target(**{name: getattr(row, name) for name in Target.__struct_fields__})


def ask_again(engine: Engine, number: int, *, now_ms: int | None = None) -> list[str]:
    """Let a deletion be tried again where it failed or could not be asked; return these destinations.

    Raises:
        UnknownDeletion: there is none of this number.
    """
    ended = [one.destination for one in read(engine, number).targets if one.state in ("failed", "unsupported")]
    now_ms = now_ms if now_ms is not None else _now_ms()
    values = {"state": "waiting", "tries": 0, "next_at_ms": now_ms, "since_ms": now_ms, "ended_ms": None}
    with writing(engine) as connection:
        mine = targets.c.deletion == number, targets.c.destination.in_(ended)
        connection.execute(update(targets).where(*mine).values(values))
    return ended


def due(engine: Engine, now_ms: int, *, most: int) -> list[Due]:
    """Return at most `most` deletions whose time has come, in the order in which they were asked."""
    both = select(targets, deletions.c.person).join(deletions, deletions.c.id == targets.c.deletion)
    ready = targets.c.state == "waiting", targets.c.next_at_ms <= now_ms
    with engine.connect() as connection:
        found = connection.execute(both.where(*ready).order_by(targets.c.deletion).limit(most)).all()
    return [
        Due(
            row.deletion,
            _person(row.person),
            row.since_ms,
            row.destination,
            row.tries,
            row.requests,
            None if row.heads is None else msgspec.json.decode(row.heads, type=Heads),
        )
        for row in found
    ]


def note(engine: Engine, one: Due, **values: Any) -> None:
    """Change what is known of a deletion at a destination; when all of it is done, only the user id is kept of whom."""
    heads = cast("Heads | None", values.pop("heads", None))
    if heads is not None:
        values["heads"] = msgspec.json.encode(heads).decode()
    with writing(engine) as connection:
        mine = targets.c.deletion == one.deletion, targets.c.destination == one.destination
        connection.execute(update(targets).where(*mine).values(values))
        if values.get("state") == "done":
            _forget(connection, one)


def _forget(connection: Connection, one: Due) -> None:
    states: Sequence[str] = (
        connection.execute(select(targets.c.state).where(targets.c.deletion == one.deletion)).scalars().all()
    )
    if all(state == "done" for state in states):
        left = msgspec.json.encode(Person(user_id=one.person.user_id)).decode()
        connection.execute(update(deletions).where(deletions.c.id == one.deletion).values(person=left))


def counts(engine: Engine) -> dict[tuple[str, str], int]:
    """Return how many deletions are in each state, by destination and state."""
    grouped = select(targets.c.destination, targets.c.state, func.count()).group_by(
        targets.c.destination, targets.c.state
    )
    with engine.connect() as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(grouped)}
