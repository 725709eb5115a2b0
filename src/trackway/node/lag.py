"""How far each consumer of the logs is behind."""

from typing import NamedTuple

from trackway.events.records import EVENTS, RAW
from trackway.log.contract import EventLog


class ConsumerLag(NamedTuple):
    """How far a consumer is behind."""

    consumer: str
    topic: str
    lag: int


def lags(raw: EventLog, clean: EventLog) -> list[ConsumerLag]:
    """Return how many records each consumer has still to read."""
    found: list[ConsumerLag] = []
    for log, topic in ((raw, RAW), (clean, EVENTS)):
        heads = log.heads(topic)
        for consumer, position in sorted(log.consumers(topic).items()):
            lag = sum(max(0, head - position.get(partition, 0)) for partition, head in heads.items())
            found.append(ConsumerLag(consumer, topic, lag))
    return found
