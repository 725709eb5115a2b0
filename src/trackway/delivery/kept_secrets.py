"""Secrets that vendors hand out in place of those in the settings, such as the next refresh token: kept on disk."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from trackway.destinations.destination import Destination
from trackway.state import upsert, writing
from trackway.state.tables import kept_secrets

_log = logging.getLogger("trackway.delivery")


class KeptSecrets:
    """A destination's, for every process that works with it: each look reads what the last one of them has kept."""

    def __init__(self, engine: Engine, destination: str) -> None:
        """`destination` is its key in the workspace."""
        self._engine = engine
        self._destination = destination
        self._unwritten: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self.hide: Callable[[str], None] = lambda _: None
        """Is told of each secret, before anything with it can be shown."""

    @classmethod
    def of(cls, destination: Destination, engine: Engine, key: str, hide: Callable[[str], None]) -> Self:
        """Return where a destination keeps its secrets: what it could not write yet outlives a worker that breaks."""
        kept = destination.kept if isinstance(destination.kept, cls) else cls(engine, key)
        kept.hide = hide
        destination.kept = kept
        return kept

    @property
    def changed(self) -> bool:
        """Whether there is anything to `write`."""
        return bool(self._unwritten)

    def get(self, name: str) -> str | None:
        """Return what is kept under a name; reads the state database, which is worth it where a request follows."""
        found = self._unwritten.get(name)
        if found is None:
            mine = kept_secrets.c.destination == self._destination, kept_secrets.c.name == name
            try:
                with self._engine.connect() as connection:
                    found = connection.execute(select(kept_secrets.c.secret).where(*mine)).scalar()
            except SQLAlchemyError:  # it costs no event: at worst the sign-in is refused, and events wait
                found = self._seen.get(name)
        if found is not None:
            self.hide(found)
            self._seen[name] = found
        return found

    def put(self, name: str, secret: str) -> None:
        """Keep a secret under a name; it is on disk after the next `write`."""
        self.hide(secret)
        self._unwritten[name] = secret

    def write(self) -> None:
        """Write what was put; blocks. When it cannot be written that is told, and the next call tries again."""
        unwritten = dict(self._unwritten)
        at_ms = time.time_ns() // 1_000_000
        rows = [
            {"destination": self._destination, "name": name, "secret": secret, "at_ms": at_ms}
            for name, secret in unwritten.items()
        ]
        try:
            self._close_to_others()
            with writing(self._engine) as connection:
                upsert(connection, kept_secrets, rows)
        except (SQLAlchemyError, OSError) as error:
            _log.error(
                "destination %s: its new refresh token cannot be written, and a restart would lose it: %s",
                self._destination,
                getattr(error, "orig", None) or type(error).__name__,
            )
            return
        self._unwritten = {name: one for name, one in self._unwritten.items() if unwritten.get(name) != one}

    def _close_to_others(self) -> None:
        """Make the state database its owner's alone, where it is a file."""
        if self._engine.dialect.name != "sqlite" or not (file := self._engine.url.database):
            return
        for one in (Path(file), Path(f"{file}-wal"), Path(f"{file}-shm")):
            if one.exists():
                os.chmod(one, 0o600)
