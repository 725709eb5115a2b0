"""The names under which the parts read the logs, in one place: they also say whose unread records are kept."""

from collections.abc import Collection

from trackway.events.records import EVENTS
from trackway.log.contract import EventLog

PIPELINE = "pipeline"
IDENTITY = "identity"
CATALOGUE = "catalogue"
CLIENTS = "clients"
BLOCKED = "blocked"
_DESTINATION, _WAREHOUSE = "destination:", "warehouse:"


def destination(key: str) -> str:
    """Return the consumer name of a destination."""
    return _DESTINATION + key


def warehouse(name: str) -> str:
    """Return the consumer name of a warehouse."""
    return _WAREHOUSE + name


def forward(topic: str) -> str:
    """Return the consumer name of what hands records of a topic on to other sources."""
    return f"forward:{topic}"


def is_part(consumer: str) -> bool:
    """Return whether this reader of the events belongs to the product's daily work: everybody but replays."""
    return consumer in (IDENTITY, CATALOGUE) or consumer.startswith((_DESTINATION, _WAREHOUSE))


def shown(consumer: str) -> str:
    """Return a consumer's name as people know it: the key in trackway.yaml."""
    return consumer.removeprefix(_DESTINATION).removeprefix(_WAREHOUSE)


def forget_others(log: EventLog, kept: Collection[str]) -> list[str]:
    """Hold events for none but the destinations and warehouses whose consumer names are `kept`; return the others."""
    found = [name for name in log.consumers(EVENTS) if name.startswith((_DESTINATION, _WAREHOUSE))]
    forgotten = sorted(set(found) - set(kept))
    for name in forgotten:
        log.forget(name)
    return forgotten
