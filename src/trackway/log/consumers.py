"""The names under which the parts read the logs, in one place: they also say whose unread records are kept."""

PIPELINE = "pipeline"
_DESTINATION, _WAREHOUSE = "destination:", "warehouse:"


def destination(key: str) -> str:
    """Return the consumer name of a destination."""
    return _DESTINATION + key


def warehouse(name: str) -> str:
    """Return the consumer name of a warehouse."""
    return _WAREHOUSE + name


def shown(consumer: str) -> str:
    """Return a consumer's name as people know it: the key in trackway.yaml."""
    return consumer.removeprefix(_DESTINATION).removeprefix(_WAREHOUSE)
