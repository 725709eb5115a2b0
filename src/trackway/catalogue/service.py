"""What keeps the catalogue up with the events."""

from trackway.catalogue.store import Catalogue
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.log.event_feed import EventFeed

_LINGER_S = 1.0


def catalogue_feed(catalogue: Catalogue, log: EventLog) -> EventFeed:
    """Return the thread that enters the events of `log` into `catalogue`."""
    return EventFeed(log, consumers.CATALOGUE, catalogue.take, positions=catalogue.positions, linger_s=_LINGER_S)
