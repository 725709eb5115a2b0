"""The part of the API for people: the ids of one person, how they became known, their events, and undoing a link."""

import asyncio
import time
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console import history
from trackway.console.answers import json_answer
from trackway.console.bodies import read_json
from trackway.console.entries import Filter, Found
from trackway.console.errors import ApiError
from trackway.console.query import number
from trackway.identity.evidence import REFUSALS, USER
from trackway.identity.ledger import IdentityError, IdentityLedger
from trackway.identity.people import Member, Membership, Person
from trackway.log.contract import EventLog

MAX_ID_CHARS = 1_000
PAGE, MAX_PAGE = 50, 200
_RECENT = 30
_MEMBERS = 200


class OfPerson(Filter, frozen=True):
    """The records of one person: those with any of these ids."""

    user_ids: Collection[str] = ()
    anonymous_ids: Collection[str] = ()

    def matches(self, found: Found) -> bool:
        """Tell whether the record is the person's."""
        entry = found.entry
        return entry.user_id in self.user_ids or entry.anonymous_id in self.anonymous_ids


class Undo(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/people/undo`."""

    id: str
    """An id of the person that has the link."""
    link: int


class Profiles(Protocol):
    """What a warehouse knows of people and groups; each method may block and is called from a thread."""

    def traits(self, user_ids: Sequence[str]) -> Sequence[Any]:
        """Return what each source said of these users, the oldest first; each has `traits` by name."""
        ...

    def group_traits(self, group_id: str) -> Sequence[Any]:
        """Return what each source said of a group, the oldest first; each has `traits` by name."""
        ...

    def users_of(self, email: str) -> list[str]:
        """Return the ids of the users who have this e-mail address."""
        ...


class PeopleApi:
    """Answers `/api/people/…`."""

    def __init__(self, ledger: IdentityLedger, clean: EventLog, profiles: Profiles) -> None:
        self._ledger, self._clean, self._profiles = ledger, clean, profiles
        self.routes = [
            Route("/api/people", self.find),
            Route("/api/people/events", self.events),
            Route("/api/people/traits", self.traits),
            Route("/api/people/undo", self.undo, methods=["POST"]),
        ]

    async def find(self, request: Request) -> Response:
        """`GET /api/people?id=…`: everybody known under an id, or an e-mail address, and the group of that id.

        Without an id, the newest links.
        """
        value = request.query_params.get("id", "")
        if not value:
            return json_answer({"recent": await asyncio.to_thread(self._ledger.recent, _RECENT), "meanings": REFUSALS})
        people, group = await asyncio.to_thread(self._find, _checked(value))
        return json_answer({"people": people, "group": group, "meanings": REFUSALS})

    def _find(self, value: str) -> tuple[list[Person], Membership | None]:
        return self._who(value), self._ledger.group(value, _MEMBERS)

    async def traits(self, request: Request) -> Response:
        """`GET /api/people/traits?id=…`: the last traits of everybody known under an id, also by source.

        `group` has the same of the group of that id.
        """
        return json_answer(await asyncio.to_thread(self._traits, _checked(request.query_params.get("id", ""))))

    def _traits(self, value: str) -> dict[str, Any]:
        wanted = _wanted(value, self._who(value))
        group = self._ledger.group(value, 1)
        found = _latest(self._profiles.traits(sorted(wanted.user_ids)))
        return found | {"group": _latest(self._profiles.group_traits(group.group)) if group else None}

    def _who(self, value: str) -> list[Person]:
        people = self._ledger.who(value)
        if people or "@" not in value:
            return people
        found: dict[str, Person] = {}
        for user in self._profiles.users_of(value):
            known = self._ledger.who(f"{USER}:{user}")
            for person in known or [
                Person(person=0, ids=[Member(kind=USER, id=user, since_ms=0)], groups=[], links=[])
            ]:
                found[f"{person.person}" if person.person else user] = person
        return list(found.values())

    async def events(self, request: Request) -> Response:
        """`GET /api/people/events?id=…`: the newest records of everybody known under an id, below `before`."""
        query = request.query_params
        value = _checked(query.get("id", ""))
        limit = number(query, "limit", default=PAGE, most=MAX_PAGE)
        before = None
        if query.get("before"):
            before = history.parse_vector(query["before"], self._clean.topics)
            if before is None:
                raise ApiError(400, "bad_parameter", "before is what an earlier answer gave as before")
        page = await asyncio.to_thread(self._events, value, before, limit)
        return json_answer(
            {
                "events": page.entries,
                "scanned": page.scanned,
                "exhausted": page.exhausted,
                "before": history.format_vector(page.before),
            }
        )

    def _events(self, value: str, before: history.Vector | None, limit: int) -> history.Page:
        people = self._who(value)
        start = history.heads(self._clean) if before is None else before
        return history.read_page(self._clean, _wanted(value, people), before=start, limit=limit, bodies=False)

    async def undo(self, request: Request) -> Response:
        """`POST /api/people/undo`: let a link no longer hold, for good; the people whose ids it was."""
        asked = await read_json(request, Undo)
        return json_answer({"people": await asyncio.to_thread(self._undo, asked), "meanings": REFUSALS})

    def _undo(self, asked: Undo) -> list[Person]:
        people = self._who(_checked(asked.id))
        if asked.link not in {link.link for person in people for link in person.links}:
            raise ApiError(404, "no_link", f"{asked.id} has no link {asked.link}; load the page anew")
        try:
            return self._ledger.undo(asked.link, int(time.time() * 1000))
        except IdentityError as error:
            raise ApiError(409, "not_undone", str(error)) from None


def _checked(value: str) -> str:
    if not value or len(value) > MAX_ID_CHARS:
        raise ApiError(400, "bad_parameter", f"an id has 1 to {MAX_ID_CHARS:,} characters")
    return value


def _latest(found: Sequence[Any]) -> dict[str, Any]:
    """Return the newest value of each trait, and what each source said, the oldest first."""
    latest: dict[str, Any] = {}
    for one in found:
        latest |= one.traits
    return {"traits": latest, "sources": found}


def _wanted(value: str, people: Collection[Person]) -> OfPerson:
    members = [member for person in people for member in person.ids]
    if not members:
        # Somebody whom no identify, alias or group call has named has events all the same.
        kind, colon, rest = value.partition(":")
        if colon and kind in ("user", "anonymous"):
            return OfPerson(user_ids={rest, value} if kind == "user" else {value},
                            anonymous_ids={rest, value} if kind == "anonymous" else {value})  # fmt: skip
        return OfPerson(user_ids={value}, anonymous_ids={value})
    return OfPerson(
        user_ids={one.id for one in members if one.kind == "user"},
        anonymous_ids={one.id for one in members if one.kind == "anonymous"},
    )
