"""What keeps the identity ledger up with the events."""

from collections.abc import Iterable, Mapping

from trackway.events.records import EventRecord, Place
from trackway.identity.evidence import all_evidence_of
from trackway.identity.ledger import IdentityLedger
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.log.event_feed import EventFeed


def identity_feed(ledger: IdentityLedger, log: EventLog) -> EventFeed:
    """Return the thread that enters into `ledger` what the events of `log` say."""

    def take(events: Iterable[tuple[EventRecord, Place]], positions: Mapping[int, int]) -> None:
        ledger.take([one for event, place in events for one in all_evidence_of(event, place)], positions)

    return EventFeed(log, consumers.IDENTITY, take, positions=ledger.positions)
