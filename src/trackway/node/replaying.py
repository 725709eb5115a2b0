"""What replays need of the other parts: the order for a time, events made anew, and a look at what would be sent."""

from collections.abc import Callable

import msgspec
from msgspec import Struct, field
from sqlalchemy import Engine

from trackway.delivery.deletion.deleted import Deleted
from trackway.delivery.items import End, Item
from trackway.delivery.replay.intake import ReplayIntake
from trackway.delivery.replay.marking import Remake
from trackway.delivery.replay.orders import Order
from trackway.delivery.replay.selection import Selection
from trackway.delivery.replay.service import load_destination
from trackway.delivery.trace import DestinationStory, stories
from trackway.events.records import EVENTS, RAW, EventRecord, Place, decode_raw
from trackway.log.contract import EventLog
from trackway.node.tracing.changes import Change, changes
from trackway.pipeline.chain import build_chain, run_chain
from trackway.pipeline.ends import event_record
from trackway.workspace.model import Workspace

_READ = 2_000
_ROW_CHARS = 2_000


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
    samples: list[Sample] = field(default_factory=list[Sample])


def spans_of(log: EventLog, from_ms: int | None) -> dict[int, tuple[int, int]]:
    """Return the offsets of the events log that can hold events received at or after `from_ms`, up to now."""
    starts = log.starts(EVENTS)
    spans = {
        partition: (_first_at(log, partition, starts.get(partition, 0), head, from_ms), head)
        for partition, head in log.heads(EVENTS).items()
    }
    return {partition: span for partition, span in spans.items() if span[0] < span[1]}


def remaker(raw: EventLog) -> Callable[[Workspace], Remake]:
    """Return what makes, for a workspace, the function that makes events anew from their raw calls."""

    def of(workspace: Workspace) -> Remake:
        chain = build_chain(workspace)

        def remake(event: EventRecord) -> EventRecord | End:
            records = [part.records[0] for part in raw.read(RAW, event.raw.partition, event.raw.offset)]
            if not records:
                return End("failed", "expired", "the raw log no longer has the call")
            drafts = run_chain(chain, [(decode_raw(records[0]), event.raw)])
            draft = next((one for one in drafts if one.event.get("messageId") == event.message_id), drafts[0])
            if draft.end is not None:
                return End("discarded", "ENDED_IN_PIPELINE", f"{draft.end.reason} in {draft.ended_in}")
            return event_record(draft)

        return remake

    return of


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
    intake = ReplayIntake(
        clean,
        "",
        destination,
        filter_,
        order=msgspec.structs.replace(order, rate=None),
        replay=0,
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
            if item.end is None and len(found.samples) < samples:
                found.samples.append(_sample(engine, key, item, differs))
    return found


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


def _sample(engine: Engine, key: str, item: Item, differs: list[Change]) -> Sample:
    place = Place(item.partition, item.offset)
    then = [story for story in stories(engine, place, [key]) if story.replay is None]
    rows = [bytes(row.value).decode("utf-8", "replace")[:_ROW_CHARS] for row in item.rows]
    name = item.record.name if item.record else ""
    return Sample(
        position=place,
        message_id=item.message_id,
        name=name,
        then=then[0] if then else None,
        now=rows,
        differs=differs,
    )


def _first_at(log: EventLog, partition: int, start: int, head: int, from_ms: int | None) -> int:
    """Return the first offset whose block was appended at or after `from_ms`: nothing before was received later."""
    if from_ms is None:
        return start
    low, high = start, head
    while low < high:
        middle = (low + high) // 2
        times = [part.time_ms for part in log.read(EVENTS, partition, middle)]
        if times and times[0] >= from_ms:
            high = middle
        else:
            low = middle + 1
    return low
