"""Whose earlier events a destination is not to get any more: those of people whose deletion there was asked for."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine, func, select

from trackway.destinations.kit import Person
from trackway.events.records import EventRecord
from trackway.state.tables import deletion_targets as targets
from trackway.state.tables import deletions

DELETED = "PERSON_DELETED"


class Deleted:
    """People whose deletion at one destination was asked for, however far that is. Belongs to one thread.

    A person is known by the user id, and by the devices' ids in events without one, as long as the deletion has them:
    what is done everywhere keeps the user id alone.
    """

    def __init__(self, engine: Engine, destination: str) -> None:
        """`destination` is its key in the workspace."""
        self._engine = engine
        self._destination = destination
        self._version: tuple[Any, ...] = ()
        self._users: dict[str, int] = {}
        self._devices: dict[str, int] = {}

    def look(self) -> None:
        """Take over what was asked meanwhile."""
        mine = targets.c.destination == self._destination
        newest = select(func.count(), func.max(targets.c.since_ms), func.max(targets.c.ended_ms)).where(mine)
        with self._engine.connect() as connection:
            version = tuple(connection.execute(newest).one())
            if version == self._version:
                return
            asked = select(deletions.c.person, targets.c.since_ms).join(targets, targets.c.deletion == deletions.c.id)
            rows = connection.execute(asked.where(mine).order_by(targets.c.since_ms)).all()
        self._version, self._users, self._devices = version, {}, {}
        for row in rows:
            person = msgspec.json.decode(row.person, type=Person)
            since_ms: int = row.since_ms
            self._users[person.user_id] = since_ms
            self._devices.update(dict.fromkeys(person.anonymous_ids, since_ms))

    def among(self, events: Sequence[EventRecord | None]) -> list[bool]:
        """Say of each event whether `has` it, by what was asked until now."""
        self.look()
        return [event is not None and self.has(event) for event in events]

    def has(self, event: EventRecord) -> bool:
        """Say whether an event is such a person's, from before the deletion was asked for.

        Who comes back later is somebody new: those events go out.
        """
        ids, one = (self._users, event.user_id) if event.user_id else (self._devices, event.anonymous_id)
        since_ms = ids.get(one) if one and ids else None
        return since_ms is not None and event.received_at_ms <= since_ms
