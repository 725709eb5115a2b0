"""The identity ledger, against a model that joins sets of ids and knows nothing of tables."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from tests.fresh_state import fresh_state
from tests.memory import memory_folder
from trackway.events.records import EventRecord, Place
from trackway.identity import ledger as ledger_module
from trackway.identity.evidence import ANONYMOUS, USER, Evidence, Id, evidence_of, is_meaningless
from trackway.identity.ledger import IdentityError, IdentityLedger
from trackway.identity.people import Person
from trackway.state.engine import writing
from trackway.state.tables import identity_groups, identity_links, identity_members, identity_positions, identity_undone
from trackway.workspace.model import Identity


@pytest.fixture(scope="module")
def database() -> Iterator[Engine]:
    with memory_folder() as folder:
        engine = fresh_state(folder / "state.db")
        yield engine
        engine.dispose()


@pytest.fixture
def engine(database: Engine) -> Engine:
    """Return the database of all tests here, emptied: making its tables takes longer than a test."""
    empty(database)
    return database


def empty(engine: Engine) -> None:
    with writing(engine) as connection:
        for table in (identity_undone, identity_links, identity_members, identity_groups, identity_positions):
            connection.execute(delete(table))
        connection.exec_driver_sql("delete from sqlite_sequence where name = 'identity_links'")


class Events:
    """Takes events into a ledger one by one."""

    def __init__(self, ledger: IdentityLedger) -> None:
        self.ledger = ledger
        self._offsets = itertools.count()

    def _take(self, cause: str, ids: tuple[Id, ...], group: str = "") -> None:
        offset = next(self._offsets)
        evidence = Evidence(cause, ids, group, "web", f"m{offset}", 1000 + offset, Place(0, offset))
        self.ledger.take([evidence], {0: offset + 1})

    def identify(self, user: str, anonymous: str) -> None:
        self._take("identify", (Id(USER, user), Id(ANONYMOUS, anonymous)))

    def alias(self, user: str, previous: str) -> None:
        self._take("alias", (Id(USER, user), Id("", previous)))

    def group(self, group: str, member: str, kind: str = USER) -> None:
        self._take("group", (Id(kind, member),), group)


def ids(person: Person) -> set[str]:
    return {f"{member.kind}:{member.id}" for member in person.ids}


def test_an_identify_joins_and_the_history_says_by_which_event(engine: Engine):
    ledger = IdentityLedger(engine)
    events = Events(ledger)
    events.identify("u1", "a1")
    events.identify("u1", "a1")
    events.identify("u1", "a2")
    events.group("acme", "u1")
    [person] = ledger.who("a2")
    assert ids(person) == {"user:u1", "anonymous:a1", "anonymous:a2"}
    assert [(link.ids, link.message_id, link.outcome) for link in person.links] == [
        (["anonymous:a1", "user:u1"], "m0", "joined"),
        (["anonymous:a2", "user:u1"], "m2", "joined"),
    ]
    assert [group.id for group in person.groups] == ["acme"]
    assert ledger.who("user:u1") == ledger.who("u1") == [person]
    assert ledger.who("anonymous:u1") == []
    assert ledger.positions() == {0: 4}


def test_a_group_is_told_with_its_newest_members(engine: Engine):
    ledger = IdentityLedger(engine)
    events = Events(ledger)
    for user in ("u1", "u2", "u3", "u1"):
        events.group("acme", user)
    events.group("u1", "u2")
    events.group("acme", "a9", ANONYMOUS)
    group = ledger.group("acme", 2)
    assert group is not None
    assert (group.group, group.counts) == ("acme", {"user": 3, "anonymous": 1})
    assert [(member.kind, member.id, member.since_ms) for member in group.members] == [
        ("user", "u3", 1002),
        ("user", "u2", 1001),
    ]
    assert ledger.group("group:acme", 2) == group
    assert ledger.group("user:acme", 2) is None
    assert ledger.group("u3", 2) is None
    events.group("group:acme", "u9")
    as_it_stands = ledger.group("group:acme", 2)
    assert as_it_stands is not None
    assert as_it_stands.counts == {"user": 1}


def test_a_shared_device_does_not_make_two_users_one_but_an_alias_does(engine: Engine):
    ledger = IdentityLedger(engine)
    events = Events(ledger)
    events.identify("u1", "tablet")
    events.identify("u2", "tablet")
    assert [ids(person) for person in ledger.who("tablet")] == [{"user:u1", "anonymous:tablet"}]
    [second] = ledger.who("u2")
    assert [link.outcome for link in second.links] == ["second_user"]
    events.alias("u2", "u1")
    assert ids(*ledger.who("u2")) == {"user:u1", "user:u2", "anonymous:tablet"}


def test_two_users_that_an_alias_joined_are_still_known_by_new_ids(engine: Engine):
    ledger = IdentityLedger(engine)
    events = Events(ledger)
    events.alias("u1", "u2")
    events.identify("u1", "new-phone")
    assert ids(*ledger.who("u1")) == {"user:u1", "user:u2", "anonymous:new-phone"}
    events.identify("u3", "new-phone")
    assert [link.outcome for link in ledger.recent(1)] == ["second_user"]


def test_what_another_process_undid_is_refused_when_it_is_said_again(engine: Engine):
    ledger = IdentityLedger(engine)
    events = Events(ledger)
    events.identify("u1", "a1")
    [link] = ledger.recent(1)
    IdentityLedger(engine).undo(link.link, 5)
    events.identify("u1", "a1")
    assert [link.outcome for link in ledger.recent(2)] == ["kept_apart", "joined"]
    assert all(len(person.ids) == 1 for person in ledger.who("u1"))


@pytest.mark.parametrize(
    "value", ["null", "undefined", "Anonymous", "0", "000-000", "-1", "[object Object]", "none", "KIOSK-7"]
)
def test_words_that_many_people_share_join_nobody(engine: Engine, value: str):
    ledger = IdentityLedger(engine, Identity(blocked=["kiosk-7"]))
    events = Events(ledger)
    for number in range(3):
        events.identify(f"u{number}", value)
        events.alias(value, f"old-{number}")
    assert all(len(person.ids) == 1 for number in range(3) for person in ledger.who(f"u{number}"))
    assert {link.outcome for person in ledger.who(value) for link in person.links} == {"blocked_value"}


@pytest.mark.parametrize("value", ["u1", "10", "test-user-7", "nullable", "5f0c2a9e-0000-4000-8000-000000000000"])
def test_ordinary_ids_mean_something(value: str):
    assert not is_meaningless(value)


def test_a_person_has_so_many_ids_and_no_more(engine: Engine):
    ledger = IdentityLedger(engine, Identity(ids_per_person=3))
    events = Events(ledger)
    for number in range(5):
        events.identify("u1", f"a{number}")
    [person] = ledger.who("u1")
    assert ids(person) == {"user:u1", "anonymous:a0", "anonymous:a1"}
    assert [link.outcome for link in person.links] == ["joined", "joined", *["too_many_ids"] * 3]


def test_an_undone_link_parts_two_people_for_good(engine: Engine):
    ledger = IdentityLedger(engine)
    events = Events(ledger)
    events.identify("u1", "a1")
    events.identify("u2", "a2")
    events.alias("u2", "u1")
    bridge = ledger.who("u1")[0].links[-1].link
    parted = ledger.undo(bridge, at_ms=5000)
    assert sorted(sorted(ids(person)) for person in parted) == [
        ["anonymous:a1", "user:u1"],
        ["anonymous:a2", "user:u2"],
    ]
    fresh = Events(IdentityLedger(engine))  # as after a restart
    for one in (events, fresh):
        one.alias("u2", "u1")
        assert ids(*ledger.who("u1")) == {"user:u1", "anonymous:a1"}
    assert [link.outcome for link in ledger.who("u1")[0].links][-1] == "kept_apart"
    assert next(link.undone_ms for link in ledger.who("u2")[0].links if link.link == bridge) == 5000
    with pytest.raises(IdentityError, match="undone before"):
        ledger.undo(bridge, at_ms=6000)
    with pytest.raises(IdentityError, match="there is no link 999"):
        ledger.undo(999, at_ms=6000)


def test_who_is_left_alone_is_still_known(engine: Engine):
    ledger = IdentityLedger(engine)
    events = Events(ledger)
    events.identify("u1", "a1")
    alone = ledger.undo(1, at_ms=5000)
    assert [ids(person) for person in alone] == [{"anonymous:a1"}, {"user:u1"}]
    assert ledger.who("a1") == [alone[0]]
    events.group("acme", "u9")
    assert [group.id for person in ledger.who("u9") for group in person.groups] == ["acme"]


def test_a_previous_id_is_taken_for_what_it_was_before(engine: Engine):
    ledger = IdentityLedger(engine)
    events = Events(ledger)
    events.identify("u1", "a1")
    events.alias("u2", "a1")  # the anonymous one, by its history
    events.alias("u3", "0b0f5fd2-7a5b-4b43-8c1f-5a7d7d8b9c10")  # never seen: looks like an anonymous one
    assert ids(*ledger.who("u2")) == {"user:u1", "user:u2", "anonymous:a1"}
    assert ids(*ledger.who("u3")) == {"user:u3", "anonymous:0b0f5fd2-7a5b-4b43-8c1f-5a7d7d8b9c10"}


def record(kind: str, body: bytes, user: str | None = "u", anonymous: str | None = "a") -> EventRecord:
    return EventRecord("web", kind, "m", "", user, anonymous, 5, 4, Place(0, 0), body)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (record("identify", b"{}"), ("identify", (Id(USER, "u"), Id(ANONYMOUS, "a")), "")),
        (record("identify", b"{}", anonymous=None), None),
        (record("track", b"{}"), None),
        (record("alias", b'{"previousId":"a"}'), ("alias", (Id(USER, "u"), Id(ANONYMOUS, "a")), "")),
        (record("alias", b'{"previousId":"x"}'), ("alias", (Id(USER, "u"), Id("", "x")), "")),
        (record("alias", b"{}"), None),
        (record("group", b'{"groupId":"g"}', anonymous=None), ("group", (Id(USER, "u"),), "g")),
        (record("group", b'{"groupId":7}'), None),
    ],
)
def test_what_an_event_says(event: EventRecord, expected: Any):
    found = evidence_of(event, Place(0, 3))
    assert (found and (found.cause, found.ids, found.group)) == expected


calls = st.lists(
    st.tuples(
        st.sampled_from(["identify", "alias", "undo"]),
        st.sampled_from(["u1", "u2", "u3", "u4", "null"]),
        st.sampled_from(["a1", "a2", "a3", "a4"]),
    ),
    max_size=25,
)


class Model:
    """Pairs that hold, and the people that follow from them."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.undone: set[tuple[str, str]] = set()

    def person(self, one: str) -> set[str]:
        found, size = {one}, 0
        while size != len(found):
            size = len(found)
            found |= {end for pair in self.pairs for end in pair if found & set(pair)}
        return found

    def take(self, cause: str, user: str, anonymous: str) -> None:
        one, other = pair = (f"user:{user}", f"anonymous:{anonymous}")
        if user == "null" or pair in self.pairs or pair in self.undone:
            return
        sides = self.person(one), self.person(other)
        both_have_users = all(any(each.startswith("user:") for each in side) for side in sides)
        if cause == "identify" and both_have_users and other not in sides[0]:
            return
        self.pairs.append(pair)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls, st.data())
def test_any_sequence_gives_the_people_of_the_model(engine: Engine, script: list[Any], data: st.DataObject):
    empty(engine)
    model, ledger = Model(), IdentityLedger(engine)
    for offset, (cause, user, anonymous) in enumerate(script):
        if cause == "undo":
            if model.pairs:
                pair = model.pairs.pop(data.draw(st.integers(0, len(model.pairs) - 1)))
                model.undone.add(pair)
                links = [link for person in ledger.who(pair[0]) for link in person.links]
                ledger.undo(next(one.link for one in links if set(one.ids) == set(pair) and one.outcome == "joined"), 1)
            continue
        ids_ = (Id(USER, user), Id(ANONYMOUS, anonymous))
        evidence = Evidence(cause, ids_, "", "web", f"m{offset}", offset, Place(0, offset))
        model.take(cause, user, anonymous)
        if data.draw(st.booleans()):
            # A commit that fails, and the same events again after a restart.
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ledger_module, "upsert", lambda *_: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    ledger.take([evidence], {0: offset + 1})
            ledger = IdentityLedger(engine)
        ledger.take([evidence], {0: offset + 1})
    for name in ("user:u1", "user:u2", "user:u3", "user:u4", "anonymous:a1", "anonymous:a2", "anonymous:a3"):
        found = {one for person in ledger.who(name) for one in ids(person)} or {name}
        assert found == model.person(name)
