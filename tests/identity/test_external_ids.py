"""Ids that an event brings along in `context.externalIds`."""

from typing import Any

import msgspec
import pytest

from tests.identity.test_ledger import database, engine  # noqa: F401  fixtures
from trackway.events.records import EventRecord, Place
from trackway.identity.evidence import MOST_EXTERNAL, Id, all_evidence_of
from trackway.identity.ledger import IdentityLedger


def event(
    external: Any, *, kind: str = "track", user: str | None = "u-1", anonymous: str | None = "a-1"
) -> EventRecord:
    body = msgspec.json.encode({"type": kind, "context": {"externalIds": external}})
    return EventRecord("web", kind, "m", "E", user, anonymous, 1000, 1000, Place(0, 0), body)


def ids_of(external: Any, **fields: Any) -> list[tuple[Id, ...]]:
    return [one.ids for one in all_evidence_of(event(external, **fields), Place(0, 7)) if one.cause == "externalIds"]


CRM = {"id": "C-1", "type": "crm_id", "collection": "users", "encoding": "none"}


def test_each_id_names_the_user_or_else_the_visitor() -> None:
    assert ids_of([CRM, {"id": "x@y.z", "type": "email"}]) == [
        (Id("user", "u-1"), Id("crm_id", "C-1")),
        (Id("user", "u-1"), Id("email", "x@y.z")),
    ]
    assert ids_of([CRM], user=None) == [(Id("anonymous", "a-1"), Id("crm_id", "C-1"))]
    assert ids_of([CRM], user=None, anonymous=None) == []
    assert len(ids_of([{**CRM, "id": str(n)} for n in range(99)])) == MOST_EXTERNAL
    both = all_evidence_of(event([CRM], kind="identify"), Place(0, 7))
    assert [one.cause for one in both] == ["identify", "externalIds"]


@pytest.mark.parametrize(
    "external",
    [
        None, "C-1", {}, [None, 5, "C-1", []], [{**CRM, "collection": "accounts"}], [{**CRM, "id": 5}],
        [{**CRM, "id": ""}], [{**CRM, "id": "x" * 201}],
        [{**CRM, "type": "user_id"}], [{**CRM, "type": "user"}], [{**CRM, "type": "a b"}],
        [{**CRM, "type": None}], [{"id": "C-1"}],
    ],
)  # fmt: skip
def test_what_is_no_external_id_says_nothing(external: Any) -> None:
    assert ids_of(external) == []


def test_a_person_is_found_by_it_and_two_users_who_share_it_are_not_joined(engine: Any) -> None:  # noqa: F811
    ledger = IdentityLedger(engine)
    for number, user in enumerate(("u-1", "u-2")):
        ledger.take(all_evidence_of(event([CRM], user=user), Place(0, number)), {0: number + 1})
    for value in ("C-1", "crm_id:C-1"):
        [person] = ledger.who(value)
        assert {(one.kind, one.id) for one in person.ids} == {("user", "u-1"), ("crm_id", "C-1")}
    assert [link.outcome for link in ledger.recent(5)] == ["second_user", "joined"]
    assert ledger.who("email:C-1") == []
