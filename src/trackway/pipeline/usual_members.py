"""What the stages make of the properties and traits of usual calls: nothing, but for a currency and what rules change.

What they must be like for that is compiled into a table for each event's name (`events/members.py`), out of the
specification's rules, the privacy rules and the tracking plan.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from msgspec import UNSET, Raw, json

from trackway.events.members import ANY_MEMBERS, ANYTHING, NO_MEMBERS, NOTHING, NUMBERS, Members, Read, Table
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
from trackway.pipeline.stages.common_fields import OPEN_MEMBER
from trackway.pipeline.stages.privacy import Rule

try:
    from trackway.events.compiled_members import Settler
except ImportError:
    Settler = None

_RESERVED = {"track": RESERVED_PROPERTIES, "identify": RESERVED_USER_TRAITS, "group": RESERVED_GROUP_TRAITS}
_LONGEST = 512
"""Characters of an event's name; calls of longer ones go the long way, since each name and its table are remembered."""
_decode_object = json.Decoder(dict[str, Any]).decode
_encode = json.Encoder().encode

Settle = Callable[[Raw | bytes], Any]
"""Returns what the stages make of an open member: a `Raw`, or anything else if it stays as it is.

None if one of them may remark on it.
"""


def _never(text: Raw | bytes) -> None:
    """Settle nothing."""


class UsualMembers:
    """The open member of one source's calls of one kind."""

    def __init__(
        self, source: str, kind: str, stages: BuiltIn, rules: Sequence[Rule], *, compiled: bool = True
    ) -> None:
        """`rules` are the privacy rules for the source; with `compiled` tables are compiled to C, if they can be."""
        self._compiled = compiled
        self._source = source
        self._kind = kind
        self._stages = stages
        self._plan = stages.plan.check_of(source) if stages.plan else None
        self._member = OPEN_MEMBER[kind]
        self._rules = [rule for rule in rules if rule.keys[0] == self._member]
        money = stages.currency if kind == "track" else None
        self._currency = (
            b',"currency":"%s"}' % money.currency.encode() if money and source not in money.skipping else b""
        )
        # What a rule takes from properties may be an amount, or the currency.
        self._may_change = bool(self._rules) and not self._currency and all(rule.always for rule in self._rules)
        self.settlers: Memo[str, Settle] = Memo(self._settler_of, longest=_LONGEST)
        """By the name of a track call, for others by `""`, what settles the member."""

    def _settler_of(self, event: str) -> Settle:
        kind, source, stages = self._kind, self._source, self._stages
        if len(event) > _LONGEST or (stages.block and stages.block.may_concern(source, kind, event)):
            return _never
        before = ANY_MEMBERS
        if (
            kind == "track"
            and stages.semantic
            and source not in stages.semantic.skipping
            and (found := recognise(event))
        ):
            if stages.semantic.rename and found.name != event:
                return _never
            before = before.and_(semantic_properties(found, rename=stages.semantic.rename))
        if stages.reserved and source not in stages.reserved.skipping and kind in _RESERVED:
            before = before.and_(_RESERVED[kind])
        after = ANY_MEMBERS if self._plan is None else self._plan.members(kind, event, self._member)
        if after is None:
            return _never
        untouched = [
            NO_MEMBERS if rule.keys[1] == ANY_KEY else Members({rule.keys[1]: NOTHING}) for rule in self._rules
        ]
        if self._currency:
            untouched.append(Members(dict.fromkeys((*MONETARY, "currency"), ANYTHING)))
        members = reduce(Members.and_, untouched, before.and_(after))
        settle = _compile(members, self._currency) if self._compiled else None
        if settle is not None:
            return _changing(settle, before, after, self._rules) if self._may_change else settle
        read = Table(members).read
        amounts = [one for one in map(members.attribute, MONETARY) if one]
        if self._currency and amounts:
            return _adding_currency(read, amounts, members.attribute("currency"), self._currency)
        if self._may_change:
            return _changing(read, before, after, self._rules)
        return read


def _compile(members: Members, currency: bytes) -> Settle | None:
    """Return a compiled table that adds a currency, or none if that is `b""`; None where it cannot be compiled."""
    if Settler is None:
        return None
    try:
        return Settler(members, currency)
    except ValueError:  # more members are needed than it can tell apart
        return None


def _adding_currency(read: Read, amounts: Sequence[str], named: str | None, currency: bytes) -> Settle:
    """Return what puts a currency behind amounts that have none: `currency`, a member and the closing brace.

    `amounts` and `named` are the attributes of amounts and of their currency in what `read` returns.
    """

    def settle(text: Raw | bytes) -> Any:
        found = read(text)
        if found is None:
            return None
        if named is not None and (name := getattr(found, named)) is not UNSET:
            # Nothing is added to null, but the stage has something to say of that beside an amount.
            return found if name is not None or all(getattr(found, amount) is UNSET for amount in amounts) else None
        if any(type(getattr(found, amount)) in NUMBERS for amount in amounts):
            return Raw(bytes(text)[:-1] + currency)
        return found

    return settle


def _changing(usual: Read, before: Members, after: Members, rules: Sequence[Rule]) -> Settle:
    """Return what does what privacy rules say to members that are not `usual`, if there is nothing to remark on them.

    That is judged by the table `before` they are changed and by that `after`.
    """
    is_fit_before, is_fit_after = Table(before).read, Table(after).read

    def settle(text: Raw | bytes) -> Any:
        if usual(text) is not None:
            return text
        if is_fit_before(text) is None:
            return None
        value = _decode_object(text)
        if not any(rule.keys[1] in value or (rule.keys[1] == ANY_KEY and value) for rule in rules):
            # `usual` knew too little of it. What no rule is about stays as the client wrote it.
            return None if is_fit_after(text) is None else text
        for rule in rules:
            change_at(value, rule.keys[1:], rule.change)
        changed = Raw(_encode(value))
        return None if is_fit_after(changed) is None else changed

    return settle
