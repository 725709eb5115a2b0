"""Accounts of events in the hub: the trace index, the ledger's watch, and what the console asks about them."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Sequence

from prometheus_client.core import Metric
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from trackway.errors import TrackwayError
from trackway.log.contract import EventLog
from trackway.node.lag import lags
from trackway.node.ledger import Ledger, read_ledger
from trackway.node.ledger_metrics import ledger_families
from trackway.node.tracing.index import Follower, TraceIndex
from trackway.node.tracing.rows import Ask
from trackway.node.tracing.service import Traces
from trackway.node.tracing.story import Story, Teller
from trackway.workspace.model import Workspace

_WATCH_EVERY_S = 10.0
_log = logging.getLogger(__name__)


class HubAccounting:
    """Keeps the trace index up, compares the books, and answers the console. Its methods are for any thread."""

    def __init__(self, workspace: Workspace, raw: EventLog, clean: EventLog, engine: Engine, ask: Ask | None) -> None:
        """`ask` asks the warehouse; None: there is none."""
        self.workspace = workspace
        """The settings in force; they change while the product runs."""
        self._raw = raw
        self._clean = clean
        self._engine = engine
        index = _open_index(workspace, clean)
        self._follower = Follower(index) if index is not None else None
        self._traces = Traces(clean, Teller(lambda: self.workspace, raw, clean, engine, ask), index)
        self._stopping = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="ledger-watch", daemon=True)
        self._told: dict[str, int] = {}

    def start(self) -> None:
        """Begin to follow the log and to compare."""
        if self._follower is not None:
            self._follower.start()
        self._watching.start()

    def stop(self) -> None:
        """End what `start` began."""
        self._stopping.set()
        if self._follower is not None:
            self._follower.stop()
        self._watching.join()

    def ledger(self) -> Ledger:
        """Return the ledger of this moment."""
        return read_ledger(self.workspace, self._raw, self._clean, self._engine)

    @property
    def differences(self) -> dict[str, int]:
        """What did not balance when the books were compared last."""
        return self._told

    async def metrics(self) -> Sequence[Metric]:
        """Return the ledger and the lag of all readers as Prometheus' metric families."""
        return await asyncio.to_thread(self._metrics)

    def _metrics(self) -> Sequence[Metric]:
        return list(ledger_families(self.ledger(), lags(self._raw, self._clean)))

    def trace(self, message_id: str) -> Sequence[Story]:
        """Return what became of every call with this id."""
        return self._traces.trace(message_id)

    def topics_of(self, message_id: str) -> Sequence[str]:
        """Return the topics of the clean log in which a message id stands."""
        return [found.topic for found in self._traces.find(message_id)]

    def _watch(self) -> None:
        """Sound the alarm when the books do not balance: an error in the log, once for each new difference."""
        while not self._stopping.wait(_WATCH_EVERY_S):
            try:
                found = self.ledger().differences
            except (TrackwayError, SQLAlchemyError, sqlite3.Error, OSError):
                _log.exception("the ledger cannot be read; trying again")
                continue
            if found != self._told:
                self._told = found
                for name, difference in found.items():
                    _log.error("the ledger does not balance: %s, difference %+d", name, difference)


def _open_index(workspace: Workspace, clean: EventLog) -> TraceIndex | None:
    try:
        return TraceIndex(workspace.data / "trace-index", clean)
    except TrackwayError as error:
        _log.error("traces read the whole log for now: %s", error)
        return None
