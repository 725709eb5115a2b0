"""Refused calls as plain data, and in groups of those refused alike."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from trackway.events.clock_skew import format_ms
from trackway.events.records import QUARANTINE
from trackway.node.quarantine.found import Quarantined


class Group(Struct, kw_only=True):
    """Calls that were refused alike."""

    count: int
    source: str
    reason: str
    pointer: str
    name: str
    newest: str
    """Position of the newest one."""
    newest_at: str


def table_row(one: Quarantined) -> dict[str, Any]:
    """Return a call as plain data, without its body."""
    record = one.record
    return {
        "position": position(one),
        "received_at": format_ms(record.received_at_ms),
        "source": record.source,
        "type": record.type,
        "name": one.name,
        "message_id": record.message_id,
        "stage": record.stage,
        "reason": record.refusal.reason,
        "pointer": record.refusal.pointer,
        "message": record.refusal.message,
        "released": one.released,
    }


def position(one: Quarantined) -> str:
    """Return where a call stands: `quarantine/0/12`."""
    return f"{QUARANTINE}/{one.place.partition}/{one.place.offset}"


def group_calls(calls: Iterable[Quarantined]) -> list[Group]:
    """Return the calls, newest first, in groups, the largest first."""
    groups: dict[tuple[str, ...], Group] = {}
    for one in calls:
        record = one.record
        key = (record.source, record.refusal.reason, record.refusal.pointer, one.name)
        if key not in groups:
            source, reason, pointer, name = key
            at = format_ms(record.received_at_ms)
            groups[key] = Group(
                count=0, source=source, reason=reason, pointer=pointer, name=name, newest=position(one), newest_at=at
            )
        groups[key].count += 1
    return sorted(groups.values(), key=lambda group: -group.count)
