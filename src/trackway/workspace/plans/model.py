"""A tracking plan in memory: rules, each a table of rows.

Source of the words and of what a plan can say: Segment's Protocols ("Tracking Plan", "Schema controls").
"""

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct

from trackway.errors import TrackwayError

TYPES = ("any", "array", "object", "boolean", "integer", "number", "string", "null", "date-time")
"""Types of a value: JSON Schema's, `any`, and `date-time` for a text with an ISO 8601 moment."""

ITEM = "$"
"""The step of a path from an array to each of its members."""

CallType = Literal["track", "identify", "page", "screen", "group", "common"]
CALL_TYPES: tuple[CallType, ...] = ("track", "identify", "page", "screen", "group", "common")
"""What a rule can be about; `common` is every event, whatever else is planned for it."""

MEMBERS: dict[str, tuple[str, ...]] = {
    "track": ("properties", "context"),
    "identify": ("traits", "context"),
    "page": ("properties", "context"),
    "screen": ("properties", "context"),
    "group": ("traits", "context"),
    "common": ("properties", "traits", "context"),
}
"""The members of an event that have rows, by what the rule is about; the first is the one that code fills in."""

Action = Literal["allow", "flag", "omit", "quarantine"]
EventAction = Literal["allow", "flag", "quarantine"]


class PlanError(TrackwayError):
    """A plan says something that cannot be; the message begins with the file, and the line where there is one."""


class Row(Struct, frozen=True, kw_only=True):
    """One value of an event."""

    path: tuple[str, ...]
    """From the event down, such as `("properties", "products", "$", "sku")`."""
    types: tuple[str, ...] = ("any",)
    required: bool = False
    """Its parent must have it, where there is a parent."""
    enum: tuple[Any, ...] = ()
    """The only values permitted, if any are named."""
    pattern: str = ""
    """A regular expression without look-around, searched for in a text."""
    minimum: float | int | None = None
    maximum: float | int | None = None
    description: str = ""
    schema: dict[str, Any] = {}
    """Further keywords of JSON Schema, draft-07."""

    @property
    def name(self) -> str:
        """The path as people write it."""
        return ".".join(step.replace(".", "\\.") for step in self.path)


class Rule(Struct, frozen=True, kw_only=True):
    """What is planned for one event, or for one type of call."""

    type: CallType
    event: str = ""
    """The name of a track event, exactly; else empty."""
    version: int = 1
    description: str = ""
    labels: dict[str, str] = {}
    rows: tuple[Row, ...] = ()
    tables: tuple[str, ...] = ()
    """Members of the event that have a table, even an empty one: what a table does not have is unplanned."""
    schema: dict[str, Any] = {}
    """More JSON Schema (draft-07) that the whole event must fit."""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.event or self.type


class Controls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done about violations: nothing, remarked, the value left out, or the event kept in quarantine."""

    unplanned_events: EventAction = "flag"
    """A track event that the plan does not have."""
    unplanned_properties: Action = "flag"
    """A property of a planned track, page or screen event that its table does not have."""
    unplanned_traits: Action = "flag"
    """The same for traits of identify and group."""
    track: Action = "flag"
    """A value that is missing, of another type, or not permitted, by the call's type."""
    identify: Action = "flag"
    page: Action = "flag"
    screen: Action = "flag"
    group: Action = "flag"
    common: Action = "flag"
    """The same for what is planned of every event; judged after the event's own rule."""


class Plan(Struct, frozen=True, kw_only=True):
    """A tracking plan."""

    name: str
    id: str = ""
    """Where it came from: the file's name without its ending."""
    description: str = ""
    sources: dict[str, Controls] | None = None
    """Whose events it is for, and what is done about their violations; None: every source that has no other plan."""
    controls: Controls = Controls()
    """What is done for sources that say nothing of their own."""
    rules: tuple[Rule, ...] = ()

    def rule(self, type_: str, event: str = "", version: int | None = None) -> Rule | None:
        """Return the rule of an event; without `version`, or for an unknown one, the oldest."""
        found = [rule for rule in self.rules if rule.type == type_ and rule.event == event]
        exact = [rule for rule in found if rule.version == version]
        return min(exact or found, key=lambda rule: rule.version, default=None)

    def events(self) -> Iterator[str]:
        """Yield the names of the planned track events."""
        yield from dict.fromkeys(rule.event for rule in self.rules if rule.type == "track")
