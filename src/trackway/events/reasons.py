"""Every code that says why an event was refused, left out or remarked on, with a sentence for people.

Codes in Segment's vocabulary (`no_user_anon_id`, `event_not_string`, …) are Segment's own; the others are ours.
`docs/reasons.md` lists them, and so does `trackway reasons`.
"""

from typing import NamedTuple

REFUSALS = {
    "body_not_json": "The body is not JSON.",
    "body_not_object": "The body must be a JSON object.",
    "batch_not_array": "`batch` must be an array of calls.",
    "empty_batch": "`batch` holds no calls.",
    "batch_too_long": "The batch holds more calls than this source allows; send fewer at a time.",
    "event_not_object": "A call must be a JSON object.",
    "event_too_large": "The call is larger than this source allows; send less in it.",
    "nested_too_deeply": "The call nests deeper than 200 levels; flatten it.",
    "type_unknown": "`type` must be one of track, identify, page, screen, group, alias.",
    "no_user_anon_id": "Give `userId` or `anonymousId`, a non-empty text.",
    "id_not_string": "An id must be text.",
    "user_id_required": "An alias call needs `userId`, the new id.",
    "previous_id_required": "An alias call needs `previousId`, the old id.",
    "group_id_required": "A group call needs `groupId`, a non-empty text.",
    "message_id_too_long": "`messageId` may have at most 100 characters.",
    "event_not_defined": "A track call needs `event`, the name of what happened.",
    "event_not_string": "`event` must be text.",
    "properties_not_object": "`properties` must be an object.",
    "traits_not_object": "`traits` must be an object.",
    "context_not_object": "`context` must be an object.",
    "integrations_not_object": "`integrations` must be an object.",
    "name_not_string": "`name` must be text.",
    "category_not_string": "`category` must be text.",
    "consent_categorypreferences_should_exist": "`context.consent.categoryPreferences` is required in this event.",
    "consent_categorypreferences_fields_should_be_object": "`context.consent.categoryPreferences` must be an object.",
    "consent_categorypreferences_fields_should_be_bool": "Each consent category must be true or false.",
    "consent_version_should_be_number": "`context.consent.version` must be a number.",
    "unknown_source": "No source has this write key; look it up in trackway.yaml or in the console.",
    "source_disabled": "This source is switched off in trackway.yaml.",
    "unreadable": "The stored call could not be read again.",
    "pipeline_error": "The pipeline failed on this call; the message says how. Release it after the fault is mended.",
    "unplanned": "The tracking plan does not have this event, and the source quarantines such events.",
    "unplanned_property": "A property of the event is not in the tracking plan, and the source quarantines such.",
    "schema_violation": "The event is not as the tracking plan says, and the source quarantines such events.",
    "common_schema_violation": "The event is not as the tracking plan says of all events; the source quarantines such.",
    "function_failed": "A function raised an error on this event, or returned no event; release it after mending.",
    "function_timeout": "A function took longer on this event than its `timeout` in trackway.yaml.",
    "function_crashed": "A function ended its process on this event.",
    "function_suspended": "A function that kept stalling was not asked for a minute; release the event after mending.",
}
"""Why a call went to quarantine, or a request was refused."""

DROPS = {
    "duplicate": "The same `messageId` came before, within this source's dedup window.",
    "suppressed": "The user is on the list of `trackway suppress`.",
    "blocked": "The source's `block` in trackway.yaml names it; the call itself stays in the raw log.",
    "function": "A function dropped it; the detail names the function and its reason.",
}
"""Why a call was left out by design."""

FINDINGS = {
    "timestamp_unparsable": "`timestamp` is no ISO 8601 date; the time of receipt is used instead.",
    "sent_at_unparsable": "`sentAt` is no ISO 8601 date; the clock could not be corrected.",
    "timestamp_out_of_range": "The corrected time lies outside the years 1 to 9999; the time of receipt is used.",
    "id_was_number": "An id was sent as a number and became text.",
    "clock_skewed": "The client's clock is far from ours; the time was corrected by `sentAt`.",
    "timestamp_before_earliest": "It claims to be older than `pipeline.earliest_year`; the time of receipt is used.",
    "timestamp_in_future": "The event claims to lie beyond `pipeline.future_limit`; the time of receipt is used.",
    "late": "The event was received long after it happened (`pipeline.late_after`).",
    "number_was_text": "An amount or a quantity was sent as text and became a number; the original is kept.",
    "number_ambiguous": "The text may be two numbers, such as 1,299; send a JSON number.",
    "number_expected": "The property is reserved for a number.",
    "currency_repaired": "`currency` became an ISO 4217 code in capital letters; the original is kept.",
    "currency_ambiguous": "The sign of the amount is that of several currencies, none of them `pipeline.currency`.",
    "currency_conflict": "The amount was sent with another currency than the event's `currency`; the number was kept.",
    "currency_unknown": "`currency` is no ISO 4217 code, such as USD.",
    "products_repaired": "`products` became an array of objects; the original is kept.",
    "products_expected": "`products` must be an array of objects.",
    "trait_mistyped": "The trait is reserved for another type.",
    "date_was_number": "A date was sent as epoch time and became ISO 8601; the original is kept.",
    "date_unreadable": "The trait is reserved for a date, best in ISO 8601.",
    "event_renamed": "An old or other spelling of a semantic event got its current name; the original is kept.",
    "property_renamed": "An old or other spelling of a semantic event's property got its current name.",
    "property_missing": "Many destinations need this property of the semantic event.",
    "property_mistyped": "The semantic event's property should be of another type.",
    "text_repaired": "The call was not strict JSON (NaN, Infinity or broken text); the bad values became null or �.",
    "plan_unplanned": "The tracking plan does not have this event.",
    "plan_unplanned_property": "The tracking plan does not have this property or trait.",
    "plan_required": "The tracking plan requires a property that is missing.",
    "plan_invalid_type": "The value is not of the type that the tracking plan says.",
    "plan_invalid_value": "The value is none of those that the tracking plan permits.",
    "plan_version_unknown": "The tracking plan has no such version of the event; the oldest one was used.",
}
"""What is remarked on an event that was kept."""

DISCARDS = {
    "CANARY": "The event is Trackway's own canary, which checks the path and goes no further.",
    "SOURCE_NOT_CONNECTED": "The destination's `sources` in trackway.yaml does not name this source.",
    "MESSAGE_SENT_CLIENT_SIDE": "The device sent the event to this destination itself (`_metadata.bundled`).",
    "FILTERED_BY_INTEGRATIONS_OBJECT": "The event's `integrations` keeps it from this destination.",
    "FILTERED_BY_END_USER_CONSENT": "The person did not consent to what this destination is for.",
    "FILTERED_BY_FUNCTION": "A function of this destination left it out; the detail has its reason.",
    "FILTERED_BY_RULES": "A filter of this destination leaves it out.",
    "UNSUPPORTED_EVENT_TYPE": "The destination has no use for calls of this type.",
    "NO_MATCHING_MAPPING": "The destination makes nothing of this event.",
    "NOT_SUPPORTED": "A deletion: the vendor has no request for deleting a person.",
    "PERSON_DELETED": "The person's deletion was asked for after the event came: no retry, release or replay sends it.",
    "NOT_SELECTED": "A replay passed the event: its filter, time or source leaves it out.",
    "ALREADY_DELIVERED": "The destination has the event already; `trackway replay --again` sends it once more.",
    "NOT_DUE": "The destination gets the event anyway: it has not come to it yet, or is still trying.",
    "ENDED_IN_PIPELINE": "Today's pipeline makes no event of the call that this event came from.",
}
"""Why a destination did not get an event, by design. Segment's codes where it has one. Destinations have some of their
own; `missing_…` names a field that one needs and the event does not have."""

FAILURES = {
    "expired": "The log had deleted the event before it could be sent; see `log.keep` in trackway.yaml.",
    "invalid_field": "A value of the event is not what the destination takes; the detail names it.",
    "mapping_failed": "The destination's code failed on this event; the detail names the error.",
    "request_failed": "The destination's code could not make a request of this event; the detail names the error.",
    "address_not_allowed": "The address is inside this network; correct it, or see `delivery.allow_private_addresses`.",
    "invalid_url": "The destination's address is no URL that can be asked.",
    "invalid_request": "The destination's code made a request that cannot be sent.",
    "token_refused": "The destination's sign-in refused our credentials; look at its settings.",
    **{code: REFUSALS[code] for code in REFUSALS if code.startswith("function_")},
}
"""Why a destination will never have an event. Besides these, the status that it answered, such as `400`."""

EARLIER_FIRST = "earlier_first"
RETRIES = {
    EARLIER_FIRST: "Earlier events of the same person go first; there are so many that others go on meanwhile.",
    "ETIMEDOUT": "No answer came in time.",
    "ENOTFOUND": "The name of the destination's host is not known.",
    "EAI_AGAIN": "The name of the destination's host cannot be looked up at the moment.",
    "ECONNREFUSED": "Nobody listens at the destination's address.",
    "ECONNRESET": "The connection ended before the answer did.",
    "TLS_ERROR": "No encrypted connection came about; the detail says why, such as a certificate that has expired.",
    "address_not_allowed": "The address is inside this network; correct it, or see `delivery.allow_private_addresses`.",
    "proxy_failed": "The proxy that the environment names could not be reached, or would not connect.",
    "unreadable_answer": "The answer could not be made sense of.",
    "token_unreadable": "The answer of the destination's sign-in could not be made sense of.",
}
"""Why an event is tried again. Besides these, the status that was answered (408, 425, 429, 5xx) and the system's own
names of network errors, such as `EHOSTUNREACH`."""


class Reason(NamedTuple):
    """One way in which an event can end, or be remarked on."""

    code: str
    kind: str
    """`refused`, `dropped`, `found`, `discarded`, `failed` or `retrying`."""
    meaning: str


def all_reasons() -> list[Reason]:
    """Return every code, by kind in the order of an event's way, then as they are listed here."""
    kinds = {
        "refused": REFUSALS,
        "dropped": DROPS,
        "found": FINDINGS,
        "discarded": DISCARDS,
        "failed": FAILURES,
        "retrying": RETRIES,
    }
    return [Reason(code, kind, meaning) for kind, codes in kinds.items() for code, meaning in codes.items()]


def meaning_of(code: str) -> str:
    """Return what a code means in a sentence, `""` for one that is not ours, such as a destination's own."""
    for reason in all_reasons():
        if reason.code == code:
            return reason.meaning
    if len(code) == 3 and code.isdigit():
        return f"The destination answered with the status {code}."
    if code.startswith("token_"):
        return f"The destination's sign-in failed: {meaning_of(code.removeprefix('token_')) or code}"
    if code.startswith("missing_"):
        return f"The destination needs {code.removeprefix('missing_')}, which the event does not have."
    return ""
