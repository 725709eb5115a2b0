"""The six calls as a client sends them, decoded only as far as a verdict needs.

Open members (`properties`, `traits`, `context`, `integrations`) are only checked to be objects, at no cost for what is
in them; they and fields that no struct names are kept because the log stores the call's own bytes. Source: Segment's
"Spec: Track", "Identify", "Page", "Screen", "Group", "Alias" and "Common Fields".
"""

from typing import Annotated

from msgspec import Meta, Raw, Struct, json

from trackway.events.ids import MESSAGE_ID_MAX

Id = str | int | None
NonEmpty = Annotated[str, Meta(min_length=1)]
ABSENT = Raw()


class Open(Struct, frozen=True, gc=False):
    """Any JSON object, its members skipped."""


class Call(Struct, rename="camel", tag_field="type", kw_only=True, gc=False):
    """The common fields; each is optional on the wire."""

    message_id: Annotated[str, Meta(max_length=MESSAGE_ID_MAX)] | int | None = None
    user_id: Id = None
    anonymous_id: Id = None
    timestamp: str | None = None
    sent_at: str | None = None
    context: Open | None = None
    integrations: Open | None = None
    write_key: str | None = None


class Track(Call, tag="track"):
    """A user did something."""

    event: NonEmpty
    properties: Open | None = None


class Identify(Call, tag="identify"):
    """Who the user is."""

    traits: Open | None = None


class Page(Call, tag="page"):
    """A web page was seen."""

    name: str | None = None
    category: str | None = None
    properties: Open | None = None


class Screen(Call, tag="screen"):
    """A screen of an app was seen."""

    name: str | None = None
    category: str | None = None
    properties: Open | None = None


class Group(Call, tag="group"):
    """The user belongs to a group."""

    group_id: str | int
    traits: Open | None = None


class Alias(Call, tag="alias"):
    """Two ids are one user."""

    previous_id: Id = None


AnyCall = Track | Identify | Page | Screen | Group | Alias
BY_TYPE: dict[str, type[AnyCall]] = {
    "track": Track,
    "identify": Identify,
    "page": Page,
    "screen": Screen,
    "group": Group,
    "alias": Alias,
}
TYPES = tuple(BY_TYPE)


class Batch(Struct, rename="camel", kw_only=True, gc=False):
    """The body of `/v1/batch`, its calls left raw."""

    batch: list[Raw]
    write_key: str | None = None
    sent_at: str | None = None
    context: Raw = ABSENT
    integrations: Raw = ABSENT


decode_any = json.Decoder(AnyCall).decode
decode_as = {name: json.Decoder(kind).decode for name, kind in BY_TYPE.items()}
decode_batch = json.Decoder(Batch).decode
