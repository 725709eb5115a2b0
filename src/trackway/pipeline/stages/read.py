"""Read the raw call and merge in what its request shared."""

from collections.abc import Iterable
from typing import Any, cast

import msgspec

from trackway.events import lenient_json
from trackway.events.records import Place, RawRecord
from trackway.events.verdicts import refuse
from trackway.pipeline.draft import Draft

_decode = msgspec.json.Decoder().decode


def read_all(calls: Iterable[tuple[RawRecord, Place]]) -> list[Draft]:
    """Return the drafts of `calls`, in their order; one that cannot be read has ended in quarantine."""
    drafts: list[Draft] = []
    for raw, place in calls:
        try:
            event = _decode(raw.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            event = None
        if type(event) is dict and not raw.shared and not raw.repaired:
            # Nearly all calls; `read` does the same at greater length.
            call = cast("dict[str, Any]", event)
            if raw.sent_at is not None and call.get("sentAt") is None:
                call["sentAt"] = raw.sent_at
            drafts.append(Draft(raw, place, call))
            continue
        try:
            drafts.append(read(raw, place))
        except lenient_json.NotJson as error:
            end = refuse("unreadable", "", f"The stored call cannot be read: {error}.")
            drafts.append(Draft(raw, place, {}, end=end, ended_in="read"))
    return drafts


def read(raw: RawRecord, place: Place) -> Draft:
    """Return the draft of a call, with the request's `context` and `integrations` under its own and its `sentAt`.

    Source: Segment's HTTP API, "Batch": shared objects are merged into every item, the item wins.

    Raises:
        NotJson: the stored call cannot be read.
    """
    value, repaired = lenient_json.loads(raw.body)
    if not isinstance(value, dict):
        raise lenient_json.NotJson("it is no object")
    event = cast("dict[str, Any]", value)
    draft = Draft(raw, place, event)
    if repaired or raw.repaired:
        draft.find("text_repaired", "")
    if raw.shared:
        shared, _ = lenient_json.loads(raw.shared)
        for name, common in cast("dict[str, dict[str, Any]]", shared).items():
            event[name] = merge(common, event.get(name))
    if event.get("sentAt") is None and raw.sent_at is not None:
        event["sentAt"] = raw.sent_at
    return draft


def merge(under: Any, over: Any) -> Any:
    """Return `over` laid over `under`: objects key by key to any depth, else what `over` has; null is absent."""
    if over is None:
        return under
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    merged = dict(cast("dict[str, Any]", under))
    for key, value in cast("dict[str, Any]", over).items():
        merged[key] = merge(merged.get(key), value)
    return merged
