"""Conversations with HubSpot: update or create, search and write, then associate."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.hubspot import answers
from trackway.destinations.catalog.hubspot.calls import (
    EVENTS,
    OBJECTS,
    PROPERTIES,
    Answer,
    Asking,
    Caller,
    Exchange,
    by_property,
)
from trackway.destinations.catalog.hubspot.records import GROUP_ID

_A_DAY_S = 86_400.0
_Properties: TypeAlias = dict[str, Any]
_GROUP_ID_PROPERTY = {
    "name": GROUP_ID,
    "label": "Segment Group ID",
    "description": "The group id by which Trackway finds this company.",
    "groupName": "companyinformation",
    "type": "string",
    "fieldType": "text",
    "hidden": True,
    "displayOrder": -1,
    "hasUniqueValue": True,
    "formField": False,
}


class _Contact(Struct):
    email: str
    properties: _Properties
    user: str | None = None


class _Company(Struct):
    group: str
    properties: _Properties
    create: bool
    associate: bool
    search: _Properties | None = None
    contact_id: str | None = None
    contact_email: str | None = None
    user: str | None = None


class _Record(Struct):
    kind: str
    properties: _Properties
    create: bool
    search: _Properties | None = None
    other_kind: str = ""
    other_search: _Properties | None = None
    association: list[dict[str, Any]] | None = None


def contact(caller: Caller, row: kit.Row) -> Exchange:
    """Update a contact that is known by its address, or create it; a stage that would go back is unset first."""
    one = msgspec.json.decode(row.value, type=_Contact)
    url = caller.url(OBJECTS, by_property("contacts", one.email, "email"))
    body = {"properties": one.properties}
    answer = yield from caller.ask("PATCH", url, body)
    if answers.status(answer) == 404:
        answer = yield from caller.ask("POST", caller.url(OBJECTS, "contacts"), body)
        if (known := answers.existing_id(answer)) is not None:  # by another of its addresses, or since just now
            url = caller.url(OBJECTS, f"contacts/{known}")
            answer = yield from caller.ask("PATCH", url, body)
    stage = one.properties.get("lifecyclestage")
    if answers.taken(answer) and stage and answers.record(answer).properties.get("lifecyclestage", stage) != stage:
        answer = yield from caller.ask("PATCH", url, {"properties": {"lifecyclestage": ""}})
        if answers.taken(answer):
            answer = yield from caller.ask("PATCH", url, body)
    if answers.taken(answer):
        _remember(caller, one.user, answers.record(answer).id)
    return answers.judge(answer)


def contacts(caller: Caller, rows: Sequence[kit.Row]) -> Exchange:
    """Update or create contacts: one by one request, several by a batch in which none is twice."""
    if len(rows) == 1:
        return (yield from contact(caller, rows[0]))
    seen = [msgspec.json.decode(row.value, type=_Contact) for row in rows]
    names = [one.email.strip().lower() for one in seen]
    if (twice := first_repeated(names)) < len(rows):
        return (yield from in_parts(caller, rows, twice, contacts))
    inputs = [
        {"id": name, "idProperty": "email", "properties": one.properties} for name, one in zip(names, seen, strict=True)
    ]
    answer = yield from caller.ask("POST", caller.url(OBJECTS, "contacts/batch/upsert"), {"inputs": inputs})
    if answers.status(answer) in (400, 409, 413):
        return (yield from in_parts(caller, rows, len(rows) // 2, contacts))
    if not answers.taken(answer):
        return answers.judge(answer, count=len(rows))
    return (yield from _batch_outcomes(caller, rows, names, seen, answers.batch(answer)))


def _batch_outcomes(
    caller: Caller, rows: Sequence[kit.Row], names: list[str], seen: list[_Contact], batch: answers.Batch
) -> Exchange:
    """Return an outcome for each contact; one that the answer says nothing about goes again, alone."""
    ids = {str(one.properties.get("email", "")).lower(): one.id for one in batch.results}
    outcomes: list[kit.Outcome] = []
    for row, name, one in zip(rows, names, seen, strict=True):
        error = next((error for error in batch.errors if name in error.names()), None)
        if error is not None:
            outcomes.append(kit.Rejected("invalid_record", error.message or error.category))
        elif name in ids or not batch.errors:
            _remember(caller, one.user, ids.get(name, ""))
            outcomes.append(kit.Delivered())
        else:
            outcomes.extend((yield from contact(caller, row)))
    return outcomes


def first_repeated(names: Sequence[str]) -> int:
    """Return the index of the first name that was there before, or how many there are."""
    known: set[str] = set()
    for index, name in enumerate(names):
        if name in known:
            return index
        known.add(name)
    return len(names)


_Part: TypeAlias = Callable[[Caller, Sequence[kit.Row]], Exchange]


def in_parts(caller: Caller, rows: Sequence[kit.Row], first: int, part: _Part) -> Exchange:
    """Do with the `first` rows, and then with the others, what was to be done with all."""
    outcomes = yield from part(caller, rows[:first])
    return outcomes + (yield from part(caller, rows[first:]))


def custom_events(caller: Caller, rows: Sequence[kit.Row]) -> Exchange:
    """Send one event, or a batch; one that is refused goes again in halves, until it is known which is wrong."""
    several = len(rows) > 1
    body: Any = {"inputs": [row.value for row in rows]} if several else rows[0].value
    answer = yield from caller.ask("POST", caller.url(EVENTS, "send/batch" if several else "send"), body)
    if several and answers.status(answer) in (400, 413):
        return (yield from in_parts(caller, rows, len(rows) // 2, custom_events))
    return answers.judge(answer, count=len(rows))


def company(caller: Caller, row: kit.Row) -> Exchange:
    """Update a company by its group id, or by what a search finds, or create it; then make the contact its own."""
    one = msgspec.json.decode(row.value, type=_Company)
    body = {"properties": one.properties}
    url = caller.url(OBJECTS, by_property("companies", one.group, GROUP_ID))
    answer = yield from _with_group_id(caller, "PATCH", url, body)
    if answers.status(answer) == 404:
        known = yield from search(caller, "companies", one.search, ("name", "domain", "lifecyclestage", GROUP_ID))
        if isinstance(known, list):
            return known
        if known:
            answer = yield from _with_group_id(caller, "PATCH", caller.url(OBJECTS, f"companies/{known}"), body)
        elif not one.create:
            return [kit.Rejected("no_company", f"no company has the group id {one.group}, and none is to be created")]
        else:
            new: dict[str, Any] = {**body, "associations": []}
            answer = yield from _with_group_id(caller, "POST", caller.url(OBJECTS, "companies"), new)
    company_id = answers.record(answer).id
    if not answers.taken(answer) or not one.associate or not company_id:
        return answers.judge(answer)
    return (yield from _associate(caller, one, company_id))


def _associate(caller: Caller, one: _Company, company_id: str, *, again: bool = True) -> Exchange:
    """Make the user's contact one of the company's; one that is gone since it was found is looked for once more."""
    contact_id = yield from _contact_of(caller, one)
    if not isinstance(contact_id, str):
        return contact_id
    if not contact_id:
        return [kit.Delivered()]
    answer = yield from caller.ask("PUT", caller.company_of(company_id, contact_id))
    if answers.status(answer) == 404 and again and not one.contact_id:
        caller.cache.drop(f"contact {one.user}")
        return (yield from _associate(caller, one, company_id, again=False))
    return answers.judge(answer)


def _with_group_id(caller: Caller, method: str, url: str, body: _Properties) -> Asking:
    """Write a company; if the account has no property for the group id, create that, and write again."""
    answer = yield from caller.ask(method, url, body)
    if answers.lacks(answer, GROUP_ID):
        made = yield from caller.ask("POST", caller.url(PROPERTIES, "companies"), _GROUP_ID_PROPERTY)
        if not answers.taken(made) and answers.status(made) != 409:
            return made
        answer = yield from caller.ask(method, url, body)
    return answer


def _contact_of(caller: Caller, one: _Company) -> Generator[kit.Request, Answer, str | list[kit.Outcome]]:
    """Return the id of the user's contact, `""` if there is none, or why that cannot be known."""
    known = one.contact_id or (caller.cache.get(f"contact {one.user}") if one.user else None)
    if known or not one.contact_email:
        return known or ""
    url = caller.url(OBJECTS, by_property("contacts", one.contact_email, "email"))
    answer = yield from caller.ask("GET", url)
    if answers.status(answer) == 404:
        return ""
    if not answers.taken(answer):
        return answers.judge(answer)
    _remember(caller, one.user, answers.record(answer).id)
    return answers.record(answer).id


def _remember(caller: Caller, user: str | None, contact_id: str) -> None:
    if user and contact_id:
        caller.cache.put(f"contact {user}", contact_id, seconds=_A_DAY_S)


def search(
    caller: Caller, kind: str, by: Mapping[str, Any] | None, shown: Sequence[str] = (), *, several_is: str = "several"
) -> Generator[kit.Request, Answer, str | list[kit.Outcome]]:
    """Return the id of the one record that has any of the properties `by`, `""` if none has, or why there is none."""
    if not by or not kind:
        return ""
    filters = [{"filters": [{"propertyName": name, "operator": "EQ", "value": value}]} for name, value in by.items()]
    body = {"filterGroups": filters, "properties": list(shown), "sorts": ["name"] if shown else []}
    answer = yield from caller.ask("POST", caller.url(OBJECTS, f"{quote(kind, safe='')}/search"), body)
    if not answers.taken(answer):
        return answers.judge(answer)
    found = answers.found(answer)
    if found.total > 1:
        return [kit.Rejected(f"{several_is}_found", f"{found.total} records of {kind} have these properties")]
    return found.results[0].id if found.total and found.results else ""


def record(caller: Caller, row: kit.Row) -> Exchange:
    """Update the record that a search finds, or create it, and associate it with the one that another search finds."""
    one = msgspec.json.decode(row.value, type=_Record)
    kind = quote(one.kind, safe="")
    known = yield from search(caller, one.kind, one.search)
    if isinstance(known, list):
        return known
    if not known and not one.create:
        return [kit.Rejected("no_record", f"no record of {one.kind} was found, and none is to be created")]
    other = yield from search(caller, one.other_kind, one.other_search, several_is="several_to_associate")
    trouble = other if isinstance(other, list) else []  # told after the record itself is written
    to = other if isinstance(other, str) and one.association else ""
    if not known:
        joined: list[Any] = [{"to": {"id": to}, "types": one.association}] if to else []
        new: dict[str, Any] = {"properties": one.properties, "associations": joined}
        answer = yield from caller.ask("POST", caller.url(OBJECTS, kind), new)
        return trouble or answers.judge(answer)
    answer = yield from caller.ask("PATCH", caller.url(OBJECTS, f"{kind}/{known}"), {"properties": one.properties})
    if to and answers.taken(answer):
        url = caller.association(f"{kind}/{known}", f"{quote(one.other_kind, safe='')}/{to}")
        answer = yield from caller.ask("PUT", url, one.association)
    return trouble or answers.judge(answer)
