"""Every code that says why an event was refused, left out or remarked on, with a sentence for people.

Codes in Segment's vocabulary (`no_user_anon_id`, `event_not_string`, …) are Segment's own; the others are ours.
"""

REFUSALS = {
    "body_not_json": "The body is not JSON.",
    "body_not_object": "The body must be a JSON object.",
    "batch_not_array": "`batch` must be an array of calls.",
    "empty_batch": "`batch` holds no calls.",
    "batch_too_long": "The batch holds more calls than this source allows; send fewer at a time.",
    "event_not_object": "A call must be a JSON object.",
    "event_too_large": "The call is larger than this source allows; send less in it.",
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
}
"""Why a call went to quarantine, or a request was refused."""

DROPS = {
    "duplicate": "The same `messageId` came before, within this source's dedup window.",
}
"""Why a call was left out by design."""

FINDINGS = {
    "timestamp_unparsable": "`timestamp` is no ISO 8601 date; the time of receipt is used instead.",
    "sent_at_unparsable": "`sentAt` is no ISO 8601 date; the clock could not be corrected.",
    "timestamp_out_of_range": "The corrected time lies outside the years 1 to 9999; the time of receipt is used.",
    "id_was_number": "An id was sent as a number and became text.",
    "text_repaired": "The call was not strict JSON (NaN, Infinity or broken text); the bad values became null or �.",
}
"""What is remarked on an event that was kept."""
