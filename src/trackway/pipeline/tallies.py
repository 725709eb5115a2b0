"""How many calls of each source ended how: counted in the same transaction as the records themselves."""

from msgspec import Struct, field, json


class SourceTally(Struct):
    """The ends of one source's calls so far."""

    events: int = 0
    quarantine: dict[str, int] = field(default_factory=dict[str, int])
    dropped: dict[str, int] = field(default_factory=dict[str, int])
    split: int = 0
    """Records beyond the first of calls that a function split: calls = events + quarantine + dropped - split."""

    faults: int = 0
    """Calls that a fault of ours sent the long way; how they ended is counted above."""

    def quarantined(self, reason: str) -> None:
        """Count a refused call."""
        self.quarantine[reason] = self.quarantine.get(reason, 0) + 1

    def drop(self, reason: str) -> None:
        """Count a call left out by design."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1


POSITION = "position"
"""The name of the mark in the clean log that says how far the raw log is read: msgpack, `{partition: next offset}`."""
MARK = "tallies"
"""The name of the mark in the clean log: JSON, `{source: SourceTally}`."""

Tallies = dict[str, SourceTally]
encode_tallies = json.Encoder().encode
_decode = json.Decoder(Tallies).decode


def decode_tallies(mark: bytes | None) -> Tallies:
    """Return what a mark says; empty for None."""
    return _decode(mark) if mark else {}


def add_up(marks: list[bytes]) -> Tallies:
    """Return the sum over the marks of all partitions."""
    total: Tallies = {}
    for mark in marks:
        for source, tally in _decode(mark).items():
            into = total.setdefault(source, SourceTally())
            into.events += tally.events
            into.split += tally.split
            into.faults += tally.faults
            for mine, theirs in ((into.quarantine, tally.quarantine), (into.dropped, tally.dropped)):
                for reason, count in theirs.items():
                    mine[reason] = mine.get(reason, 0) + count
    return total
