"""What the catalogue remarks on: something that a source had not sent before, or a name that could be better."""

from msgspec import Struct

from trackway.events.records import Place

NEW_EVENT, NEW_PROPERTY, TYPE_CHANGED = "new_event", "new_property", "type_changed"
TOO_MANY_NAMES, TOO_MANY_PROPERTIES = "too_many_names", "too_many_properties"
PERSONAL_DATA = "personal_data"

CODES = {
    NEW_EVENT: "The source had not sent this event before.",
    NEW_PROPERTY: "The event had come before, without this property.",
    TYPE_CHANGED: "The property had only values of other types before.",
    TOO_MANY_NAMES: "The source sends more names than the catalogue lists; further ones are only counted.",
    TOO_MANY_PROPERTIES: "The event has more properties than the catalogue lists.",
    PERSONAL_DATA: "The property seems to hold highly restricted data, or personal data under another name.",
    "name_dynamic": "The name holds a value, so that each value makes a new event.",
    "name_vague": "The name does not say what happened.",
    "name_verb_first": "The object should come first in the name, then the action.",
    "name_not_past": "The name's verb is not in the past tense.",
    "name_no_action": "The name has no verb.",
    "name_case": "The name is not in Proper Case with spaces.",
    "name_near_duplicate": "Another event of the source has nearly the same name.",
}
"""Every code, with a sentence for people. Those of names are `name_` and a problem of the naming lint."""


class CatalogueFinding(Struct, frozen=True, kw_only=True):
    """One remark; the first event that gave cause for it is named."""

    at_ms: int
    """When that event was received, epoch ms."""
    source: str
    type: str
    name: str
    path: str = ""
    """The property, such as `properties.products.$.sku`; `""` for the event as a whole."""
    code: str
    """A key of `CODES`."""
    detail: str
    suggestion: str | None = None
    """A better name, where one is known."""
    message_id: str
    place: Place
    """Where the event stands in topic `events`."""
