"""What the console asks of the rest of the product; `trackway.node` hands in the real ones."""

from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Any, Protocol

from trackway.events.records import Place
from trackway.warehouse.contract import QueryResult


class SourceCounts(Protocol):
    """What became of everything one source sent, since the log began."""

    @property
    def source(self) -> str:
        """The source's key in the workspace."""
        ...

    @property
    def events(self) -> int:
        """Clean events."""
        ...

    @property
    def quarantine(self) -> Mapping[str, int]:
        """Refused calls by reason."""
        ...

    @property
    def dropped(self) -> Mapping[str, int]:
        """Calls left out by design, by reason."""
        ...


class DestinationCounts(Protocol):
    """The ledger of one destination: accepted = delivered + discarded + failed + pending."""

    @property
    def destination(self) -> str:
        """The destination's key in the workspace."""
        ...

    @property
    def accepted(self) -> int:
        """Clean events meant for it."""
        ...

    @property
    def delivered(self) -> int:
        """Events it took."""
        ...

    @property
    def discarded(self) -> Mapping[str, int]:
        """Events that were not sent by design, by reason."""
        ...

    @property
    def failed(self) -> Mapping[str, int]:
        """Events it refused for good, by reason."""
        ...

    @property
    def retrying(self) -> int:
        """Events that failed and wait for their next try."""
        ...

    @property
    def pending(self) -> int:
        """Events without an end yet, retrying ones included."""
        ...


class ConsumerLag(Protocol):
    """How far one consumer of a log is behind."""

    @property
    def consumer(self) -> str:
        """The consumer's name."""
        ...

    @property
    def topic(self) -> str:
        """What it reads."""
        ...

    @property
    def lag(self) -> int:
        """Records it has still to read."""
        ...


class Accounts(Protocol):
    """The product's own counts. Each method may block for milliseconds and is called from a thread."""

    def sources(self) -> Sequence[SourceCounts]:
        """Return the counts of every source that has any."""
        ...

    def destinations(self) -> Sequence[DestinationCounts]:
        """Return the ledger of every destination."""
        ...

    def consumers(self) -> Sequence[ConsumerLag]:
        """Return the lag of every consumer of the logs."""
        ...


class Accounting(Protocol):
    """Accounts of single events and of all. Each method may block and is called from a thread."""

    def ledger(self) -> Any:
        """Return what became of everything, as something that JSON can hold."""
        ...

    def trace(self, message_id: str) -> Sequence[Any]:
        """Return what became of every call with this id, each as something that JSON can hold."""
        ...


class Catalogue(Protocol):
    """What sources send. Each method may block and is called from a thread; its answers are what JSON can hold."""

    def events(self, *, source: str | None, event: str | None) -> Sequence[Any]:
        """Return the events of a source and what is in them; None asks for all."""
        ...

    def beyond(self, *, source: str | None) -> Sequence[Any]:
        """Return how many events have names that are not listed."""
        ...

    def blocked(self, *, source: str | None, event: str | None) -> Sequence[Any]:
        """Return the calls that sources send and their `block` leaves out."""
        ...

    def findings(self, *, source: str | None, event: str | None, limit: int) -> Sequence[Any]:
        """Return the newest `limit` remarks, oldest first."""
        ...


class Deliveries(Protocol):
    """Delivery at this moment."""

    def status(self) -> Sequence[Any]:
        """Return what is going on at each enabled destination, as something that JSON can hold."""
        ...


class Monitoring(Protocol):
    """How everything stands. Each method may block and is called from a thread; its answers are what JSON can hold."""

    def health(self) -> Any:
        """Return how everything stands at the moment."""
        ...

    def history(self, name: str) -> Any:
        """Return rates and standings over a span such as `24h`; KeyError when there is no such span."""
        ...


class Clients(Protocol):
    """Which client libraries sources use."""

    def read(self, source: str | None = None) -> Sequence[Any]:
        """Return libraries and versions with counts. May block; called from a thread."""
        ...


class Destinations(Protocol):
    """Single destinations. What is not awaited may block and is called from a thread.

    Every method raises a TrackwayError for people when it cannot be done, UnknownDestination when there is no such
    destination. Answers are what JSON can hold, free of secrets.
    """

    def detail(self, key: str) -> Any:
        """Return settings, mappings, filters and limits."""
        ...

    def groups(self, key: str) -> Sequence[Any]:
        """Return dead letters by reason."""
        ...

    def letters(self, key: str, reason: str, limit: int) -> Sequence[Any]:
        """Return the newest dead letters; `""` asks for any reason."""
        ...

    def release(
        self, key: str, *, reason: str = "", message_id: str = "", advance: Callable[[int], None] | None = None
    ) -> Any:
        """Have dead letters tried again; `advance` is told of so many more of them, and ends it by raising."""
        ...

    async def pause(self, key: str) -> None:
        """Send nothing more until `resume`."""
        ...

    async def resume(self, key: str) -> None:
        """Go on."""
        ...

    async def check(self, key: str) -> Any:
        """Ask whether the destination knows the credentials."""
        ...

    def resend(self, key: str, place: Place) -> int:
        """Order one event of the topic `events` to be sent once more; return the replay's number."""
        ...

    def preview(self, key: str, event: Mapping[str, Any]) -> Any:
        """Return what would be sent of an event."""
        ...

    def case(self, key: str, event: Mapping[str, Any]) -> Any:
        """Return a test case of an event."""
        ...


class Queries(Protocol):
    """Something that answers read-only SQL: a warehouse."""

    def query(
        self,
        sql: str,
        *,
        limit: int,
        timeout_s: float,
        warehouse: str | None = None,
        stop: Event | None = None,
    ) -> QueryResult:
        """Return at most `limit` rows of that warehouse, else of the first.

        May block for `timeout_s`, or until `stop` is set where the warehouse can be told; called from a thread.

        Raises:
            QueryError: the query did not run to its end; the message is for whoever wrote it.
        """
        ...
