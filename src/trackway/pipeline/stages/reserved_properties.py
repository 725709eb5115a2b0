"""Give reserved properties and traits their types; `events/reserved.py` has the rules."""

from collections.abc import Sequence
from typing import Any, cast

from msgspec import UNSET

from trackway.events.remarks import Remark
from trackway.events.reserved import GROUP_TRAITS, USER_TRAITS, default_currency, repair_properties, repair_traits
from trackway.pipeline.draft import Draft

_WRONG = frozenset({"currency_unknown", "plan_invalid_type", "plan_invalid_value", "plan_unplanned_property"})


class ReservedProperties:
    """The stage that makes amounts numbers, currencies codes and products arrays; before the tracking plan."""

    name = "reserved_properties"

    def __init__(self, skipping: frozenset[str] = frozenset()) -> None:
        """Leave the events of the sources `skipping` alone."""
        self.skipping = skipping

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Change `drafts` in place."""
        for draft in drafts:
            raw, event = draft.raw, draft.event
            if raw.source in self.skipping:
                continue
            if raw.type == "track":
                remarks = repair_properties(event["properties"])
            elif raw.type == "identify":
                remarks = repair_traits(event["traits"], USER_TRAITS)
            elif raw.type == "group":
                remarks = repair_traits(event["traits"], GROUP_TRAITS)
            else:
                continue
            if remarks:
                report(draft, remarks)
        return drafts


class DefaultCurrency:
    """The stage that names the currency of amounts without one; after the tracking plan, which judges what was sent."""

    name = "default_currency"

    def __init__(self, currency: str, skipping: frozenset[str] = frozenset()) -> None:
        """Leave the events of the sources `skipping` alone."""
        self.currency = currency
        self.skipping = skipping

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Change `drafts` in place."""
        for draft in drafts:
            if draft.raw.type == "track" and draft.raw.source not in self.skipping and not _named(draft):
                properties = draft.event.get("properties")
                if type(properties) is dict:  # a function may have taken it away
                    remark = default_currency(cast("dict[str, Any]", properties), self.currency, draft.originals())
                    if remark is not None:
                        report(draft, [remark])
        return drafts


def _named(draft: Draft) -> bool:
    """Tell whether the client named a currency that is wrong: where the plan omits it, another would be a lie."""
    return any(finding.pointer == "/properties/currency" and finding.code in _WRONG for finding in draft.findings)


def report(draft: Draft, remarks: Sequence[Remark]) -> None:
    """Put `remarks` on the draft, the originals into `context.trackway.original`."""
    for remark in remarks:
        draft.find(remark.code, remark.pointer, remark.detail)
        if remark.original is not UNSET:
            draft.keep_original(remark.pointer, remark.original)
