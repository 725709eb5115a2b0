"""Settings of what governs events: filters of destinations, and privacy."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from trackway.events.personal_fields import Level
from trackway.workspace.query import FieldPath, Query
from trackway.workspace.secret import Secret

Fields = dict[str, list[str]]
"""A parent's path to names of its members; `""` is the event itself. In an array each of its objects is meant."""


class Sample(Struct, frozen=True, forbid_unknown_fields=True):
    """A share of the events."""

    percent: Annotated[float, Meta(ge=0, le=1)]
    """From 0 for none to 1 for all."""
    path: FieldPath = FieldPath("messageId")
    """Events with the same value here share their fate, such as all of a `userId`."""


class DestinationFilter(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that is kept from a destination."""

    title: Annotated[str, Meta(max_length=64)] = ""
    """For people."""
    if_: Query = field(name="if", default=Query("all"))
    """Which events it is about, in FQL."""
    sample: Sample | None = None
    """Send only a share of them."""
    drop: bool = False
    """Send none of them."""
    drop_properties: Fields = {}
    """Send them without these members."""
    allow_properties: Fields = {}
    """Send them with nothing but these members inside each parent that is named."""
    enabled: bool = True
    """False is as if it were not there."""


class Block(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Calls that a source sends and nobody is to get; exactly one of these."""

    page: str | None = None
    """Pages of this name."""
    screen: str | None = None
    """Screens of this name."""
    if_: Query | None = field(name="if", default=None)
    """Whatever this FQL query asks for; it is asked of every call, which costs more than a name."""

    def __post_init__(self) -> None:
        """Raise ValueError unless one is given."""
        if sum(one is not None for one in (self.page, self.screen, self.if_)) != 1:
            raise ValueError("give one of page, screen and if; a track event is written as its name alone")


class PrivacyRule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What happens to a value before anybody sees it."""

    path: FieldPath
    """Where it stands, such as `traits.email`; `*` is any key, and in an array each member is meant."""
    do: Literal["drop", "hash", "mask"]
    """Leave it out; replace it by a keyed hash, the same for the same value; or leave of it what names nobody."""
    if_: Query = field(name="if", default=Query("all"))
    """Which events it is about, in FQL."""
    sources: list[str] | None = None
    """Only these sources; default: all."""


class PersonalField(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How restricted a field is."""

    path: FieldPath
    """Where it stands, such as `traits.club_card`, `*` is any key; a single key, such as `sin`, is meant anywhere."""
    level: Level
    """Highly restricted, moderately, or not personal."""


class Privacy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is done about personal data."""

    salt: Secret | None = None
    """The key of `hash`. With another salt the same person gets another hash."""
    rules: list[PrivacyRule] = []
    """All that fit are applied, in this order."""
    fields: list[PersonalField] = []
    """What the inventory of personal data is to say where its guess is wrong; the first that fits counts."""
