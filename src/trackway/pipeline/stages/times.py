"""Set the four times of an event; `events/clock_skew.py` has the rule."""

from trackway.events.clock_skew import correct, format_ms, parse_ms
from trackway.pipeline.draft import Draft

_POINTERS = {
    "timestamp_unparsable": "/originalTimestamp",
    "sent_at_unparsable": "/sentAt",
    "timestamp_out_of_range": "/timestamp",
}


def set_times(draft: Draft) -> None:
    """Rename the client's `timestamp` to `originalTimestamp`, correct it by `sentAt`, and add `receivedAt`.

    What the client wrote stays as it wrote it in `originalTimestamp` and `sentAt`; `timestamp` and `receivedAt` are UTC
    with milliseconds.
    """
    event, received_ms = draft.event, draft.raw.received_at_ms
    original = event.pop("timestamp", None)
    sent = event.get("sentAt")
    times = correct(original, sent, received_ms)
    received = format_ms(received_ms)
    if original is None:
        original = sent if parse_ms(sent) is not None else received
    event["originalTimestamp"] = original
    if sent is None:
        event.pop("sentAt", None)
    event["receivedAt"] = received
    event["timestamp"] = format_ms(times.timestamp_ms)
    draft.timestamp_ms = times.timestamp_ms
    for code in times.findings:
        draft.find(code, _POINTERS[code])
