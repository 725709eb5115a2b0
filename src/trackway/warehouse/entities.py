# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""The latest traits of users and accounts, out of the calls of one load.

Latest by when the call was made, the event's `timestamp`: what arrives late does not undo what is newer. Calls of one
moment count in the order of the log. Each trait has its own moment, as calls mention some traits and not others.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from trackway.warehouse.columns import INSTANT, Column, Values, column_of


class Latest(Struct, frozen=True, kw_only=True):
    """When what the rows of users or accounts say was said."""

    at: pa.Array
    """By row: the moment of its last call. What describes that call, `received_at` and the context, holds unless that
    of a later one is stored."""
    times: dict[str, pa.Array]
    """By trait's column and row: the moment of the last call that had the trait; null where none had. The column's
    value holds unless one of a later moment is stored; it is null where null was sent."""


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
