"""What the stages make of the properties and traits of usual calls: nothing, but for a currency and what rules change.

What they must be like for that is compiled into a table for each event's name (`events/members.py`), out of the
specification's rules, the privacy rules and the tracking plan.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from msgspec import UNSET, Raw, json

from trackway.events.members import ANY_MEMBERS, ANYTHING, NO_MEMBERS, NOTHING, NUMBERS, Members, Table
from trackway.events.memo import Memo
from trackway.events.personal_data import ANY_KEY, change_at
from trackway.events.reserved import MONETARY
from trackway.events.semantic import recognise
from trackway.events.unremarkable import (
    RESERVED_GROUP_TRAITS,
    RESERVED_PROPERTIES,
    RESERVED_USER_TRAITS,
    semantic_properties,
)
from trackway.pipeline.built_in import BuiltIn
from trackway.pipeline.stages.privacy import Rule
from trackway.pipeline.usual_calls import Form

_RESERVED = {"track": RESERVED_PROPERTIES, "identify": RESERVED_USER_TRAITS, "group": RESERVED_GROUP_TRAITS}
_decode_object = json.Decoder(dict[str, Any]).decode
_encode = json.Encoder().encode


class _Known(NamedTuple):
    """What is known of the open member of the calls of a kind, and of an event."""

    table: Table
    currency: str | None
    """The attribute of what the table reads."""
    money: tuple[str, ...]
    """The attributes of amounts that need a currency; none where no currency is set."""
    before: Table
    """What must be so before privacy rules change the member."""
    after: Table
    """And after that."""


class UsualMembers:
    """The open member of one source's calls of one kind."""

    def __init__(self, source: str, form: Form, stages: BuiltIn, rules: Sequence[Rule]) -> None:
        """`rules` are the privacy rules for the source."""
        self._source = source
        self._kind = form.kind
        self._stages = stages
        self._plan = stages.plan.check_of(source) if stages.plan else None
        self._member = form.member
        self._rules = [rule for rule in rules if rule.keys[0] == form.member]
        money = stages.currency if form.kind == "track" else None
        self._currency = (
            b',"currency":"%s"}' % money.currency.encode() if money and source not in money.skipping else b""
        )
        # What a rule takes from properties may be an amount, or the currency.
        self._may_change = bool(self._rules) and not self._currency and all(rule.always for rule in self._rules)
        self._known = Memo(self._compile)

    def settle(self, call: Any, event: str) -> bool:
        """Make of the open member of a `UsualCall` what the stages do; False if one of them may remark on it.

        `event` is the name of a track call, else `""`.
        """
        known = self._known[event]
        if known is None:
            return False
        members = known.table.read(call.open)
        if members is None:
            return self._may_change and self._change(call, known)
        for amount in known.money:
            if getattr(members, amount) is not UNSET:
                return self._add_currency(call, members, known)
        return True

    def _add_currency(self, call: Any, members: Any, known: _Known) -> bool:
        named = UNSET if known.currency is None else getattr(members, known.currency)
        if named is not UNSET:
            return named is not None
        if any(type(getattr(members, amount)) in NUMBERS for amount in known.money):
            call.open = Raw(bytes(call.open)[:-1] + self._currency)
        return True

    def _change(self, call: Any, known: _Known) -> bool:
        """Do what privacy rules say; False if there is anything to remark before or after that."""
        if known.before.read(call.open) is None:
            return False
        value = _decode_object(call.open)
        for rule in self._rules:
            change_at(value, rule.keys[1:], rule.change)
        call.open = Raw(_encode(value))
        return known.after.read(call.open) is not None

    def _compile(self, event: str) -> _Known | None:
        """Return the tables of an event's calls; None where each goes the long way."""
        kind, source, stages = self._kind, self._source, self._stages
        if stages.block and stages.block.may_concern(source, kind, event):
            return None
        before = ANY_MEMBERS
        if (
            kind == "track"
            and stages.semantic
            and source not in stages.semantic.skipping
            and (found := recognise(event))
        ):
            if stages.semantic.rename and found.name != event:
                return None
            before = before.and_(semantic_properties(found, rename=stages.semantic.rename))
        if stages.reserved and source not in stages.reserved.skipping and kind in _RESERVED:
            before = before.and_(_RESERVED[kind])
        after = ANY_MEMBERS if self._plan is None else self._plan.members(kind, event, self._member)
        if after is None:
            return None
        untouched = [
            NO_MEMBERS if rule.keys[1] == ANY_KEY else Members({rule.keys[1]: NOTHING}) for rule in self._rules
        ]
        if self._currency:
            untouched.append(Members(dict.fromkeys((*MONETARY, "currency"), ANYTHING)))
        members = reduce(Members.and_, untouched, before.and_(after))
        money = [members.attribute(name) for name in MONETARY] if self._currency else []
        table = Table(members)
        return _Known(
            table,
            members.attribute("currency"),
            tuple(one for one in money if one),
            Table(before) if self._may_change else table,
            Table(after) if self._may_change else table,
        )
