"""Relational state: cursors, attempts, exceptions, tallies. SQLite when embedded, PostgreSQL at scale."""

from trackway.state.engine import StateError, open_state, upsert, writing

__all__ = ["StateError", "open_state", "upsert", "writing"]
