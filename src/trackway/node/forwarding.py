"""Hands calls on to other sources, as `sources.*.forward` asks: what was blocked, violations of plans, every event.

Each is sent to the product's own collector like any client's call, under a message id that follows from the first
one's. So a crash in between sends it twice, and the other source's window leaves the second one out. A source that gets
calls handed on hands none on itself: there are no loops.

Violations become `Violation Generated` events, as Segment's Protocols forward them.
"""

import base64
import logging
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from trackway import __version__
from trackway.errors import TrackwayError
from trackway.events.clock_skew import correct, format_ms
from trackway.events.records import (
    DROPPED,
    EVENTS,
    QUARANTINE,
    RAW,
    DroppedRecord,
    EventRecord,
    Place,
    QuarantineRecord,
    decode_dropped,
    decode_event,
    decode_quarantine,
    decode_raw,
)
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.log.event_feed import Feed
from trackway.pipeline.stages.read import read_all
from trackway.workspace.model import Forward, Workspace

_PER_REQUEST = 100
_AROUND_BYTES = 16
_TIMEOUT_S = 30.0
_LINGER_S = 0.2
_PLAN_REASONS = {
    "unplanned": "Unplanned Event",
    "unplanned_property": "Unplanned Property",
    "schema_violation": "Schema Violation",
    "common_schema_violation": "Common Schema Violation",
}
_SERVERS_OWN = ("receivedAt", "originalTimestamp", "sentAt", "channel", "writeKey")
_decode = msgspec.json.Decoder().decode
_log = logging.getLogger(__name__)
_Sent = Iterator[tuple[str, dict[str, Any]]]
"""Sources that get something, and the calls."""


class Forwarder:
    """Runs a thread for each topic of the clean log that something is to be handed on from."""

    def __init__(self, workspace: Workspace, raw: EventLog, clean: EventLog, *, url: str) -> None:
        """`url` is where the collector listens."""
        self._workspace, self._raw, self._clean, self._url = workspace, raw, clean, url
        self._feeds: dict[str, Feed[Any]] = {}

    def start(self) -> None:
        """Begin where it stands; `SettingsKeeper` has let the log hold what is to be handed on."""
        wanted = self._workspace.forwarded_topics
        for topic, make in (
            (DROPPED, self._dropped),
            (QUARANTINE, self._quarantined),
            (EVENTS, self._events),
        ):
            if topic in wanted:
                feed = self._feeds[topic] = make()
                feed.start()

    def stop(self) -> None:
        """End all threads; what they had in hand is handed on first."""
        for feed in self._feeds.values():
            feed.stop()
        self._feeds.clear()

    def configure(self, workspace: Workspace) -> None:
        """Take over changed settings. May block."""
        if _wishes(workspace) != _wishes(self._workspace):
            self.stop()
            self._workspace = workspace
            self.start()

    def _dropped(self) -> Feed[DroppedRecord]:
        return self._feed(DROPPED, decode_dropped, self._of_dropped)

    def _quarantined(self) -> Feed[QuarantineRecord]:
        return self._feed(QUARANTINE, decode_quarantine, self._of_quarantined)

    def _events(self) -> Feed[EventRecord]:
        return self._feed(EVENTS, decode_event, self._of_event)

    def _feed(self, topic: str, decode: Callable[[bytes], Any], calls_of: Callable[[Any], _Sent]) -> Feed[Any]:
        name = consumers.forward(topic)

        def take(records: Iterable[tuple[Any, Place]], _position: Mapping[int, int]) -> None:
            calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for record, _ in records:
                for target, call in calls_of(record):
                    calls[target].append(call)
            for target, some in calls.items():
                for body in batches(some, most_bytes=self._workspace.collector.max_body):
                    self._post(target, body)

        return Feed(
            self._clean,
            name,
            take,
            topic=topic,
            decode=decode,
            positions=lambda: self._clean.consumers(topic).get(name, {}),
            linger_s=_LINGER_S,
        )

    def _wish(self, source: str) -> Forward:
        found = self._workspace.sources.get(source)
        return found.forward if found is not None else Forward()

    def _of_dropped(self, record: DroppedRecord) -> _Sent:
        target = self._wish(record.source).blocked
        if target is not None and record.reason == "blocked" and (call := self._call(record)) is not None:
            yield target, call

    def _call(self, record: DroppedRecord) -> dict[str, Any] | None:
        """Return a call as it came, with the time at which it took place."""
        for part in self._raw.read(RAW, record.raw.partition, record.raw.offset):
            raw = decode_raw(part.records[0])
            [draft] = read_all([(raw, record.raw)])
            if draft.end is not None:
                return None
            times = correct(draft.event.get("timestamp"), draft.event.get("sentAt"), raw.received_at_ms)
            return _as_call(draft.event, raw.type, record.message_id, times.timestamp_ms)
        _log.warning("a blocked call of %s is not handed on: the log has deleted it", record.source)
        return None

    def _of_event(self, record: EventRecord) -> _Sent:
        wish = self._wish(record.source)
        planned = wish.violations is not None and any(one.code.startswith("plan_") for one in record.findings)
        if wish.events is None and not planned:
            return
        event = cast("dict[str, Any]", _decode(record.body))
        if wish.events is not None:
            yield wish.events, _as_call(dict(event), record.type, record.message_id, record.timestamp_ms)
        if wish.violations is not None and planned:
            protocols: Any = event.get("context", {}).get("protocols", {})
            for number, one in enumerate(protocols.get("violations", []), 1):
                said = (str(one.get("type")), str(one.get("field")), str(one.get("description")))
                yield (
                    wish.violations,
                    self._violation(record, event, number, said, name=record.name, at_ms=record.timestamp_ms),
                )

    def _of_quarantined(self, record: QuarantineRecord) -> _Sent:
        target = self._wish(record.source).violations
        if target is None or record.refusal.reason not in _PLAN_REASONS:
            return
        event: Any = _decode(record.body)
        said = (_PLAN_REASONS[record.refusal.reason], record.refusal.pointer, record.refusal.message)
        name = event.get("event" if record.type == "track" else "name") or ""
        yield target, self._violation(record, event, 1, said, name=name, at_ms=record.received_at_ms)

    def _violation(
        self,
        record: EventRecord | QuarantineRecord,
        event: Mapping[str, Any],
        number: int,
        said: tuple[str, str, str],
        *,
        name: Any,
        at_ms: int,
    ) -> dict[str, Any]:
        kind, field, description = said
        return {
            "type": "track",
            "event": "Violation Generated",
            "messageId": f"{record.message_id[:90]}:v{number}",
            **{key: event[key] for key in ("userId", "anonymousId") if event.get(key)},
            "timestamp": format_ms(at_ms),
            "properties": {
                "violationType": kind,
                "violationField": field,
                "violationDescription": description,
                "eventName": name,
                "eventType": record.type,
                "eventMessageId": record.message_id,
                "eventTimestamp": format_ms(at_ms),
                "sourceId": record.source,
                "sourceName": self._workspace.display_name(record.source),
                "blocked": isinstance(record, QuarantineRecord),
            },
        }

    def _post(self, target: str, body: bytes) -> None:
        key = self._workspace.sources[target].write_keys[0]
        request = urllib.request.Request(  # noqa: S310  our own collector
            f"{self._url}/v1/batch",
            data=body,
            headers={
                "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
                "Content-Type": "application/json",
                "User-Agent": f"Trackway/{__version__}",
            },
        )
        try:
            # A proxy of the environment is for the world, not for ourselves.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=_TIMEOUT_S):
                return
        except (urllib.error.URLError, OSError) as error:
            raise TrackwayError(f"calls cannot be handed on to the source {target} at the moment: {error}") from None


def batches(calls: Sequence[dict[str, Any]], *, most_bytes: int) -> Iterator[bytes]:
    """Yield the bodies of requests with these calls, none larger than `most_bytes` unless one call alone is."""
    waiting: list[bytes] = []
    size = 0
    for text in map(msgspec.json.encode, calls):
        if waiting and (len(waiting) == _PER_REQUEST or size + len(text) > most_bytes - _AROUND_BYTES):
            yield b'{"batch":[%s]}' % b",".join(waiting)
            waiting, size = [], 0
        waiting.append(text)
        size += len(text) + 1
    if waiting:
        yield b'{"batch":[%s]}' % b",".join(waiting)


def _as_call(event: dict[str, Any], kind: str, message_id: str, at_ms: int) -> dict[str, Any]:
    for name in _SERVERS_OWN:
        event.pop(name, None)
    return event | {"type": kind, "messageId": message_id, "timestamp": format_ms(at_ms)}


def _wishes(workspace: Workspace) -> dict[str, Any]:
    """Return all that forwarding depends on."""
    return {name: (one.forward, one.write_keys, one.name) for name, one in workspace.sources.items()}
