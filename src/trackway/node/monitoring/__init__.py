"""How the product does over time: totals kept in steps of seconds to days, and how things stand now."""

from trackway.node.monitoring.monitor import Monitor

__all__ = ["Monitor"]
