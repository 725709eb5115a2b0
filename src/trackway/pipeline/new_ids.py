"""Which ids are certainly new: Bloom filters in memory, over the ids of a few buckets of time.

Nearly every id is new, and a filter says so in a fraction of the time that RocksDB takes. It never calls an id new that
it was told; where it says perhaps, the index is asked. So an error here costs time, but never an event.
"""

from collections.abc import Collection, Sequence

from rbloom import Bloom

_FIRST = 500_000
"""Ids that a bucket's first filter is made for, when nothing is known of it."""
_GROWTH = 8
_FALSE = 0.01
"""How often a full filter says perhaps of a new id; there may be several, of two buckets."""
_BYTES_AN_ID = 1.2
"""What that takes."""
_MOST_BYTES = 64 << 20
"""Of one bucket. When there is no room for a larger filter, the last one says perhaps more and more often."""


class NewIds:
    """Filters over the ids of the newest buckets. In memory alone: who makes one tells it all that is known."""

    def __init__(self, first: int) -> None:
        """Stand for the buckets from `first` on, which have no ids yet."""
        self._first = first
        self._filters: dict[int, _Filters] = {}
        self.expected = _FIRST
        """Ids that a bucket may have, so that one filter will do."""

    def add(self, bucket: int, ids: Collection[bytes]) -> None:
        """Note ids of a bucket."""
        if bucket >= self._first:
            filters = self._filters.get(bucket)
            if filters is None:
                filters = self._filters[bucket] = _Filters(self.expected)
            filters.add(ids)

    def forget_below(self, first: int) -> None:
        """Stand for the buckets from `first` on alone; what was in the others says how large the next one is made."""
        self._first = max(self._first, first)
        for bucket in [one for one in self._filters if one < first]:
            self.expected = max(_FIRST, self._filters.pop(bucket).count)

    def perhaps_known(self, ids: Sequence[bytes], bucket: int) -> Sequence[bytes]:
        """Return those of `ids` that may be in a bucket; the others are surely not."""
        if bucket < self._first:
            return ids
        filters = self._filters.get(bucket)
        return () if filters is None else filters.perhaps(ids)


class _Filters:
    """The filters of one bucket; a further one, larger, when the last is full."""

    def __init__(self, expected: int) -> None:
        self.count = 0
        self._bytes = 0
        self._room = 0
        self._wanted = expected
        self.all: list[Bloom] = []
        self._grow()

    def add(self, ids: Collection[bytes]) -> None:
        if self.count >= self._room:
            self._grow()
        self.all[-1].update(ids)  # pyright: ignore[reportUnknownMemberType] - the stub says nothing of the ids
        self.count += len(ids)

    def perhaps(self, ids: Sequence[bytes]) -> Sequence[bytes]:
        # Nearly none is in any filter, so that it costs more to ask for each id than for each filter.
        found = [one for some in self.all for one in ids if one in some]
        return found if len(self.all) == 1 else [*dict.fromkeys(found)]

    def _grow(self) -> None:
        size = min(self._wanted, int((_MOST_BYTES - self._bytes) / _BYTES_AN_ID))
        if 2 * size >= min(self._wanted, self._room):  # a small one would be asked each time for little
            self.all.append(Bloom(size, _FALSE))
            self._bytes += self.all[-1].size_in_bits // 8
            self._room += size
            self._wanted = size * _GROWTH
