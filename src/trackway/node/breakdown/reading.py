"""Reading a part of the log by kinds of calls."""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from trackway.catalogue.model import shown_name
from trackway.events import canary, fql
from trackway.events.records import EventRecord, QuarantineRecord, decode_event, decode_quarantine
from trackway.log.contract import EventLog
from trackway.node.quarantine.found import call_of, name_of

_VERSION_CHARS = 100
_PLAN = "plan_"
"""Findings of this beginning are violations of the tracking plan."""


class Kind(NamedTuple):
    """What calls are told apart by."""

    source: str
    type: str
    name: str
    """As `EventRecord.name`."""
    version: str
    """`context.app.version`; `""`: the call has none."""


class Asked(NamedTuple):
    """Which calls."""

    from_ms: int | None
    """Received at or after."""
    source: str
    """`""`: of any."""
    where: str
    """FQL; `""`: all."""


class Part(NamedTuple):
    """Neighbouring records of a topic."""

    topic: str
    partition: int
    first: int
    end: int


class Tally(NamedTuple):
    """The events of a part."""

    calls: Counter[Kind]
    violating: Counter[Kind]
    """Events with at least one violation of their plan."""
    codes: Counter[tuple[Kind, str]]
    """Events by each code that they have among their violations."""
    at: dict[int, Kind]
    """Those at the offsets that were asked for."""


class _App(Struct):
    version: Any = None


class _Context(Struct):
    app: _App | None = None


class _Call(Struct):
    context: _Context | None = None


_decode_call = msgspec.json.Decoder(_Call).decode
_decode_plain = msgspec.json.Decoder(dict[str, object]).decode


class Reading:
    """Reads parts of a log."""

    def __init__(self, log: EventLog, asked: Asked) -> None:
        """Raise FqlError when the filter is wrong."""
        self._log = log
        self._asked = asked
        self._test = fql.compile(asked.where).matches if asked.where else None

    def events(self, part: Part, offsets: Collection[int]) -> Tally:
        """Return what the events of `part` are; `offsets` are those of which it is to be told one by one."""
        found = Tally(Counter(), Counter(), Counter(), {})
        for offset, record in self._records(part):
            event = decode_event(record)
            if not self._wants(event) or (self._test is not None and not self._test(_decode_plain(event.body))):
                continue
            kind = Kind(event.source, event.type, shown_name(event.name), version_of(event.body))
            found.calls[kind] += 1
            if offset in offsets:
                found.at[offset] = kind
            if codes := {one.code for one in event.findings if one.code.startswith(_PLAN)}:
                found.violating[kind] += 1
                found.codes.update((kind, code) for code in codes)
        return found

    def refused(self, part: Part, released: Collection[int]) -> Counter[tuple[Kind, str]]:
        """Return the refused calls of `part` by their reason, without those that were `released`."""
        found: Counter[tuple[Kind, str]] = Counter()
        for offset, record in self._records(part):
            call = decode_quarantine(record)
            if offset in released or not self._wants(call):
                continue
            if self._test is not None and not self._test(call_of(call.body) or {}):
                continue
            kind = Kind(call.source, call.type, shown_name(name_of(call.body)), version_of(call.body))
            found[kind, call.refusal.reason] += 1
        return found

    def _records(self, part: Part) -> Iterator[tuple[int, bytes]]:
        for got in self._log.read(part.topic, part.partition, part.first, max_records=part.end - part.first):
            yield from enumerate(got.records[: part.end - got.first], got.first)

    def _wants(self, call: EventRecord | QuarantineRecord) -> bool:
        asked = self._asked
        return (
            call.source != canary.SOURCE
            and asked.source in ("", call.source)
            and (asked.from_ms is None or call.received_at_ms >= asked.from_ms)
        )


def version_of(body: bytes) -> str:
    """Return the release of the app that a call is from, `""` when it does not say so in text or as a number."""
    try:
        context = _decode_call(body).context
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""  # somebody's own idea of a context
    version = context.app.version if context is not None and context.app is not None else None
    if isinstance(version, str):
        return version[:_VERSION_CHARS]
    return str(version) if isinstance(version, int | float) and not isinstance(version, bool) else ""
