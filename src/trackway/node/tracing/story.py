"""The whole story of a record of the clean log, in order, put together from the logs, the state and the warehouse."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field
from sqlalchemy import Engine

from trackway.delivery.trace import DestinationStory, stories
from trackway.errors import TrackwayError
from trackway.events.reasons import meaning_of
from trackway.events.records import (
    DROPPED,
    EVENTS,
    QUARANTINE,
    RAW,
    DroppedRecord,
    EventRecord,
    Place,
    QuarantineRecord,
    RawRecord,
    decode_dropped,
    decode_event,
    decode_quarantine,
    decode_raw,
)
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.node.quarantine.found import name_of
from trackway.node.tracing.changes import Change, changes
from trackway.node.tracing.index import Located
from trackway.node.tracing.rows import Ask, RowStory, rows_of
from trackway.node.tracing.stages import FindingStory, StageStory, run_again, tell_finding
from trackway.pipeline.chain import Stage, build_chain, chain_stamp
from trackway.workspace.model import Workspace


class Position(Struct, kw_only=True):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


class CallStory(Struct, kw_only=True):
    """The call as it came in."""

    position: Position
    sent_at: str | None
    ip: str
    user_agent: str
    client_side: bool
    size_bytes: int
    body: str
    """The client's own text; what is not UTF-8 in it is shown as �."""
    shared: str
    """The request's common `context` and `integrations`."""
    released: Position | None
    """Where in quarantine it waited before it was let out."""


class WarehouseStory(Struct, kw_only=True):
    """What one warehouse has of the event."""

    warehouse: str
    loaded: bool
    """Whether the loader has passed the event."""
    rows: list[RowStory]
    """Of the warehouse that answers queries."""


class Story(Struct, kw_only=True):
    """What became of one call."""

    position: Position
    outcome: str
    """`event`, `quarantined` or `dropped`."""
    message_id: str
    source: str
    type: str
    name: str
    received_at_ms: int
    call: CallStory | None
    """None when the raw log has deleted it by now."""
    stage: str = ""
    """Where a call ended that became no event; so are `reason`, `pointer` and `message`."""
    reason: str = ""
    pointer: str = ""
    message: str = ""
    original: Position | None = None
    """For a duplicate: the event that it repeats."""
    stages: list[StageStory] = field(default_factory=list[StageStory])
    """What today's pipeline does to the call, stage by stage; what it did then, unless something is `today`."""
    today: list[Change] = field(default_factory=list[Change])
    """Where what today's pipeline makes of the call differs from what it made then."""
    findings: list[FindingStory] = field(default_factory=list[FindingStory])
    event: Any = None
    """The clean event."""
    destinations: list[DestinationStory] = field(default_factory=list[DestinationStory])
    warehouses: list[WarehouseStory] = field(default_factory=list[WarehouseStory])


class Teller:
    """Tells stories. Reads only; any thread may use it."""

    def __init__(
        self,
        workspace: Callable[[], Workspace],
        raw: EventLog,
        clean: EventLog,
        engine: Engine | None,
        ask: Ask | None = None,
    ) -> None:
        """`workspace` gives today's settings, `engine` is the state, `ask` asks the warehouse; None: there is none."""
        self._workspace = workspace
        self._raw = raw
        self._clean = clean
        self._engine = engine
        self._ask = ask
        self._chain: tuple[Workspace, Hashable, Sequence[Stage]] | None = None

    def tell(self, located: Sequence[Located]) -> list[Story]:
        """Return the story of each record, in the order in which the calls came; records that are gone are left out."""
        found = [story for where in located if (story := self._tell(where)) is not None]
        return sorted(found, key=lambda story: (_call_order(story), story.position.offset))

    def _tell(self, where: Located) -> Story | None:
        record = _read(self._clean, where.topic, where.place)
        if record is None:
            return None
        if where.topic == EVENTS:
            return self._event(where.place, decode_event(record))
        if where.topic == QUARANTINE:
            return self._quarantined(where.place, decode_quarantine(record))
        return self._dropped(where.place, decode_dropped(record))

    def _event(self, place: Place, event: EventRecord) -> Story:
        story = self._begin(EVENTS, place, event, event.name)
        story.findings = [tell_finding(finding) for finding in event.findings]
        story.event = body = msgspec.json.decode(event.body)
        if (raw := self._call(event.raw)) is not None:
            self._show_stages(story, raw, event.raw, body)
        keys = self._workspace().destinations
        story.destinations = stories(self._engine, place, keys) if self._engine is not None else []
        story.warehouses = self._warehouses(place, event)
        return story

    def _quarantined(self, place: Place, record: QuarantineRecord) -> Story:
        story = self._begin(QUARANTINE, place, record, name_of(record.body))
        story.stage, refusal = record.stage, record.refusal
        story.reason, story.pointer, story.message = refusal.reason, refusal.pointer, refusal.message
        if record.stage != "collector" and (raw := self._call(record.raw)) is not None:
            self._show_stages(story, raw, record.raw, None)
        return story

    def _dropped(self, place: Place, record: DroppedRecord) -> Story:
        story = self._begin(DROPPED, place, record, record.name)
        story.stage, story.reason = record.stage, record.reason
        story.message = record.detail or meaning_of(record.reason)
        if record.original is not None:
            story.original = _position(EVENTS, record.original)
        elif (raw := self._call(record.raw)) is not None:
            self._show_stages(story, raw, record.raw, None)
        return story

    def _begin(
        self, topic: str, place: Place, record: EventRecord | QuarantineRecord | DroppedRecord, name: str
    ) -> Story:
        return Story(
            position=_position(topic, place),
            outcome={EVENTS: "event", QUARANTINE: "quarantined"}.get(topic, "dropped"),
            message_id=record.message_id,
            source=record.source,
            type=record.type,
            name=name,
            received_at_ms=record.received_at_ms,
            call=self._call_story(record.raw),
        )

    def _call(self, place: Place) -> RawRecord | None:
        record = _read(self._raw, RAW, place)
        return None if record is None else decode_raw(record)

    def _call_story(self, place: Place) -> CallStory | None:
        call = self._call(place)
        if call is None:
            return None
        return CallStory(
            position=_position(RAW, place),
            sent_at=call.sent_at,
            ip=call.ip,
            user_agent=call.user_agent,
            client_side=call.client_side,
            size_bytes=len(call.body),
            body=call.body.decode("utf-8", "replace"),
            shared=call.shared.decode("utf-8", "replace"),
            released=None if call.released is None else _position(QUARANTINE, call.released),
        )

    def _show_stages(self, story: Story, raw: RawRecord, place: Place, stored: Any) -> None:
        try:
            chain = self._stages()
        except TrackwayError as error:
            # A plan, a function or a file is missing or wrong now: all but the stages can be told.
            story.stages = [
                StageStory(
                    stage="pipeline", findings=[FindingStory(code="not_shown_now", pointer="", detail=str(error))]
                )
            ]
            return
        run = run_again(chain, raw, place, story.message_id)
        story.stages = run.stages
        if stored is not None and run.event is not None:
            # Through JSON, as the stored one went.
            story.today = changes(stored, msgspec.json.decode(msgspec.json.encode(run.event)))

    def _stages(self) -> Sequence[Stage]:
        workspace = self._workspace()
        stamp = chain_stamp(workspace)
        if self._chain is None or self._chain[0] is not workspace or self._chain[1] != stamp:
            self._chain = (workspace, stamp, build_chain(workspace))
        return self._chain[2]

    def _warehouses(self, place: Place, event: EventRecord) -> list[WarehouseStory]:
        told = self._clean.consumers(EVENTS)
        found: list[WarehouseStory] = []
        ask = self._ask
        for name, settings in self._workspace().warehouses.items():
            if settings.enabled:
                loaded = told.get(consumers.warehouse(name), {}).get(place.partition, 0) > place.offset
                rows = rows_of(ask, settings, event) if ask is not None else []
                # The log is told after the load: rows that are there are loaded.
                found.append(WarehouseStory(warehouse=name, loaded=loaded or bool(rows), rows=rows))
                ask = None  # one answers queries, the first
        return found


def _read(log: EventLog, topic: str, place: Place) -> bytes | None:
    for part in log.read(topic, place.partition, place.offset):
        return part.records[0]
    return None


def _position(topic: str, place: Place) -> Position:
    return Position(topic=topic, partition=place.partition, offset=place.offset)


def _call_order(story: Story) -> tuple[int, int, int]:
    """Order by receipt, but what was let out of quarantine after what went in, though it keeps its time of receipt."""
    at = story.call.position if story.call else story.position
    released = story.call is not None and story.call.released is not None
    return (story.received_at_ms, int(released), at.offset)
