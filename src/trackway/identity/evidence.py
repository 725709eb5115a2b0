"""What an event says about people: two ids are one person's, or an id belongs to a group. Pure."""

import re
from collections.abc import Collection
from typing import Any, NamedTuple, cast

import msgspec

from trackway.events.records import EventRecord, Place

USER, ANONYMOUS = "user", "anonymous"

REFUSALS = {
    "blocked_value": "The id is a word like null or anonymous, which many people share.",
    "second_user": "The person has another user id; identify calls do not join two users, as on a shared device.",
    "too_many_ids": "The person would have more ids than `identity.ids_per_person` allows.",
    "kept_apart": "The link was undone before.",
}
"""Why two ids were not joined."""

_MEANINGLESS = re.compile(
    r"[0\-\s]*|-1|null|nil|none|undefined|nan|n/?a|\(?(null|none|not set|unknown)\)?|unknown|anonymous|anon|guest|"
    r"true|false|test|user|userid|user_id|\[object object\]|00000000-0000-0000-0000-000000000000",
    re.IGNORECASE,
)


class Id(NamedTuple):
    """An id of a person."""

    kind: str
    """`user`, `anonymous`, or the type of an external id."""
    value: str


class Evidence(NamedTuple):
    """What one event says."""

    cause: str
    """The event's type: `identify`, `alias` or `group`; or `externalIds`."""
    ids: tuple[Id, ...]
    """All of one person: two for identify and alias, one or two for group."""
    group: str
    """The group that they belong to, for a group event."""
    source: str
    message_id: str
    at_ms: int
    place: Place
    """Where the event stands in topic `events`."""


def is_meaningless(value: str, blocked: Collection[str] = ()) -> bool:
    """Return whether `value` names nobody: by itself, or because it is one of `blocked` (in lower case)."""
    return _MEANINGLESS.fullmatch(value) is not None or value.lower() in blocked


def evidence_of(event: EventRecord, place: Place) -> Evidence | None:
    """Return what `event` says about people, None when it says nothing.

    An event of another type says nothing, even with both ids: a client may still carry the id of who was there before.
    """
    if event.type == "identify":
        ids = _ids(event)
        return _evidence(event, place, ids) if len(ids) == 2 else None
    if event.type == "alias":
        previous = _decode(event.body).previous_id
        if event.user_id is None or not isinstance(previous, str) or not previous:
            return None
        kind = ANONYMOUS if previous == event.anonymous_id else ""
        return _evidence(event, place, (Id(USER, event.user_id), Id(kind, previous)))
    if event.type == "group":
        group, ids = _decode(event.body).group_id, _ids(event)
        return _evidence(event, place, ids, group) if ids and isinstance(group, str) and group else None
    return None


def all_evidence_of(event: EventRecord, place: Place) -> list[Evidence]:
    """Return everything that `event` says about people, external ids last."""
    own = evidence_of(event, place)
    external = external_evidence(event, place)
    return external if own is None else [own, *external]


def external_evidence(event: EventRecord, place: Place) -> list[Evidence]:
    """Return what `context.externalIds` of an event of any type says: each names the event's user, or visitor."""
    if b'"externalIds"' not in event.body or not (own := _ids(event)):
        return []
    context = _decode_context(event.body).context
    sent = context.external_ids if context is not None else None
    found: list[Evidence] = []
    for one in cast("list[Any]", sent) if isinstance(sent, list) else []:
        external = _external_id(one)
        if external is not None:
            found.append(_evidence(event, place, (own[0], external))._replace(cause=EXTERNAL))
    return found[:MOST_EXTERNAL]


def _external_id(sent: Any) -> Id | None:
    """Return an id of a person that an event brought along; None for groups' ones, and what is none."""
    if not isinstance(sent, dict):
        return None
    told = cast("dict[str, Any]", sent)
    kind, value, collection = told.get("type"), told.get("id"), told.get("collection", "users")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind) or kind in _OWN or collection != "users":
        return None
    return Id(kind, value) if isinstance(value, str) and 0 < len(value) <= _MOST_CHARS else None


def guess_kind(value: str) -> str:
    """Return the kind of an alias's previous id that was never seen: clients make anonymous ids as UUIDs."""
    return ANONYMOUS if _UUID.fullmatch(value) else USER


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


EXTERNAL = "externalIds"
MOST_EXTERNAL = 10
"""Of one event."""
_MOST_CHARS = 200
_KIND = re.compile(r"[A-Za-z][\w.-]{0,63}")
_OWN = frozenset({USER, ANONYMOUS, "user_id", "anonymous_id"})
"""These have fields of their own."""


class _Context(msgspec.Struct, rename="camel"):
    external_ids: Any = None


class _Carrier(msgspec.Struct):
    context: _Context | None = None


_decode_context = msgspec.json.Decoder(_Carrier).decode


class _Body(msgspec.Struct, rename="camel"):
    previous_id: Any = None
    group_id: Any = None


_decode = msgspec.json.Decoder(_Body).decode


def _ids(event: EventRecord) -> tuple[Id, ...]:
    found = ((USER, event.user_id), (ANONYMOUS, event.anonymous_id))
    return tuple(Id(kind, value) for kind, value in found if value)


def _evidence(event: EventRecord, place: Place, ids: tuple[Id, ...], group: str = "") -> Evidence:
    return Evidence(event.type, ids, group, event.source, event.message_id, event.received_at_ms, place)
