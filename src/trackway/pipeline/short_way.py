"""The short way of usual calls: what the stages make of a call on which none remarks and in which none replaces.

Most calls are like that. To them the stages only add: times, a channel, an ip, what follows from the context, perhaps a
currency. So the call is decoded as far as its members, what is added is put beside them, and `context`, `properties`
and `traits` go into the event as the bytes that came. Every other call, and whatever this module is not sure of, goes
through the stages one by one (`chain.run_chain`); `tests/pipeline/test_short_way.py` holds both ways to the same.

What a context becomes is asked of the stages themselves and remembered (`usual_contexts.py`). What properties must be
like is compiled for each event's name out of the specification's rules, the privacy rules and the tracking plan
(`events/members.py`).
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, NamedTuple, Self

from msgspec import UNSET, Raw, json

from trackway.events.clock_skew import format_ms
from trackway.events.members import ANY_MEMBERS, ANYTHING, NO_MEMBERS, NOTHING, NUMBERS, Members, Table
from trackway.events.memo import Memo
from trackway.events.personal_data import ANY_KEY
from trackway.events.records import RawRecord, encode
from trackway.events.reserved import MONETARY
from trackway.events.semantic import recognise
from trackway.events.unremarkable import (
    RESERVED_GROUP_TRAITS,
    RESERVED_PROPERTIES,
    RESERVED_USER_TRAITS,
    semantic_properties,
)
from trackway.pipeline.stages.block import BlockStage
from trackway.pipeline.stages.common_fields import CommonFields
from trackway.pipeline.stages.enrich import Enrich
from trackway.pipeline.stages.functions import FunctionStage
from trackway.pipeline.stages.plan import PlanStage
from trackway.pipeline.stages.privacy import Privacy, Suppress
from trackway.pipeline.stages.reserved_properties import DefaultCurrency, ReservedProperties
from trackway.pipeline.stages.semantic_events import SemanticEvents
from trackway.pipeline.stages.times import Times
from trackway.pipeline.usual_calls import FORMS, NOT_USUAL, Form, read_object
from trackway.pipeline.usual_contexts import UsualContexts

_encode = json.Encoder().encode
_RESERVED = {"track": RESERVED_PROPERTIES, "identify": RESERVED_USER_TRAITS, "group": RESERVED_GROUP_TRAITS}
_RULED = ("properties", "traits", "context")
"""The members that privacy rules may be about; what others say, the stage itself must see to."""

Take = Callable[[RawRecord, tuple[int, int]], bytes | None]
"""Returns the record of the event that a call becomes, which stands at a partition's offset; None if it is not usual.

The record is that of an `EventRecord`, as `records.encode` writes it.
"""


class _Known(NamedTuple):
    """What is known of the open member of the calls of a kind, and of an event."""

    table: Table
    currency: str | None
    """The attribute of what the table reads."""
    money: tuple[str, ...]
    """The attributes of amounts that need a currency; none where no currency is set."""


class _Stages(NamedTuple):
    """The built-in stages of a chain; None for one that is left out."""

    common: CommonFields
    times: Times
    enrich: Enrich
    suppress: Suppress | None = None
    semantic: SemanticEvents | None = None
    block: BlockStage | None = None
    reserved: ReservedProperties | None = None
    privacy: Privacy | None = None
    functions: tuple[FunctionStage, ...] = ()
    plan: PlanStage | None = None
    currency: DefaultCurrency | None = None

    @classmethod
    def of(cls, chain: Sequence[Any]) -> Self | None:
        """Return the stages of `chain` by what they are; None if they are others, or in another order."""
        fields = {
            CommonFields: "common",
            Suppress: "suppress",
            Times: "times",
            Enrich: "enrich",
            SemanticEvents: "semantic",
            BlockStage: "block",
            ReservedProperties: "reserved",
            Privacy: "privacy",
            FunctionStage: "functions",
            PlanStage: "plan",
            DefaultCurrency: "currency",
        }
        kinds: list[type] = [type(stage) for stage in chain if not isinstance(stage, FunctionStage)]
        if kinds != [kind for kind in fields if kind in kinds] or not {CommonFields, Times, Enrich} <= set(kinds):
            return None
        found: dict[str, Any] = {fields[type(stage)]: stage for stage in chain}
        found["functions"] = tuple(one for one in chain if isinstance(one, FunctionStage))
        return cls(**found)


class ShortWay:
    """The short way beside a chain. As pure as the stages are; what it remembers changes nothing but its speed."""

    def __init__(self, chain: Sequence[Any]) -> None:
        """Stand beside the stages `chain`; beside stages that are not the built-in ones no call is usual."""
        self._stages = _Stages.of(chain)
        self.of_source: dict[str, Take] = Memo(self._take_of)
        """By source what takes its calls the short way."""

    def _take_of(self, source: str) -> Take:
        stages = self._stages
        if stages is None or any(source in function.sources for function in stages.functions):
            return _never
        rules = stages.privacy.paths_of(source) if stages.privacy else []
        if any(len(path) < 2 or path[0] not in _RULED or path[:2] == ("context", ANY_KEY) for path in rules):
            return _never
        return _SourceWay(source, stages, rules).take


def _never(raw: RawRecord, place: tuple[int, int]) -> bytes | None:
    """Take no call."""


class _SourceWay:
    """The short way of one source's calls."""

    def __init__(self, source: str, stages: _Stages, rules: Sequence[tuple[str, ...]]) -> None:
        """`rules` are the paths that privacy rules are about."""
        self._source = source
        self._stages = stages
        self._rules = rules
        self._plan = stages.plan.check_of(source) if stages.plan else None
        ruled = (path[1] for path in rules if path[0] == "context")
        contexts = UsualContexts(source, stages.common, stages.enrich, ruled=ruled, plan=self._plan is not None)
        self._complete = contexts.complete
        self._suppressed = stages.suppress.user_ids if stages.suppress else frozenset[str]()
        self._time_of = stages.times.unremarkable_time
        self._received_ms, self._received = -1, ""
        money = stages.currency
        self._currency = (
            b',"currency":"%s"}' % money.currency.encode() if money and source not in money.skipping else b""
        )
        self._kinds = {kind: (form.decode, Memo(self._compiler(form))) for kind, form in FORMS.items()}

    def take(self, raw: RawRecord, place: tuple[int, int]) -> bytes | None:
        """As `Take`."""
        kind, received_ms = raw.type, raw.received_at_ms
        form = self._kinds.get(kind)
        if form is None or raw.shared or raw.repaired:
            return None
        decode, known_of = form
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
        if not self._fits(call, known_of[event]):
            return None
        context = self._complete(bytes(call.context), raw)
        if context is None or not _settle_objects(call):
            return None
        call.context, call.channel = context
        call.user_id = user = call.user_id or UNSET
        if user in self._suppressed:
            return None
        call.anonymous_id = anonymous = call.anonymous_id or UNSET
        call.type, call.message_id, call.write_key = kind, raw.message_id, UNSET
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
                _encode(call),
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

    def _fits(self, call: Any, known: _Known | None) -> bool:
        """Look at `properties` or `traits`, and add the currency; False if there is anything to remark on them."""
        if known is None:
            return False
        table, currency, money = known
        members = table.read(call.open)
        if members is None:
            return False
        for amount in money:
            if getattr(members, amount) is not UNSET:
                return self._add_currency(call, members, currency, money)
        return True

    def _add_currency(self, call: Any, members: Any, currency: str | None, money: Sequence[str]) -> bool:
        named = UNSET if currency is None else getattr(members, currency)
        if named is not UNSET:
            return named is not None
        if any(type(getattr(members, amount)) in NUMBERS for amount in money):
            call.open = Raw(bytes(call.open)[:-1] + self._currency)
        return True

    def _compiler(self, form: Form) -> Callable[[str], _Known | None]:
        return lambda event: self._compile(form, event)

    def _compile(self, form: Form, event: str) -> _Known | None:
        """Return the table of the calls of a kind, and of an event; None where each goes the long way."""
        (kind, member, _), source = form, self._source
        if self._stages.block and self._stages.block.may_concern(source, kind, event):
            return None
        tables: list[Members] = []
        semantic, reserved = self._stages.semantic, self._stages.reserved
        if kind == "track" and semantic and source not in semantic.skipping and (found := recognise(event)):
            if semantic.rename and found.name != event:
                return None
            tables.append(semantic_properties(found, rename=semantic.rename))
        if reserved and source not in reserved.skipping and kind in _RESERVED:
            tables.append(_RESERVED[kind])
        if self._plan is not None:
            planned = self._plan.members(kind, event, member)
            if planned is None:
                return None
            tables.append(planned)
        ruled = [path[1] for path in self._rules if path[0] == member]
        tables += [NO_MEMBERS if name == ANY_KEY else Members({name: NOTHING}) for name in ruled]
        currency = self._currency and kind == "track"
        if currency:
            tables.append(Members(dict.fromkeys((*MONETARY, "currency"), ANYTHING)))
        members = reduce(Members.and_, tables, ANY_MEMBERS)
        money = [members.attribute(name) for name in MONETARY] if currency else []
        return _Known(Table(members), members.attribute("currency"), tuple(one for one in money if one))


def _list_page(call: Any) -> str:
    """Leave out a page's name and category where they say nothing, and return the name."""
    call.category = call.category or UNSET
    call.name = name = call.name or UNSET
    return name or ""


def _settle_objects(call: Any) -> bool:
    """Look at the members that are the same in most calls; False if they are not usual."""
    call.integrations = integrations = read_object(bytes(call.integrations))
    return integrations is not None and (call.metadata is UNSET or read_object(bytes(call.metadata)) is not None)
