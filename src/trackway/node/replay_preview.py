"""What a replay would send, before it is ordered: counts, samples, and what differs from what was sent then.

The requests of events that were delivered are not kept. What was sent is made once more instead: from the stored event,
by the destination as trackway.yaml had it when the event was sent.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field
from sqlalchemy import Engine

from trackway.delivery.configured import load_destination
from trackway.delivery.deletion.deleted import Deleted
from trackway.delivery.intake import Intake
from trackway.delivery.items import End, Item
from trackway.delivery.replay.intake import ReplayIntake
from trackway.delivery.replay.marking import Remake, mark
from trackway.delivery.replay.orders import Order
from trackway.delivery.replay.selection import Selection
from trackway.delivery.trace import DestinationStory, stories
from trackway.errors import TrackwayError
from trackway.events.clock_skew import format_ms
from trackway.events.records import EventRecord, Place
from trackway.log.contract import EventLog
from trackway.node.replaying import remaker
from trackway.node.tracing.changes import Change, changes
from trackway.workspace import history
from trackway.workspace.model import Workspace
from trackway.workspace.past import destination_at

_READ = 2_000
_ROW_CHARS = 2_000
_REPLAY = 0
"""The number that events carry here; real replays begin at 1."""


class Sent(Struct, kw_only=True):
    """What was sent of an event before, made once more, and how what would be sent now differs from it."""

    at: str
    """ISO 8601, UTC."""
    rows: list[str]
    """In the destination's terms."""
    end: str = ""
    """The reason why today's code sends nothing with the settings of then."""
    settings_until: str = ""
    """When those settings were changed, ISO 8601; empty: they are today's."""
    unknown: list[str] = []
    """Settings whose value then is not kept, because it may be secret: today's was taken."""
    differs: list[Change] = field(default_factory=list[Change])
    """Pointers begin with the number of the row."""


class Sample(Struct, kw_only=True):
    """One event that would be sent."""

    position: Place
    message_id: str
    name: str
    then: DestinationStory | None
    """What became of it at this destination before; None when the destination has never run."""
    now: list[str]
    """What would be sent of it, in the destination's terms."""
    differs: list[Change] = field(default_factory=list[Change])
    """How the event that today's pipeline makes differs from the stored one, but for the replay's own marks."""
    sent: Sent | None = None
    """None when nothing of it was sent."""


class Preview(Struct, kw_only=True):
    """What a replay would do."""

    looked_at: int = 0
    to_send: int = 0
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    """By reason."""
    failing: dict[str, int] = field(default_factory=dict[str, int])
    """Events that would fail before they are sent, by reason."""
    differing: int = 0
    """Events that today's pipeline makes otherwise than they are stored."""
    sent_otherwise: int = 0
    """Events to send of which something else was sent then."""
    samples: list[Sample] = field(default_factory=list[Sample])


def preview(
    workspace: Workspace,
    raw: EventLog,
    clean: EventLog,
    engine: Engine,
    key: str,
    order: Order,
    *,
    samples: int,
    told: Callable[[int], None] = lambda _: None,
) -> Preview:
    """Return what `order` would send to the destination `key`, without sending; `told` hears of events looked at.

    Raises:
        FqlError: the order's filter is wrong.
        TrackwayError: the destination's settings are wrong.
    """
    destination, filter_ = load_destination(workspace, key)
    remake = remaker(raw)(workspace) if order.through_pipeline else None
    compared = _Compared(remake)
    before = _Before(workspace, clean, engine, key)
    intake = ReplayIntake(
        clean,
        "",
        destination,
        filter_,
        order=msgspec.structs.replace(order, rate=None),
        replay=_REPLAY,
        selection=Selection(engine, key, order),
        remake=None if remake is None else compared,
        deleted=Deleted(engine, key),
    )
    found = Preview()
    intake.look()
    while intake.left:
        items = intake.read(_READ, 0.0)
        told(sum(item.span for item in items))
        for item in items:
            _count(found, item)
            differs = compared.differs.pop(item.message_id, [])
            found.differing += bool(differs)
            if item.record is None or item.end is not None:
                continue
            wanted = len(found.samples) < samples
            if not (wanted or differs or before.may_differ(item.record)):
                continue
            told_before = before.stories(item)
            sent = before.sent(item, item.record, told_before)
            found.sent_otherwise += sent is not None and bool(sent.differs)
            if wanted:
                then = next((one for one in told_before if one.replay is None), None)
                found.samples.append(_sample(item, item.record, then, sent, differs))
    return found


class _Before:
    """Tells what was sent of events before."""

    def __init__(self, workspace: Workspace, clean: EventLog, engine: Engine, key: str) -> None:
        self._workspace = workspace
        self._clean = clean
        self._engine = engine
        self._key = key
        self._changes = [one for one in history.read(workspace.data) if key in one.destinations]
        self._intakes: dict[str, Intake] = {}

    def may_differ(self, event: EventRecord) -> bool:
        """Whether the destination was changed since it could get the event."""
        return bool(self._changes) and format_ms(event.received_at_ms) <= self._changes[-1].at

    def stories(self, item: Item) -> list[DestinationStory]:
        """Return what became of the event in its turn, and in replays since, the latest last."""
        found = stories(self._engine, Place(item.partition, item.offset), [self._key])
        return [one for one in found if one.destination == self._key]

    def sent(self, item: Item, event: EventRecord, told: Sequence[DestinationStory]) -> Sent | None:
        """Return what was sent of the event last, by its `stories`; `item` is what would be sent now."""
        story = next((one for one in reversed(told) if one.outcome == "delivered" or one.attempts), None)
        if story is None:
            return None
        at_ms = story.attempts[-1].at_ms if story.attempts else event.received_at_ms
        past = destination_at(self._changes, self._key, self._workspace.destinations[self._key], at_ms)
        until = past.until if past else ""
        if until not in self._intakes:
            self._intakes[until] = self._intake(past.destination if past else None)
        intake = self._intakes[until]
        made = intake.judged(Item.of(item.partition, item.offset, mark(event, _REPLAY, intake.name)))
        sent = Sent(at=format_ms(at_ms), rows=_texts(made), end=made.end.reason if made.end else "")
        sent.settings_until, sent.unknown = until, past.unknown if past else []
        if made.end is None:
            sent.differs = changes(_plain(made), _plain(item))
        return sent

    def _intake(self, then: Any) -> Intake:
        destinations = self._workspace.destinations
        changed = {**destinations, self._key: then} if then is not None else destinations
        try:
            destination, filter_ = load_destination(
                msgspec.structs.replace(self._workspace, destinations=changed), self._key
            )
        except TrackwayError as error:
            raise TrackwayError(f"{self._key} as it was before its settings were changed: {error}") from error
        return Intake(self._clean, "", destination, filter_)


class _Compared:
    """Makes events anew and remembers how they differ from the stored ones."""

    def __init__(self, remake: Remake | None) -> None:
        self._remake = remake
        self.differs: dict[str, list[Change]] = {}

    def __call__(self, event: EventRecord) -> EventRecord | End:
        if self._remake is None:
            return event
        made = self._remake(event)
        if isinstance(made, EventRecord) and made.body != event.body:
            self.differs[event.message_id] = changes(msgspec.json.decode(event.body), msgspec.json.decode(made.body))
        return made


def _count(found: Preview, item: Item) -> None:
    found.looked_at += item.span
    if item.end is None:
        found.to_send += 1
        return
    into = found.left_out if item.end.outcome == "discarded" else found.failing
    into[item.end.reason] = into.get(item.end.reason, 0) + item.span


def _sample(
    item: Item, event: EventRecord, then: DestinationStory | None, sent: Sent | None, differs: list[Change]
) -> Sample:
    return Sample(
        position=Place(item.partition, item.offset),
        message_id=item.message_id,
        name=event.name,
        then=then,
        now=_texts(item),
        differs=differs,
        sent=sent,
    )


def _texts(item: Item) -> list[str]:
    return [bytes(row.value).decode("utf-8", "replace")[:_ROW_CHARS] for row in item.rows]


def _plain(item: Item) -> Sequence[Any]:
    return [row.json for row in item.rows]
