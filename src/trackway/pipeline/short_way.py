"""The short way of usual calls: what the stages make of a call on which none remarks and in which none replaces.

Most calls are like that. To them the stages only add: times, a channel, an ip, what follows from the context, perhaps a
currency. So the call is decoded as far as its members, what is added is put beside them, and `context`, `properties`
and `traits` go into the event as the bytes that came. Every other call, and whatever this module is not sure of, goes
through the stages one by one (`chain.run_chain`); `tests/pipeline/test_short_way.py` holds both ways to the same.

What a context becomes is asked of the stages themselves and remembered by its bytes, and so are places, by ip. What
properties must be like is compiled for each event's name out of the specification's rules, the privacy rules and the
tracking plan (`events/members.py`).
"""

from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any, NamedTuple, Self

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field, json

from trackway.events.clock_skew import format_ms
from trackway.events.members import ANY_MEMBERS, ANYTHING, NO_MEMBERS, NOTHING, NUMBERS, Members, Table
from trackway.events.personal_data import ANY_KEY
from trackway.events.records import EventRecord, Place, RawRecord
from trackway.events.reserved import MONETARY
from trackway.events.semantic import recognise
from trackway.events.unremarkable import (
    RESERVED_GROUP_TRAITS,
    RESERVED_PROPERTIES,
    RESERVED_USER_TRAITS,
    semantic_properties,
)
from trackway.pipeline.draft import Draft
from trackway.pipeline.stages.block import BlockStage
from trackway.pipeline.stages.common_fields import CommonFields
from trackway.pipeline.stages.enrich import Enrich
from trackway.pipeline.stages.functions import FunctionStage
from trackway.pipeline.stages.plan import PlanStage
from trackway.pipeline.stages.privacy import Privacy, Suppress
from trackway.pipeline.stages.reserved_properties import DefaultCurrency, ReservedProperties
from trackway.pipeline.stages.semantic_events import SemanticEvents
from trackway.pipeline.stages.times import Times

_KEPT = 4096
_LONGEST_CONTEXT = 2048
"""Bytes of a context; the remembered ones bound the memory that is taken, to 16 MB at the very most."""
_SOME_IP = "192.0.2.1"
"""Stands for the ip of any request (RFC 5737 keeps it for examples)."""

_Text = str | None | UnsetType
_Ignored = Any
"""What a client says there is replaced, or left out."""


class _Call(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, gc=False):
    """The members of a call and of the event that it becomes; a call that has others goes the long way."""

    type: str | None = None
    message_id: str | int | UnsetType | None = UNSET
    user_id: _Text = UNSET
    anonymous_id: _Text = UNSET
    integrations: dict[str, Any] | UnsetType | None = UNSET
    context: Raw | UnsetType = UNSET
    metadata: Any = field(name="_metadata", default=UNSET)
    original_timestamp: _Ignored = UNSET
    sent_at: _Text = UNSET
    received_at: _Ignored = UNSET
    timestamp: _Text = UNSET
    channel: _Ignored = UNSET
    write_key: _Ignored = UNSET


class _Track(_Call):
    event: str
    properties: Raw | UnsetType = UNSET


class _Page(_Call):
    name: _Text = UNSET
    category: _Text = UNSET
    properties: Raw | UnsetType = UNSET


class _Identify(_Call):
    traits: Raw | UnsetType = UNSET


class _Group(_Call):
    group_id: str
    traits: Raw | UnsetType = UNSET


_DECODE = {
    kind: json.Decoder(call).decode
    for kind, call in {
        "track": _Track,
        "page": _Page,
        "screen": _Page,
        "identify": _Identify,
        "group": _Group,
    }.items()
}
_decode_object = json.Decoder(dict[str, Any]).decode
_encode = json.Encoder().encode
_NOT_USUAL = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_EMPTY = Raw(b"{}")


_MEMBER = {"track": "properties", "page": "properties", "screen": "properties", "identify": "traits", "group": "traits"}
_RESERVED = {"track": RESERVED_PROPERTIES, "identify": RESERVED_USER_TRAITS, "group": RESERVED_GROUP_TRAITS}
_RULED = ("properties", "traits", "context")
"""The members that privacy rules may be about; what others say, the stage itself must see to."""


class _Context(NamedTuple):
    """What the stages make of a context, but for the ip of the request and the place that it tells."""

    text: bytes
    """JSON, without the closing brace."""
    wants_ip: bool
    """The request's ip is to be added."""
    ip: Any
    """The one that the client itself put there."""
    wants_place: bool
    channel: str


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
        self._by_source: dict[str, _SourceWay | None] = {}

    def take(self, raw: RawRecord, place: Place) -> EventRecord | None:
        """Return what the stages make of the call `raw`, which stands at `place`; None if it is not usual."""
        try:
            way = self._by_source[raw.source]
        except KeyError:
            way = self._by_source[raw.source] = self._way_of(raw.source)
        return None if way is None or raw.shared or raw.repaired else way.take(raw, place)

    def _way_of(self, source: str) -> "_SourceWay | None":
        stages = self._stages
        if stages is None or any(source in function.sources for function in stages.functions):
            return None
        rules = stages.privacy.paths_of(source) if stages.privacy else []
        if any(len(path) < 2 or path[0] not in _RULED or path[:2] == ("context", ANY_KEY) for path in rules):
            return None
        return _SourceWay(source, stages, rules)


class _SourceWay:
    """The short way of one source's calls."""

    def __init__(self, source: str, stages: _Stages, rules: Sequence[tuple[str, ...]]) -> None:
        """`rules` are the paths that privacy rules are about."""
        self._source = source
        self._stages = stages
        self._rules = rules
        self._enrich = stages.enrich.without_places()
        self._plan = stages.plan.check_of(source) if stages.plan else None
        self._suppressed = stages.suppress.user_ids if stages.suppress else frozenset[str]()
        self._time_of = stages.times.unremarkable_time
        self._received_ms, self._received = -1, ""
        money = stages.currency
        self._currency = (
            b',"currency":"%s"}' % money.currency.encode() if money and source not in money.skipping else b""
        )
        self._table_of = lru_cache(_KEPT)(self._compile)
        self._context_of = lru_cache(_KEPT)(self._ask_stages)
        self._added = lru_cache(_KEPT)(self._describe_ip)

    def take(self, raw: RawRecord, place: Place) -> EventRecord | None:
        """As `ShortWay.take`."""
        decode = _DECODE.get(raw.type)
        if decode is None:
            return None
        try:
            call: Any = decode(raw.body)
        except _NOT_USUAL:
            return None
        time_ms = self._set_times(call, raw)
        if time_ms is None or not self._set_members(call, raw.type) or not self._set_context(call, raw):
            return None
        call.type, call.message_id, call.write_key = raw.type, raw.message_id, UNSET
        call.user_id = user = call.user_id or UNSET
        if user in self._suppressed:
            return None
        call.anonymous_id = anonymous = call.anonymous_id or UNSET
        call.integrations = call.integrations or {}
        return EventRecord(
            raw.source,
            raw.type,
            raw.message_id,
            _name_of(call, raw.type),
            user or None,
            anonymous or None,
            raw.received_at_ms,
            time_ms,
            place,
            _encode(call),
        )

    def _set_times(self, call: Any, raw: RawRecord) -> int | None:
        """Set the four times; None if there is anything to remark on them."""
        original, sent, received_ms = call.timestamp, call.sent_at, raw.received_at_ms
        if original is UNSET:
            original = None
        if sent is UNSET or sent is None:
            sent = raw.sent_at
            call.sent_at = UNSET if sent is None else sent
        time_ms = self._time_of(original, sent, received_ms)
        if time_ms is not None:
            if received_ms != self._received_ms:  # the calls of one request share it
                self._received_ms, self._received = received_ms, format_ms(received_ms)
            call.received_at = self._received
            call.original_timestamp = self._received if original is None else original
            call.timestamp = format_ms(time_ms)
        return time_ms

    def _set_members(self, call: Any, kind: str) -> bool:
        """Look at `properties` or `traits`, and add the currency; False if there is anything to remark on them."""
        member = _MEMBER[kind]
        text = getattr(call, member)
        if text is UNSET:
            text = _EMPTY
            setattr(call, member, text)
        known = self._table_of(kind, call.event if kind == "track" else "")
        if known is None:
            return False
        table, currency, money = known
        members = table.read(text)
        if members is None:
            return False
        for amount in money:
            if getattr(members, amount) is not UNSET:
                return self._add_currency(call, text, members, currency, money)
        return True

    def _add_currency(self, call: Any, text: Raw, members: Any, currency: str | None, money: Sequence[str]) -> bool:
        named = UNSET if currency is None else getattr(members, currency)
        if named is not UNSET:
            return named is not None
        if any(type(getattr(members, amount)) in NUMBERS for amount in money):
            call.properties = Raw(bytes(text)[:-1] + self._currency)
        return True

    def _set_context(self, call: Any, raw: RawRecord) -> bool:
        """Set context and channel; False if the context is not usual."""
        context = b"{}" if call.context is UNSET else bytes(call.context)
        if len(context) > _LONGEST_CONTEXT:
            return False
        made = self._context_of(context, raw.user_agent, raw.client_side)
        if made is None:
            return False
        text, wants_ip, ip, wants_place, call.channel = made
        if wants_ip and raw.ip:
            text += self._added(raw.ip, True, wants_place, len(text) > 1)
        elif wants_place and ip:
            text += self._added(ip, False, wants_place, True)
        call.context = Raw(text + b"}")
        return True

    def _ask_stages(self, text: bytes, user_agent: str, client_side: bool) -> _Context | None:
        """Return what the stages make of a context."""
        try:
            sent = _decode_object(text)
        except _NOT_USUAL:
            return None
        raw = RawRecord(self._source, "", "", 0, b"", ip=_SOME_IP, user_agent=user_agent, client_side=client_side)
        draft = Draft(raw, Place(0, 0), {"context": sent}, findings=[])
        had_ip = "ip" in sent
        self._stages.common.run([draft])
        self._enrich.run([draft])
        context = draft.context()
        wants_ip = context.get("ip") == _SOME_IP
        wants_place = self._stages.enrich.wants_place(self._source, context)
        coming = {name for name, comes in (("ip", wants_ip), ("location", wants_place)) if comes}
        ruled = {path[1] for path in self._rules if path[0] == "context"}
        if (wants_ip and had_ip) or ("protocols" in context and self._plan) or ruled & (context.keys() | coming):
            return None
        if wants_ip:
            del context["ip"]
        return _Context(_encode(context)[:-1], wants_ip, context.get("ip"), wants_place, draft.event["channel"])

    def _describe_ip(self, ip: Any, wants_ip: bool, wants_place: bool, follows: bool) -> bytes:
        """Return the members that an ip adds to a context, itself among them if it is wanted."""
        geo, added = self._stages.enrich.geo, dict[str, Any]()
        if wants_ip:
            added["ip"] = ip
        if wants_place and geo is not None and type(ip) is str and (place := geo.locate(ip)) is not None:
            added["location"] = place
        return (b"," if follows and added else b"") + _encode(added)[1:-1]

    def _compile(self, kind: str, event: str) -> _Known | None:
        """Return the table of the calls of a kind, and of an event; None where each goes the long way."""
        member, source = _MEMBER[kind], self._source
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


def _name_of(call: Any, kind: str) -> str:
    if kind == "track":
        return call.event
    if kind in ("page", "screen"):
        call.category = call.category or UNSET
        call.name = name = call.name or UNSET
        return name or ""
    return ""
