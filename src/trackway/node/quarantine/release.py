"""Let calls out of quarantine: each enters the raw log once more, and today's pipeline decides anew.

The calls go to a partition of the raw log of their own, each with the place where it waited. That partition is the
journal of releases: the table `releases` is learnt from it, so a crash between the two loses nothing. A released call
keeps its message id, so letting it out twice makes one event and one duplicate; it keeps its time of receipt, so that
its clock is corrected as it would have been then.
"""

import time
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Engine, func, select

from trackway.events.records import (
    QUARANTINE,
    RAW,
    Place,
    QuarantineRecord,
    RawRecord,
    Refusal,
    decode_quarantine,
    decode_raw,
    encode,
)
from trackway.events.verdicts import judge
from trackway.log.contract import EventLog
from trackway.node.quarantine.found import Nearby, call_of
from trackway.node.tracing.stages import run_again
from trackway.pipeline.chain import Stage
from trackway.state import upsert, writing
from trackway.state.tables import releases
from trackway.workspace.model import Workspace

PARTITION = 900
"""Of the raw log; those of the collectors are below 64."""


class Candidate(Struct, kw_only=True):
    """A call as it would enter the raw log again."""

    place: Place
    """Where it waits in quarantine."""
    raw: RawRecord
    was: str
    """The reason for which it waits."""

    @property
    def refusal(self) -> Refusal | None:
        """Why the collector would refuse it again; None when it would take it."""
        return self.raw.refusal


def prepare(workspace: Workspace, calls: Nearby, place: Place, record: QuarantineRecord, body: bytes) -> Candidate:
    """Return the call at `place` with `body` instead of its own, judged as the collector judges today.

    `calls` is the raw log.
    """
    source = workspace.sources.get(record.source)
    sent = calls.read(record.raw)
    before = None if sent is None else decode_raw(sent)
    call = call_of(body)
    path_type = None if call is None or "type" in call else record.type or None
    limit = {} if source is None else {"max_bytes": int(source.max_event)}
    judged = judge(body, path_type, **limit)
    raw = RawRecord(
        record.source,
        judged.type,
        judged.message_id or record.message_id,
        record.received_at_ms,
        body,
        before.sent_at if before else None,
        before.shared if before else b"",
        before.ip if before else "",
        before.user_agent if before else "",
        before.client_side if before else False,
        judged.refusal,
        before.repaired and body == record.body if before else False,
        place,
    )
    return Candidate(place=place, raw=raw, was=record.refusal.reason)


def refused_again(chain: Sequence[Stage], candidate: Candidate) -> str:
    """Return why a call would be refused again, `""` if it would not."""
    if (refusal := candidate.refusal) is not None:
        return f"{refusal.reason} at {refusal.pointer or 'the call'}: {refusal.message}"
    run = run_again(chain, candidate.raw, candidate.place, candidate.raw.message_id)
    last = run.stages[-1]
    return "" if run.event is not None else f"{last.reason} in {last.stage}: {last.message}"


def release(raw_log: EventLog, clean: EventLog, engine: Engine, candidates: Sequence[Candidate]) -> range:
    """Append the calls to the raw log and note them as released; return their offsets in the partition of releases.

    On return they survive a crash. All or nothing.

    Raises:
        LogBusy: another release is under way.
        LogUnavailable: nothing was written.
    """
    with raw_log.writer(PARTITION) as writer:
        learn(raw_log, clean, engine)
        offsets = writer.append({RAW: [encode(one.raw) for one in candidates]})[RAW]
    learn(raw_log, clean, engine)
    return offsets


def learn(raw_log: EventLog, clean: EventLog, engine: Engine) -> None:
    """Bring the table of releases up to the raw log's partition of releases."""
    head = raw_log.heads(RAW).get(PARTITION, 0)
    with writing(engine) as connection:
        known = connection.execute(select(func.max(releases.c.raw_offset))).scalar()
        first = max(0 if known is None else known + 1, raw_log.starts(RAW).get(PARTITION, 0))
        if first >= head:
            return
        refused = Nearby(clean, QUARANTINE)
        rows = [
            _row(refused, decode_raw(record), offset, part.time_ms)
            for part in raw_log.read(RAW, PARTITION, first, max_records=head - first)
            for offset, record in enumerate(part.records, part.first)
        ]
        upsert(connection, releases, rows)


def released_counts(engine: Engine) -> dict[tuple[str, str], int]:
    """Return how many calls were let out, each counted once, by source and the reason for which they waited."""
    with engine.connect() as connection:
        places = (
            select(releases.c.source, releases.c.reason, releases.c.partition, releases.c.offset).distinct().subquery()
        )
        rows = connection.execute(
            select(places.c.source, places.c.reason, func.count()).group_by(places.c.source, places.c.reason)
        )
        return {(source, reason): number for source, reason, number in rows}


def _row(refused: Nearby, raw: RawRecord, offset: int, time_ms: int) -> dict[str, object]:
    place = raw.released or Place(0, 0)
    record = refused.read(place)
    return {
        "partition": place.partition,
        "offset": place.offset,
        "raw_offset": offset,
        "source": raw.source,
        "reason": "" if record is None else decode_quarantine(record).refusal.reason,
        "at_ms": time_ms or time.time_ns() // 1_000_000,
    }
