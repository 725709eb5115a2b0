"""Relational state: cursors, attempts, exceptions, tallies. SQLite when embedded, PostgreSQL at scale."""

from trackway.state.engine import StateError, Writing, open_state, upsert, writing

__all__ = ["StateError", "Writing", "open_state", "upsert", "writing"]
