"""The short way of usual calls: what the stages make of a call on which none remarks and in which none replaces.

Most calls are like that. To them the stages only add: times, a channel, an ip, what follows from the context, perhaps a
currency. So the call is decoded as far as its members, what is added is put beside them, and `context`, `properties`
and `traits` go into the event as the bytes that came. Every other call, and whatever this module is not sure of, goes
through the stages one by one (`chain.run_chain`); `tests/pipeline/test_short_way.py` holds both ways to the same.

What a context becomes is asked of the stages themselves and remembered (`usual_contexts.py`). What properties and
traits must be like is compiled for each event's name (`usual_members.py`). The most usual of these calls go the same
way in a compiled module (`compiled_way.pyx`), where there is one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Raw, json

from trackway.events.clock_skew import format_ms
from trackway.events.memo import Memo
from trackway.events.personal_data import ANY_KEY
from trackway.events.records import Place, decode_raw_row, encode
from trackway.pipeline.built_in import BuiltIn
from trackway.pipeline.faults import Fault, Faults
from trackway.pipeline.stages.common_fields import OPEN_MEMBER
from trackway.pipeline.usual_calls import EMPTY, NAMES, NOT_USUAL, OBJECTS, Call, decode_call
from trackway.pipeline.usual_contexts import UsualContexts
from trackway.pipeline.usual_members import Settle, UsualMembers

try:
    from trackway.pipeline.compiled_way import CompiledWay, take_each
except ImportError:  # there was no compiler; all that is lost is speed
    CompiledWay = take_each = None

_encode_into = json.Encoder().encode_into
_RULED = ("properties", "traits", "context")
"""The members that privacy rules may be about; what others say, the stage itself must see to."""

Take = Callable[[bytes, tuple[int, int]], bytes | None]
"""Returns the record of the event that a call becomes, by its raw record, which stands at a partition's offset.

None if it is not usual. The record is that of an `EventRecord`, as `records.encode` writes it.
"""


class ShortWay:
    """The short way beside a chain. As pure as the stages are; what it remembers changes nothing but its speed."""

    def __init__(self, chain: Sequence[Any], *, compiled: bool = True) -> None:
        """Stand beside the stages `chain`; beside stages that are not the built-in ones no call is usual.

        With `compiled` the compiled modules are used, if they are there.
        """
        self._compiled = compiled
        self._stages = BuiltIn.of(chain)
        self.faults = Faults()
        """What it failed on; those calls go through the stages."""
        self.of_source: Memo[str, Take] = Memo(self._take_of)
        """By source what takes its calls the short way."""

    def take(
        self, records: Sequence[bytes], sources: Sequence[str], first: Place, numbers: Iterable[int]
    ) -> list[bytes | None]:
        """Return the records of the events that those calls with these numbers become, None for all others.

        The call of the first of `records`, which are raw records of `sources`, stands at `first`.
        """
        made: list[bytes | None] = [None] * len(records)
        takes = {source: self.of_source[source] for source in set(sources)}
        partition, offset = first
        if take_each is not None:
            take_each(made, records, sources, takes, partition, offset, numbers)
            return made
        for number in numbers:
            made[number] = takes[sources[number]](records[number], (partition, offset + number))
        return made

    def _take_of(self, source: str) -> Take:
        stages = self._stages
        if stages is None or any(source in function.sources for function in stages.functions):
            return _never
        rules = stages.privacy.rules_of(source) if stages.privacy else []
        paths = [rule.keys for rule in rules]
        if any(len(path) < 2 or path[0] not in _RULED or path[:2] == ("context", ANY_KEY) for path in paths):
            return _never
        ruled = (rule.keys[1] for rule in rules if rule.keys[0] == "context")
        plan = stages.plan is not None and stages.plan.check_of(source) is not None
        contexts = UsualContexts(source, stages.common, stages.enrich, ruled=ruled, plan=plan)
        members = {kind: UsualMembers(source, kind, stages, rules, compiled=self._compiled).settlers for kind in NAMES}
        take = _way_of(source, stages, contexts, members)
        if CompiledWay is None or not self._compiled:
            return _guarded(take, self.faults.of_source(source))
        return CompiledWay(
            take,
            fault=self.faults.of_source(source),
            settlers=members,
            contexts=contexts,
            objects=OBJECTS,
            suppressed=stages.suppress.user_ids if stages.suppress else frozenset(),
            bounds_ms=stages.times.bounds_ms,
        )


def _guarded(one: Take, fault: Fault) -> Take:
    """Return what takes a call as `one` does, or not if that fails, which `fault` is told."""

    def take(record: bytes, place: tuple[int, int]) -> bytes | None:
        try:
            return one(record, place)
        except Exception as error:  # noqa: BLE001 - a fault of ours must cost its event alone: the stages see to it
            fault(place, error)
            return None

    return take


def _never(record: bytes, place: tuple[int, int]) -> bytes | None:
    """Take no call."""


def _way_of(source: str, stages: BuiltIn, contexts: UsualContexts, settlers: Mapping[str, Memo[str, Settle]]) -> Take:
    """Return the short way of a source's calls; `settlers` are by kind what settles the open member.

    A closure, whose variables cost the interpreter less than attributes do.
    """
    complete = contexts.complete
    suppressed = stages.suppress.user_ids if stages.suppress else frozenset[str]()
    time_of = stages.times.unremarkable_time
    kinds = {kind: (NAMES[kind], OPEN_MEMBER[kind], memo.known, memo.ask) for kind, memo in settlers.items()}
    body = bytearray()  # of the event in hand; written over each time, it need not grow anew
    last_ms, last_text = -1, ""
    usual_integrations = usual_metadata = EMPTY

    def have_objects(call: Call) -> bool:
        """Tell whether integrations and metadata are objects, and take them for the usual ones."""
        nonlocal usual_integrations, usual_metadata
        integrations = OBJECTS[bytes(call.integrations)]
        metadata = EMPTY if call.metadata is UNSET else OBJECTS[bytes(call.metadata)]
        if integrations is None or metadata is None:
            return False
        call.integrations = usual_integrations = integrations
        usual_metadata = metadata
        return True

    def take(record: bytes, place: tuple[int, int]) -> bytes | None:
        nonlocal last_ms, last_text
        row = decode_raw_row(record)
        _, kind, message_id, received_ms, text, shared_sent, shared, ip, agent, client_side, refusal, repaired, _ = row
        if shared or repaired or refusal is not None:
            return None
        try:
            name_of, member, settlers, settler_of = kinds[kind]
            call = decode_call(text)
        except (KeyError, *NOT_USUAL):
            return None
        name = name_of(call)
        if name is None:
            return None
        original, sent = call.timestamp, call.sent_at
        if sent is UNSET or sent is None:
            sent = shared_sent
            call.sent_at = UNSET if sent is None else sent
        time_ms = time_of(original, sent, received_ms)
        user, anonymous = call.user_id, call.anonymous_id
        if time_ms is None or (suppressed and user in suppressed):
            return None
        event = name if kind == "track" else ""
        try:
            settle = settlers[event]
        except KeyError:
            settle = settler_of(event)
        open = call.properties if member == "properties" else call.traits
        settled = settle(EMPTY if open is UNSET else open)
        if settled is None:
            return None
        if type(settled) is Raw or open is UNSET:
            setattr(call, member, settled if type(settled) is Raw else EMPTY)
        metadata = call.metadata
        if (
            call.integrations != usual_integrations or (metadata is not UNSET and metadata != usual_metadata)
        ) and not have_objects(call):
            return None
        if not complete(call, ip, agent, client_side):
            return None
        if received_ms != last_ms:  # the calls of one request share it
            last_ms, last_text = received_ms, format_ms(received_ms)
        if call.type != kind:
            call.type = kind
        if call.message_id != message_id:
            call.message_id = message_id
        call.original_timestamp = last_text if original is None else original
        call.received_at = last_text
        call.timestamp = format_ms(time_ms)
        if call.write_key is not UNSET:
            call.write_key = UNSET
        if not user:
            user = None
            call.user_id = UNSET
        if not anonymous:
            anonymous = None
            call.anonymous_id = UNSET
        _encode_into(call, body)
        # The fields of an `EventRecord`, which need not be made for that.
        return encode((source, kind, message_id, name, user, anonymous, received_ms, time_ms, place, body, ()))

    return take
