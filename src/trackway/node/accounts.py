"""The product's own counts, for the console: from the logs and the state, never from a counter that could drift."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Engine

from trackway.delivery.ledger import DestinationCounts, destination_counts
from trackway.events import canary
from trackway.log.contract import EventLog
from trackway.node.lag import ConsumerLag, lags
from trackway.pipeline.tallies import MARK, add_up
from trackway.workspace.model import Workspace


class SourceCounts(NamedTuple):
    """What became of everything one source sent."""

    source: str
    events: int
    quarantine: dict[str, int]
    dropped: dict[str, int]


class LogAccounts:
    """Counts over the two logs and the delivery state."""

    def __init__(self, workspace: Workspace, raw: EventLog, clean: EventLog, engine: Engine) -> None:
        self.workspace = workspace
        """The settings in force; they change while the product runs."""
        self._raw = raw
        self._clean = clean
        self._engine = engine

    def sources(self) -> Sequence[SourceCounts]:
        """Return the counts of every source that has any."""
        tallies = add_up(list(self._clean.marks(MARK).values()))
        return [
            SourceCounts(name, tally.events, tally.quarantine, tally.dropped)
            for name, tally in sorted(tallies.items())
            if name != canary.SOURCE
        ]

    def destinations(self) -> Sequence[DestinationCounts]:
        """Return the ledger of every destination in trackway.yaml; others may have been there before."""
        counts = destination_counts(self._engine, self._clean)
        return [one for one in counts if one.destination in self.workspace.destinations]

    def consumers(self) -> Sequence[ConsumerLag]:
        """Return the lag of every consumer of the logs."""
        return lags(self._raw, self._clean)
