"""What rules said last, and who was told of it: a row for each subject of which a rule holds, or of whose end somebody
has to be told yet. So a restart repeats no message and forgets no end.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, delete, func, insert, select

from trackway.node.alerting.rules import Said
from trackway.state import upsert, writing
from trackway.state.tables import alerts, alerts_over

MOST_OVER = 1000
"""Alerts that are over are kept up to this number; the oldest go."""


class Told(Struct, frozen=True, array_like=True):
    """What a channel was told last, and when."""

    resolved: bool
    at_ms: int


class Standing(Struct, frozen=True, kw_only=True):
    """A rule that holds of a subject, or held and somebody has to be told yet that it is over."""

    rule: str
    subject: str
    since_ms: int
    """Since when it holds."""
    fired_ms: int | None = None
    """When it became worth a message; None: it has not held for long enough yet."""
    resolved_ms: int | None = None
    """When it was over."""
    title: str
    text: str
    told: dict[str, Told] = {}
    """By channel."""


class Over(Struct, frozen=True, kw_only=True):
    """An alert that is over."""

    rule: str
    subject: str
    since_ms: int
    fired_ms: int
    resolved_ms: int
    title: str
    text: str


_decode_told = msgspec.json.Decoder(dict[str, Told]).decode


class AlertBook:
    """The standings in the state database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self) -> list[Standing]:
        """Return all standings, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(alerts).order_by(alerts.c.since_ms, alerts.c.rule, alerts.c.subject))
            return [_standing(row) for row in rows.mappings()]

    def past(self, limit: int) -> list[Over]:
        """Return alerts that are over, those that ended last first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(alerts_over).order_by(alerts_over.c.id.desc()).limit(limit))
            return [Over(**{name: row[name] for name in Over.__struct_fields__}) for row in rows.mappings()]

    def write(
        self, changed: Sequence[Standing], gone: Collection[tuple[str, str]], *, over: Sequence[Standing] = ()
    ) -> None:
        """Write what has changed, remove the standings of these rules and subjects, and keep those that are over."""
        if not changed and not gone:
            return
        rows = [msgspec.structs.asdict(one) | {"told": msgspec.json.encode(one.told).decode()} for one in changed]
        with writing(self._engine) as connection:
            upsert(connection, alerts, rows)
            for rule, subject in gone:
                connection.execute(delete(alerts).where(alerts.c.rule == rule, alerts.c.subject == subject))
            if over:
                ended = [{name: getattr(one, name) for name in Over.__struct_fields__} for one in over]
                connection.execute(insert(alerts_over), ended)
                newest = select(func.max(alerts_over.c.id) - MOST_OVER).scalar_subquery()
                connection.execute(delete(alerts_over).where(alerts_over.c.id <= newest))


def _standing(row: Mapping[Any, Any]) -> Standing:
    said: dict[str, Any] = {name: row[name] for name in Standing.__struct_fields__}
    said["told"] = _decode_told(row["told"])
    return Standing(**said)


def follow(before: Standing | None, rule: str, said: Said, now_ms: int, *, holds_for_s: float) -> Standing | None:
    """Return how a rule stands of a subject now; None when there is nothing to be remembered.

    Pure. What is over and was worth a message stays until `settled`.
    """
    if said.holds is None or (not said.holds and before is None):
        return before
    if not said.holds:
        assert before is not None  # noqa: S101  told to the type checker
        if before.fired_ms is None:
            return None
        return before if before.resolved_ms else msgspec.structs.replace(before, resolved_ms=now_ms)
    if before is None or before.resolved_ms is not None:
        told = before.told if before is not None else {}
        before = Standing(rule=rule, subject=said.subject, since_ms=now_ms, title="", text="", told=told)
    due = now_ms - before.since_ms >= holds_for_s * 1000
    fired_ms = before.fired_ms if before.fired_ms is not None else now_ms if due else None
    return msgspec.structs.replace(before, title=said.title, text=said.text, fired_ms=fired_ms)


def is_due(one: Standing, channel: str, now_ms: int, repeat_every_s: float) -> bool:
    """Return whether a channel has to be told of a standing."""
    told = one.told.get(channel)
    if one.resolved_ms is not None:
        return told is not None and not told.resolved
    if one.fired_ms is None:
        return False
    return told is None or told.resolved or now_ms - told.at_ms >= repeat_every_s * 1000


def settled(one: Standing) -> bool:
    """Return whether a standing is over and nobody who was told of it waits to hear that."""
    return one.resolved_ms is not None and all(told.resolved for told in one.told.values())
