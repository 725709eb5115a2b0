"""What replays need of the other parts: the order for a time, and events made anew."""

from collections.abc import Callable

from trackway.delivery.items import End
from trackway.delivery.replay.marking import Remake
from trackway.events.records import EVENTS, RAW, EventRecord, decode_raw
from trackway.log.contract import EventLog
from trackway.pipeline.chain import build_chain, run_chain
from trackway.pipeline.ends import event_record
from trackway.workspace.model import Workspace


def spans_of(log: EventLog, from_ms: int | None) -> dict[int, tuple[int, int]]:
    """Return the offsets of the events log that can hold events received at or after `from_ms`, up to now."""
    starts = log.starts(EVENTS)
    spans = {
        partition: (first_at(log, EVENTS, partition, starts.get(partition, 0), head, from_ms), head)
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


def first_at(log: EventLog, topic: str, partition: int, start: int, head: int, from_ms: int | None) -> int:
    """Return the first offset whose block was appended at or after `from_ms`: nothing before was received later."""
    if from_ms is None:
        return start
    low, high = start, head
    while low < high:
        middle = (low + high) // 2
        times = [part.time_ms for part in log.read(topic, partition, middle)]
        if times and times[0] >= from_ms:
            high = middle
        else:
            low = middle + 1
    return low
