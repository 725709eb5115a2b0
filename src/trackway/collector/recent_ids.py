"""Message ids of the last minutes, for a verdict on the spot. A hint only: the pipeline has the final say."""

from collections.abc import Sequence

_KEPT = 100_000


class RecentIds:
    """The last 100,000 to 200,000 ids that a process has committed, as hashes, a few megabytes at most."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._new: list[tuple[str, Sequence[str]]] = []
        self._new_count = 0

    def has(self, source: str, message_id: str) -> bool:
        """Return whether a source's id came before."""
        self._sort_in()
        key = hash((source, message_id))
        return key in self._young or key in self._old

    def remember(self, source: str, message_ids: Sequence[str]) -> None:
        """Take note of ids that are durable now; they are sorted in when somebody asks, as few do."""
        self._new.append((source, message_ids))
        self._new_count += len(message_ids)
        if self._new_count >= self._kept // 10:
            self._sort_in()

    def _sort_in(self) -> None:
        for source, message_ids in self._new:
            self._young.update([hash((source, one)) for one in message_ids])
            if len(self._young) >= self._kept:
                self._old, self._young = self._young, set()
        self._new.clear()
        self._new_count = 0
