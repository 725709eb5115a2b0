"""The identity ledger: which ids are one person's, by which event, and since when.

`identity_links` is only ever added to: a link that was made, or was refused and why. `identity_undone` says which links
no longer hold. `identity_members` follows from both and could be computed anew: each id's person, the number of the
oldest link that holds it. What a batch of events says and the position behind it are one transaction, so an event
counts once whatever happens.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import structs
from sqlalchemy import Connection, Engine, and_, delete, func, insert, or_, select, tuple_, union, update
from sqlalchemy.exc import IntegrityError

from trackway.errors import TrackwayError
from trackway.events.records import Place
from trackway.identity.evidence import USER, Evidence, Id, guess_kind, is_meaningless
from trackway.identity.people import Group, Link, Member, Membership, Person
from trackway.state.engine import upsert, writing
from trackway.state.tables import identity_groups, identity_links, identity_members, identity_positions, identity_undone
from trackway.workspace.model import Identity

JOINED = "joined"
_KNOWN = 200_000
"""Pairs remembered as joined, so that most identify events cost no query."""

_links, _members = identity_links, identity_members


class IdentityError(TrackwayError):
    """A link cannot be undone; the message says why."""


class IdentityLedger:
    """The ledger in a state database. One thread takes evidence; `who` and `undo` may be called from anywhere."""

    def __init__(self, engine: Engine, rules: Identity | None = None) -> None:
        self._engine = engine
        self._known: set[tuple[Id, Id]] = set()
        self._undone = 0
        """How many links were undone when `_known` was right: a command of its own process may undo one."""
        self.rules = rules or Identity()

    def positions(self) -> dict[int, int]:
        """Return the next offset of topic `events` to take, by partition."""
        with self._engine.connect() as connection:
            return {row.partition: row.next_offset for row in connection.execute(select(identity_positions))}

    def take(self, evidence: Iterable[Evidence], positions: Mapping[int, int]) -> None:
        """Enter what events say, and that all events below `positions` have been looked at."""
        with writing(self._engine) as connection:
            undone = connection.execute(select(func.count()).select_from(identity_undone)).scalar_one()
            if undone != self._undone:
                self._known.clear()
            new = [one for one in evidence if one.group or _pair(*one.ids) not in self._known]
            joined = [_pair(*one.ids) for one in new if self._enter(connection, one)]
            rows = [{"partition": partition, "next_offset": offset} for partition, offset in positions.items()]
            upsert(connection, identity_positions, rows)
        # Only now: a transaction that failed is taken again.
        self._undone = undone
        if len(self._known) > _KNOWN:
            self._known.clear()
        self._known.update(joined)

    def who(self, value: str) -> list[Person]:
        """Return everybody who is known under `value`: an id, or one kind alone, such as `user:<id>`."""
        with self._engine.connect() as connection:
            found = connection.execute(select(_members.c.person).where(_matches(_members, value)).distinct()).scalars()
            persons = [_person(connection, person) for person in sorted(found)]
            return persons + [_loner(connection, one) for one in _loners(connection, value)]

    def group(self, value: str, limit: int) -> Membership | None:
        """Return the group of an id, or of `group:<id>`, with at most `limit` members; None if nobody is in it."""
        groups = identity_groups
        with self._engine.connect() as connection:
            for group_id in dict.fromkeys((value, value.removeprefix("group:"))):
                is_it = groups.c.group_id == group_id
                count = select(groups.c.kind, func.count().label("ids")).where(is_it).group_by(groups.c.kind)
                counts = {row.kind: row.ids for row in connection.execute(count.order_by(groups.c.kind.desc()))}
                if counts:
                    first = select(groups).where(is_it).order_by(groups.c.kind.desc(), groups.c.since_ms.desc())
                    rows = connection.execute(first.order_by(groups.c.value).limit(limit))
                    members = [Member(kind=row.kind, id=row.value, since_ms=row.since_ms) for row in rows]
                    return Membership(group=group_id, counts=counts, members=members)
        return None

    def recent(self, limit: int) -> list[Link]:
        """Return the newest `limit` links, also those refused and undone, newest first."""
        query = (
            select(_links, identity_undone.c.at_ms.label("undone_ms"))
            .outerjoin(identity_undone, identity_undone.c.link == _links.c.id)
            .order_by(_links.c.id.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [_link(row) for row in connection.execute(query)]

    def undo(self, link: int, at_ms: int) -> list[Person]:
        """Let a link no longer hold, and keep the two ids apart from now on; return who its ids belong to then.

        Raises:
            IdentityError: there is no such link, or it does not hold.
        """
        with writing(self._engine) as connection:
            row = connection.execute(select(_links).where(_links.c.id == link)).one_or_none()
            if row is None or row.outcome != JOINED:
                raise IdentityError(f"there is no link {link} that joined two ids; `trackway who ID` shows the links")
            try:
                connection.execute(insert(identity_undone).values(link=link, at_ms=at_ms))
            except IntegrityError:
                raise IdentityError(f"link {link} was undone before") from None
            self._reassign(connection, row)
            persons: dict[int | Id, Person] = {}
            for one in _ends(row):
                person = _person_of(connection, one)
                persons[person or one] = _person(connection, person) if person else _loner(connection, one)
            return list(persons.values())

    def _enter(self, connection: Connection, one: Evidence) -> bool:
        """Enter what an event says, and return whether its two ids are joined now."""
        if one.cause == "group":
            self._enter_group(connection, one)
            return False
        first, second = one.ids
        if not second.kind:
            second = _known_previous(connection, second.value)
        if first == second:
            return False
        pair = _pair(first, second)
        state = _state_of(connection, pair)
        if state == JOINED:
            return True
        persons = [_person_of(connection, each) for each in pair]
        refusal = "kept_apart" if state == "undone" else self._refusal(connection, pair, persons, one.cause)
        number = _add_link(connection, pair, one, refusal or JOINED)
        if refusal is not None or number is None:
            return False
        _merge(connection, pair, persons, number, one.at_ms)
        return True

    def _enter_group(self, connection: Connection, one: Evidence) -> None:
        if is_meaningless(one.group, self._blocked()):
            return
        rows = [
            {"kind": kind, "value": value, "group_id": one.group, "since_ms": one.at_ms, "message_id": one.message_id}
            for kind, value in one.ids
            if not is_meaningless(value, self._blocked())
        ]
        upsert(connection, identity_groups, rows, keep=("since_ms", "message_id"))

    def _refusal(
        self, connection: Connection, pair: tuple[Id, Id], persons: Sequence[int | None], cause: str
    ) -> str | None:
        """Return why two ids are not to be joined, None if they are."""
        if any(is_meaningless(one.value, self._blocked()) for one in pair):
            return "blocked_value"
        if persons[0] is not None and persons[0] == persons[1]:
            return None  # one person already, by other links
        sides = [
            {one, *_ids_of(connection, person)} if person else {one} for one, person in zip(pair, persons, strict=True)
        ]
        if len(sides[0] | sides[1]) > self.rules.ids_per_person:
            return "too_many_ids"
        # An alias says that two users are one; an identify on a shared device only looks like it, and so does an
        # external id that two share.
        if cause != "alias" and all(any(one.kind == USER for one in side) for side in sides):
            return "second_user"
        return None

    def _blocked(self) -> frozenset[str]:
        return frozenset(value.lower() for value in self.rules.blocked)

    def _reassign(self, connection: Connection, undone: Any) -> None:
        """Compute anew who the members of an undone link's person are."""
        person = _person_of(connection, Id(undone.one_kind, undone.one))
        if person is None:
            return
        members = _ids_of(connection, person)
        connection.execute(delete(_members).where(_members.c.person == person))
        kept = connection.execute(_holding(members)).all()
        of: dict[Id, int] = {}
        for row in kept:  # ascending: the oldest link names the person
            ends = (Id(row.one_kind, row.one), Id(row.other_kind, row.other))
            old = {of[end] for end in ends if end in of}
            name = min(old, default=row.id)
            of.update({one: name for one, other in of.items() if other in old})
            of.update(dict.fromkeys(ends, name))
        since = {one: row.at_ms for row in reversed(kept) for one in _ends(row)}
        rows = [
            {"kind": one.kind, "value": one.value, "person": name, "since_ms": since[one]} for one, name in of.items()
        ]
        if rows:
            connection.execute(insert(_members), rows)


def _pair(one: Id, other: Id) -> tuple[Id, Id]:
    return (one, other) if one <= other else (other, one)


def _ends(row: Any) -> tuple[Id, Id]:
    return Id(row.one_kind, row.one), Id(row.other_kind, row.other)


def _matches(table: Any, value: str) -> Any:
    kind, colon, rest = value.partition(":")
    if colon:
        return or_(table.c.value == value, and_(table.c.kind == kind, table.c.value == rest))
    return table.c.value == value


def _loners(connection: Connection, value: str) -> list[Id]:
    """Return ids that match `value` and are known by a group, or by links that do not hold, alone."""
    one = select(_links.c.one_kind.label("kind"), _links.c.one.label("value"))
    other = select(_links.c.other_kind.label("kind"), _links.c.other.label("value"))
    group = select(identity_groups.c.kind, identity_groups.c.value)
    seen = union(one, other, group).subquery()
    query = (
        select(seen.c.kind, seen.c.value)
        .outerjoin(_members, and_(_members.c.kind == seen.c.kind, _members.c.value == seen.c.value))
        .where(_matches(seen, value), _members.c.person.is_(None))
        .order_by(seen.c.kind, seen.c.value)
    )
    return [Id(row.kind, row.value) for row in connection.execute(query)]


def _known_previous(connection: Connection, value: str) -> Id:
    """Return an alias's previous id with the kind that it is known as."""
    kinds = connection.execute(select(_members.c.kind).where(_members.c.value == value)).scalars().all()
    return Id(min(kinds) if kinds else guess_kind(value), value)  # `anonymous` before `user`


def _person_of(connection: Connection, one: Id) -> int | None:
    return connection.execute(
        select(_members.c.person).where(_members.c.kind == one.kind, _members.c.value == one.value)
    ).scalar_one_or_none()


def _ids_of(connection: Connection, person: int) -> list[Id]:
    rows = connection.execute(select(_members.c.kind, _members.c.value).where(_members.c.person == person))
    return [Id(row.kind, row.value) for row in rows]


def _state_of(connection: Connection, pair: tuple[Id, Id]) -> str | None:
    """Return `joined` or `undone` for a pair that was joined once, else None."""
    query = (
        select(identity_undone.c.link)
        .select_from(_links.outerjoin(identity_undone, identity_undone.c.link == _links.c.id))
        .where(_is_pair(pair), _links.c.outcome == JOINED)
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else JOINED if found.link is None else "undone"


def _is_pair(pair: tuple[Id, Id]) -> Any:
    (one_kind, one), (other_kind, other) = pair
    return and_(
        _links.c.one == one, _links.c.one_kind == one_kind, _links.c.other == other, _links.c.other_kind == other_kind
    )


def _add_link(connection: Connection, pair: tuple[Id, Id], one: Evidence, outcome: str) -> int | None:
    """Add a link and return its number; None when the same was entered before."""
    query = select(_links.c.id).where(_is_pair(pair), _links.c.outcome == outcome)
    if connection.execute(query).first() is not None:
        return None
    (one_kind, first), (other_kind, second) = pair
    added = connection.execute(
        insert(_links).values(
            at_ms=one.at_ms,
            one_kind=one_kind,
            one=first,
            other_kind=other_kind,
            other=second,
            cause=one.cause,
            source=one.source,
            message_id=one.message_id,
            partition=one.place.partition,
            offset=one.place.offset,
            outcome=outcome,
        )
    )
    return added.inserted_primary_key[0] if added.inserted_primary_key else None


def _merge(connection: Connection, pair: tuple[Id, Id], persons: Sequence[int | None], number: int, at_ms: int) -> None:
    """Make two ids and all that go with them one person."""
    old = sorted({person for person in persons if person is not None})
    person = old[0] if old else number
    if len(old) == 2:
        connection.execute(update(_members).where(_members.c.person == old[1]).values(person=person))
    rows = [
        {"kind": one.kind, "value": one.value, "person": person, "since_ms": at_ms}
        for one, known in zip(pair, persons, strict=True)
        if known is None
    ]
    if rows:
        connection.execute(insert(_members), rows)


def _holding(ids: Sequence[Id]) -> Any:
    """Return the query for the links that hold among `ids`, oldest first."""
    return (
        select(_links)
        .outerjoin(identity_undone, identity_undone.c.link == _links.c.id)
        .where(
            _links.c.outcome == JOINED,
            identity_undone.c.link.is_(None),
            tuple_(_links.c.one_kind, _links.c.one).in_([tuple(one) for one in ids]),
        )
        .order_by(_links.c.id)
    )


def _person(connection: Connection, person: int) -> Person:
    rows = connection.execute(
        select(_members).where(_members.c.person == person).order_by(_members.c.since_ms, _members.c.value)
    )
    return _story(connection, person, [Member(kind=row.kind, id=row.value, since_ms=row.since_ms) for row in rows])


def _loner(connection: Connection, one: Id) -> Person:
    """Return somebody with a single id."""
    found = _story(connection, 0, [Member(kind=one.kind, id=one.value, since_ms=0)])
    since_ms = min([link.at_ms for link in found.links] + [group.since_ms for group in found.groups], default=0)
    return structs.replace(found, ids=[structs.replace(found.ids[0], since_ms=since_ms)])


def _story(connection: Connection, person: int, members: list[Member]) -> Person:
    """Return a person with the links and groups of their ids."""
    ids = [(member.kind, member.id) for member in members]
    one, other = tuple_(_links.c.one_kind, _links.c.one), tuple_(_links.c.other_kind, _links.c.other)
    links = connection.execute(
        select(_links, identity_undone.c.at_ms.label("undone_ms"))
        .outerjoin(identity_undone, identity_undone.c.link == _links.c.id)
        .where(or_(one.in_(ids), other.in_(ids)))
        .order_by(_links.c.id)
    )
    groups = connection.execute(
        select(identity_groups.c.group_id, func.min(identity_groups.c.since_ms).label("since_ms"))
        .where(tuple_(identity_groups.c.kind, identity_groups.c.value).in_(ids))
        .group_by(identity_groups.c.group_id)
        .order_by("since_ms")
    )
    return Person(
        person=person,
        ids=members,
        groups=[Group(id=row.group_id, since_ms=row.since_ms) for row in groups],
        links=[_link(row) for row in links],
    )


def _link(row: Any) -> Link:
    return Link(
        link=row.id,
        at_ms=row.at_ms,
        ids=[f"{row.one_kind}:{row.one}", f"{row.other_kind}:{row.other}"],
        cause=row.cause,
        source=row.source,
        message_id=row.message_id,
        place=Place(row.partition, row.offset),
        outcome=row.outcome,
        undone_ms=row.undone_ms,
    )
