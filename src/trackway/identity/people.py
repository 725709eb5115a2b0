"""What the identity ledger says about a person, for the command line and the console's API. Times are epoch ms."""

from msgspec import Struct

from trackway.events.records import Place


class Member(Struct, frozen=True, kw_only=True):
    """An id of a person."""

    kind: str
    """`user`, `anonymous`, or the type of an external id."""
    id: str
    since_ms: int


class Group(Struct, frozen=True, kw_only=True):
    """A group that a person belongs to."""

    id: str
    since_ms: int


class Membership(Struct, frozen=True, kw_only=True):
    """A group with those who belong to it."""

    group: str
    counts: dict[str, int]
    """How many ids of each kind were said to belong to it; one call may name somebody by two."""
    members: list[Member]
    """The first of them: users before anonymous ids, newest first; `since_ms` is since when they belong to it."""


class Link(Struct, frozen=True, kw_only=True):
    """Two ids that an event said are one person's."""

    link: int
    at_ms: int
    ids: list[str]
    """Such as `user:<id>` and `anonymous:<id>`."""
    cause: str
    """The type of the event, `identify` or `alias`; or `externalIds`."""
    source: str
    message_id: str
    place: Place
    """Where the event stands in topic `events`."""
    outcome: str
    """`joined`, or why not: a key of `evidence.REFUSALS`."""
    undone_ms: int | None = None
    """When somebody undid it."""


class Person(Struct, frozen=True, kw_only=True):
    """Everything that is known of somebody."""

    person: int
    """The number of the oldest link that holds the person together; 0 for somebody with a single id."""
    ids: list[Member]
    groups: list[Group]
    links: list[Link]
    """All that concern the ids, also those refused and undone, oldest first."""
