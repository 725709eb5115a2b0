"""The short way of usual calls: what the stages make of a call on which none remarks and in which none replaces.

Most calls are like that. To them the stages only add: times, a channel, an ip, what follows from the context, perhaps a
currency. So the call is decoded as far as its members, what is added is put beside them, and `context`, `properties`
and `traits` go into the event as the bytes that came. Every other call, and whatever this module is not sure of, goes
through the stages one by one (`chain.run_chain`); `tests/pipeline/test_short_way.py` holds both ways to the same.

What a context becomes is asked of the stages themselves and remembered (`usual_contexts.py`). What properties and
traits must be like is compiled for each event's name (`usual_members.py`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET, json

from trackway.events.clock_skew import format_ms
from trackway.events.memo import Memo
from trackway.events.personal_data import ANY_KEY
from trackway.events.records import RawRecord, encode
from trackway.pipeline.built_in import BuiltIn
from trackway.pipeline.stages.privacy import Rule
from trackway.pipeline.usual_calls import FORMS, NOT_USUAL, OBJECTS
from trackway.pipeline.usual_contexts import UsualContexts
from trackway.pipeline.usual_members import UsualMembers

_encode_into = json.Encoder().encode_into
_RULED = ("properties", "traits", "context")
"""The members that privacy rules may be about; what others say, the stage itself must see to."""

Take = Callable[[RawRecord, tuple[int, int]], bytes | None]
"""Returns the record of the event that a call becomes, which stands at a partition's offset; None if it is not usual.

The record is that of an `EventRecord`, as `records.encode` writes it.
"""


class ShortWay:
    """The short way beside a chain. As pure as the stages are; what it remembers changes nothing but its speed."""

    def __init__(self, chain: Sequence[Any]) -> None:
        """Stand beside the stages `chain`; beside stages that are not the built-in ones no call is usual."""
        self._stages = BuiltIn.of(chain)
        self.of_source: dict[str, Take] = Memo(self._take_of)
        """By source what takes its calls the short way."""

    def _take_of(self, source: str) -> Take:
        stages = self._stages
        if stages is None or any(source in function.sources for function in stages.functions):
            return _never
        rules = stages.privacy.rules_of(source) if stages.privacy else []
        paths = [rule.keys for rule in rules]
        if any(len(path) < 2 or path[0] not in _RULED or path[:2] == ("context", ANY_KEY) for path in paths):
            return _never
        return _SourceWay(source, stages, rules).take


def _never(raw: RawRecord, place: tuple[int, int]) -> bytes | None:
    """Take no call."""


class _SourceWay:
    """The short way of one source's calls."""

    def __init__(self, source: str, stages: BuiltIn, rules: Sequence[Rule]) -> None:
        """`rules` are the privacy rules for it."""
        self._source = source
        ruled = (rule.keys[1] for rule in rules if rule.keys[0] == "context")
        plan = stages.plan is not None and stages.plan.check_of(source) is not None
        contexts = UsualContexts(source, stages.common, stages.enrich, ruled=ruled, plan=plan)
        self._complete = contexts.complete
        self._suppressed = stages.suppress.user_ids if stages.suppress else frozenset[str]()
        self._time_of = stages.times.unremarkable_time
        self._received_ms, self._received = -1, ""
        self._body = bytearray()
        """Of the event in hand; written over each time, it need not grow anew."""
        self._kinds = {
            kind: (form.decode, UsualMembers(source, form, stages, rules).settle) for kind, form in FORMS.items()
        }

    def take(self, raw: RawRecord, place: tuple[int, int]) -> bytes | None:
        """As `Take`."""
        kind, received_ms = raw.type, raw.received_at_ms
        form = self._kinds.get(kind)
        if form is None or raw.shared or raw.repaired:
            return None
        decode, settle = form
        try:
            call = decode(raw.body)
        except NOT_USUAL:
            return None
        time_ms = self._set_times(call, raw.sent_at, received_ms)
        if time_ms is None:
            return None
        if kind == "track":
            listed = event = call.event
        else:
            listed, event = _list_page(call) if kind in ("page", "screen") else "", ""
        if not settle(call, event):
            return None
        context = self._complete(bytes(call.context), raw)
        if context is None:
            return None
        call.integrations = integrations = OBJECTS[bytes(call.integrations)]
        if integrations is None or (call.metadata is not UNSET and OBJECTS[bytes(call.metadata)] is None):
            return None
        call.context, call.channel = context
        call.user_id = user = call.user_id or UNSET
        if user in self._suppressed:
            return None
        call.anonymous_id = anonymous = call.anonymous_id or UNSET
        call.type, call.message_id, call.write_key = kind, raw.message_id, UNSET
        _encode_into(call, self._body)
        # The fields of an `EventRecord`, which need not be made for that.
        return encode(
            (
                self._source,
                kind,
                raw.message_id,
                listed,
                user or None,
                anonymous or None,
                received_ms,
                time_ms,
                place,
                self._body,
                (),
            )
        )

    def _set_times(self, call: Any, shared_sent: str | None, received_ms: int) -> int | None:
        """Set the four times; None if there is anything to remark on them."""
        original, sent = call.timestamp, call.sent_at
        if original is UNSET:
            original = None
        if sent is UNSET or sent is None:
            sent = shared_sent
            call.sent_at = UNSET if sent is None else sent
        time_ms = self._time_of(original, sent, received_ms)
        if time_ms is not None:
            if received_ms != self._received_ms:  # the calls of one request share it
                self._received_ms, self._received = received_ms, format_ms(received_ms)
            call.received_at = self._received
            call.original_timestamp = self._received if original is None else original
            call.timestamp = format_ms(time_ms)
        return time_ms


def _list_page(call: Any) -> str:
    """Leave out a page's name and category where they say nothing, and return the name."""
    call.category = call.category or UNSET
    call.name = name = call.name or UNSET
    return name or ""
