"""What the console does with replays: previews, orders, and a look at how far they are."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Engine

from trackway.console.jobs import Progress
from trackway.delivery.replay import orders
from trackway.delivery.replay.orders import Order, Replay, UnknownReplay
from trackway.errors import TrackwayError
from trackway.events import fql
from trackway.events.clock_skew import format_ms
from trackway.log.contract import EventLog
from trackway.node.replay_preview import Preview, preview
from trackway.node.replaying import spans_of
from trackway.workspace.model import Workspace

_SAMPLES = 10


class Wish(Struct, kw_only=True):
    """What somebody asks for; the members are those of an order."""

    destination: str
    from_ms: int | None = None
    to_ms: int | None = None
    where: str = ""
    sources: list[str] = []
    through_pipeline: bool = False
    again: bool = False
    rate: float | None = None


def replay_json(found: Replay) -> dict[str, Any]:
    """Return a replay as plain data."""
    counts = found.counts
    return {
        "id": found.id,
        "destination": found.destination,
        "state": found.state,
        "error": found.error,
        "created_at": format_ms(found.created_ms),
        "ended_at": None if found.ended_ms is None else format_ms(found.ended_ms),
        "order": found.order,
        "accepted": counts.accepted,
        "delivered": counts.delivered,
        "discarded": counts.discarded,
        "failed": counts.failed,
        "pending": counts.pending,
        "retrying": counts.retrying,
        "difference": counts.difference,
    }


class ReplayDesk:
    """The replays of a running product. Its methods block, and are for any thread."""

    def __init__(self, workspace: Callable[[], Workspace], raw: EventLog, clean: EventLog, engine: Engine) -> None:
        self._workspace = workspace
        self._raw = raw
        self._clean = clean
        self._engine = engine

    def all(self) -> Sequence[dict[str, Any]]:
        """Return all replays, the newest first."""
        return [replay_json(one) for one in orders.read_all(self._engine)]

    def show(self, number: int) -> dict[str, Any] | None:
        """Return one replay, None when there is none of this number."""
        try:
            return replay_json(orders.read(self._engine, number))
        except UnknownReplay:
            return None

    def preview(self, wish: dict[str, Any], progress: Progress) -> Preview:
        """Return what a replay would send, without sending.

        Raises:
            TrackwayError: the wish cannot be met; the message says why.
        """
        asked = Wish(**wish)
        order = self._order(asked)
        progress.begin(order.size)
        return preview(
            self._workspace(),
            self._raw,
            self._clean,
            self._engine,
            asked.destination,
            order,
            samples=_SAMPLES,
            told=progress.advance,
        )

    def give(self, wish: dict[str, Any]) -> int:
        """Order a replay and return its number; it is durable on return.

        Raises:
            TrackwayError: the wish cannot be met.
        """
        asked = Wish(**wish)
        return orders.give(self._engine, asked.destination, self._order(asked))

    def cancel(self, number: int) -> bool:
        """End a replay where it stands; False when it had ended already.

        Raises:
            UnknownReplay: there is none of this number.
        """
        return orders.cancel(self._engine, number)

    def _order(self, wish: Wish) -> Order:
        settings = self._workspace()
        if wish.destination not in settings.destinations:
            known = ", ".join(settings.destinations) or "none"
            raise TrackwayError(f"there is no destination {wish.destination}; there are: {known}")
        for source in wish.sources:
            if source not in settings.sources:
                raise TrackwayError(f"there is no source {source}; there are: {', '.join(settings.sources)}")
        if wish.where:
            fql.compile(wish.where)
        return Order(
            spans=spans_of(self._clean, wish.from_ms),
            from_ms=wish.from_ms,
            to_ms=wish.to_ms,
            where=wish.where,
            sources=wish.sources,
            through_pipeline=wish.through_pipeline,
            again=wish.again,
            rate=wish.rate,
        )
