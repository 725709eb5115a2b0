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
from msgspec.structs import astuple

from trackway.events.clock_skew import format_ms
from trackway.events.memo import Memo
from trackway.events.personal_data import ANY_KEY
from trackway.events.records import encode
from trackway.pipeline.built_in import BuiltIn
from trackway.pipeline.stages.privacy import Rule
from trackway.pipeline.usual_calls import FORMS, NOT_USUAL, OBJECTS
from trackway.pipeline.usual_contexts import UsualContexts
from trackway.pipeline.usual_members import UsualMembers

_encode_into = json.Encoder().encode_into
_COMMON = 14
"""Fields at the end of a call of any kind: the open member, and those of `usual_calls.Call`."""
_RULED = ("properties", "traits", "context")
"""The members that privacy rules may be about; what others say, the stage itself must see to."""

Row = tuple[Any, ...]
"""The fields of a `RawRecord`, in their order: all at once they cost what two do one by one."""

Take = Callable[[Row, tuple[int, int]], bytes | None]
"""Returns the record of the event that a call becomes, which stands at a partition's offset; None if it is not usual.

The record is that of an `EventRecord`, as `records.encode` writes it.
"""


class ShortWay:
    """The short way beside a chain. As pure as the stages are; what it remembers changes nothing but its speed."""

    def __init__(self, chain: Sequence[Any]) -> None:
        """Stand beside the stages `chain`; beside stages that are not the built-in ones no call is usual."""
        self._stages = BuiltIn.of(chain)
        self.of_source: Memo[str, Take] = Memo(self._take_of)
        """By source what takes its calls the short way."""

    def _take_of(self, source: str) -> Take:
        stages = self._stages
        if stages is None or any(source in function.sources for function in stages.functions):
            return _never
        rules = stages.privacy.rules_of(source) if stages.privacy else []
        paths = [rule.keys for rule in rules]
        if any(len(path) < 2 or path[0] not in _RULED or path[:2] == ("context", ANY_KEY) for path in paths):
            return _never
        return _way_of(source, stages, rules)


def _never(row: Row, place: tuple[int, int]) -> bytes | None:
    """Take no call."""


def _way_of(source: str, stages: BuiltIn, rules: Sequence[Rule]) -> Take:
    """Return the short way of a source's calls; `rules` are the privacy rules for it.

    A closure, whose variables cost the interpreter less than attributes do.
    """
    ruled = (rule.keys[1] for rule in rules if rule.keys[0] == "context")
    plan = stages.plan is not None and stages.plan.check_of(source) is not None
    complete = UsualContexts(source, stages.common, stages.enrich, ruled=ruled, plan=plan).complete
    suppressed = stages.suppress.user_ids if stages.suppress else frozenset[str]()
    time_of = stages.times.unremarkable_time
    forms = {kind: (form, UsualMembers(source, form, stages, rules).settlers) for kind, form in FORMS.items()}
    kinds = {kind: (form.decode, settlers.known, settlers.ask, form.event) for kind, (form, settlers) in forms.items()}
    body = bytearray()  # of the event in hand; written over each time, it need not grow anew
    objects = OBJECTS.known
    last_ms, last_text = -1, ""

    def take(row: Row, place: tuple[int, int]) -> bytes | None:
        nonlocal last_ms, last_text
        _, kind, message_id, received_ms, text, shared_sent, shared, ip, agent, client_side, refusal, repaired, _ = row
        if kind not in kinds or shared or repaired or refusal is not None:
            return None
        decode, settlers, settler_of, event_of = kinds[kind]
        try:
            call = decode(text)
        except NOT_USUAL:
            return None
        members = astuple(call)
        own = members[:-_COMMON]
        open, _, _, user, anonymous, integrations, context, metadata, _, sent, _, original, _, _ = members[-_COMMON:]
        if sent is None:
            sent = shared_sent
        time_ms = time_of(original, sent, received_ms)
        if time_ms is None or user in suppressed:
            return None
        listed = event = ""
        if kind == "track":
            (event,) = own
            listed = event
        elif own and kind != "group":
            # A page's name and category are left out where they say nothing.
            name, category = own
            listed, own = name or "", (name or UNSET, category or UNSET)
        settle = settlers[event] if event in settlers else settler_of(event)
        open = settle(open)
        if open is None:
            return None
        text = bytes(integrations)
        integrations = objects.get(text) or OBJECTS.ask(text)
        if integrations is None:
            return None
        if metadata is not UNSET:
            text = bytes(metadata)
            if (objects.get(text) or OBJECTS.ask(text)) is None:
                return None
        completed = complete(bytes(context), ip, agent, client_side)
        if completed is None:
            return None
        context, channel = completed
        if received_ms != last_ms:  # the calls of one request share it
            last_ms, last_text = received_ms, format_ms(received_ms)
        event = event_of(
            *own,
            open,
            kind,
            message_id,
            user or UNSET,
            anonymous or UNSET,
            integrations,
            context,
            metadata,
            last_text if original is None else original,
            UNSET if sent is None else sent,
            last_text,
            format_ms(time_ms),
            channel,
            UNSET,
        )
        _encode_into(event, body)
        # The fields of an `EventRecord`, which need not be made for that.
        user, anonymous = user or None, anonymous or None
        return encode((source, kind, message_id, listed, user, anonymous, received_ms, time_ms, place, body, ()))

    return take
