# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""The latest traits of users and accounts, out of the calls of one load.

Latest by when the call was made, the event's `timestamp`: what arrives late does not undo what is newer. Calls of one
moment count in the order of the log. Each trait has its own moment, as calls mention some traits and not others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from trackway.warehouse.columns import INSTANT, Column, Kind, Values, column_of, taken, text_of
from trackway.warehouse.joining import join_values


class Latest(Struct, frozen=True, kw_only=True):
    """When what the rows of users or accounts say was said."""

    at: pa.Array
    """By row: the moment of its last call. What describes that call, `received_at` and the context, holds unless that
    of a later one is stored."""
    times: dict[str, pa.Array]
    """By trait's column and row: the moment of the last call that had the trait; null where none had. The column's
    value holds unless one of a later moment is stored; it is null where null was sent."""


class Described(Struct, frozen=True, kw_only=True):
    """Calls that say something about users or groups, in the order of the log; by row what each has."""

    ids: Sequence[str]
    times_ms: Sequence[int]
    received_at: pa.Array
    context: Mapping[str, Values]
    """By column."""
    traits: Mapping[str, Values]
    """By column."""
    nulls: Mapping[str, Sequence[int]]
    """By column of a trait: the rows that have null."""


def described(ids: Sequence[Any], calls: Described) -> Described | None:
    """Return those of the calls that have an id, which is text then; None when there are none."""
    rows = [row for row, owner in enumerate(ids) if owner is not None and owner != ""]
    if not rows:
        return None
    if len(rows) == len(ids):
        return msgspec.structs.replace(calls, ids=list(map(text_of, ids)))
    kept = pa.array(rows, pa.int64())
    place = {row: number for number, row in enumerate(rows)}
    return Described(
        ids=[text_of(ids[row]) for row in rows],
        times_ms=[calls.times_ms[row] for row in rows],
        received_at=calls.received_at.take(kept),
        context={name: taken(values, kept) for name, values in calls.context.items()},
        traits={name: taken(values, kept) for name, values in calls.traits.items()},
        nulls={name: [place[row] for row in places if row in place] for name, places in calls.nulls.items()},
    )


def joined(parts: Sequence[Described]) -> Described:
    """Return the calls of several parts of a load, one after the other."""
    if len(parts) == 1:
        return parts[0]
    nulls: dict[str, list[int]] = {}
    start = 0
    for part in parts:
        for name, rows in part.nulls.items():
            nulls.setdefault(name, []).extend(start + row for row in rows)
        start += len(part.ids)
    return Described(
        ids=[one for part in parts for one in part.ids],
        times_ms=[one for part in parts for one in part.times_ms],
        received_at=pa.concat_arrays([part.received_at for part in parts]),
        context=_joined([part.context for part in parts], parts),
        traits=_joined([part.traits for part in parts], parts),
        nulls=nulls,
    )


def _joined(columns: Sequence[Mapping[str, Values]], parts: Sequence[Described]) -> dict[str, Values]:
    names = dict.fromkeys(name for values in columns for name in values)
    counts = [len(part.ids) for part in parts]
    return {
        name: join_values([(values.get(name), rows) for values, rows in zip(columns, counts, strict=True)])
        for name in names
    }


def entities_of(calls: Described) -> tuple[dict[str, Column], Latest]:
    """Return the users or accounts as the calls leave them, a row each, and when what they have was said."""
    owners = Owners(calls.ids, calls.times_ms)
    values, times = latest(owners, calls.traits, calls.nulls)
    columns = {
        "id": Column(pa.array(owners.ids, pa.string()), Kind.TEXT),
        "received_at": Column(calls.received_at.take(owners.last_rows), Kind.TIMESTAMP),
    }
    for name, every in calls.context.items():
        if (column := column_of(every)) is not None:
            columns[name] = column.taken(owners.last_rows)
    return columns | values, Latest(at=owners.moments.take(owners.last_rows), times=times)


class Owners:
    """Which calls are the last ones of each user or group."""

    def __init__(self, ids: Sequence[str], times_ms: Sequence[int]) -> None:
        """Take for each call, in the order of the log, whose it is, and its moment."""
        place: dict[str, int] = {}
        places = [place.setdefault(owner, len(place)) for owner in ids]
        self.ids = list(place)
        order = sorted(range(len(ids)), key=times_ms.__getitem__)
        ranks = [0] * len(ids)
        last = [0] * len(place)
        for rank, row in enumerate(order):
            ranks[row] = rank
            last[places[row]] = row
        self.last_rows = pa.array(last, pa.int64())
        """The row of each owner's last call."""
        self.moments = pa.array(times_ms, pa.timestamp("ms")).cast(INSTANT)
        self._order = pa.array(order, pa.int64())
        self._places = pa.array(range(len(place)), pa.int64())
        self._ranked = pa.table({"place": pa.array(places, pa.int64()), "rank": pa.array(ranks, pa.int64())})

    def last_rows_of(self, sent: pa.Array) -> pa.Array:
        """Return each owner's last row of those that are `sent`; null where there is none."""
        if sent.true_count == len(sent):
            return self.last_rows
        grouped = self._ranked.filter(sent).group_by("place").aggregate([("rank", "max")])
        where = pc.index_in(self._places, value_set=grouped["place"].combine_chunks())
        return self._order.take(grouped["rank_max"].combine_chunks().take(where))


def latest(
    owners: Owners, values: Mapping[str, Values], nulls: Mapping[str, Sequence[int]]
) -> tuple[dict[str, Column], dict[str, pa.Array]]:
    """Return the latest traits by column, and their moments; `nulls` are the rows that have null for a column.

    A trait that was not sent keeps its value, one sent as null loses it: it has a moment and no value. Null for an
    object is null for a column of its own name, not for those of its members.
    """
    columns: dict[str, Column] = {}
    times: dict[str, pa.Array] = {}
    for name in [*values, *(name for name in nulls if name not in values)]:
        column = column_of(values[name]) if name in values else None
        sent = _sent(column, nulls.get(name, ()), len(owners.moments))
        if sent.true_count == 0:
            continue
        rows = owners.last_rows_of(sent)
        times[name] = owners.moments.take(rows)
        if column is not None:
            # Of the type of all calls, not only of the last: a load must not widen less than two would.
            columns[name] = column.taken(rows)
    return columns, times


def _sent(column: Column | None, nulls: Sequence[int], count: int) -> pa.Array:
    flags = [False] * count
    if not nulls:
        return pa.array(flags, pa.bool_()) if column is None else column.present
    for row in nulls:
        flags[row] = True
    sent = pa.array(flags, pa.bool_())
    return sent if column is None else pc.or_(column.present, sent)
