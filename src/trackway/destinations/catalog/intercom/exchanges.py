"""Conversations with Intercom: look for a contact, then write."""

from collections.abc import Generator
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.intercom import answers
from trackway.destinations.catalog.intercom.answers import Answer

VERSION = "2.17"
Exchange: TypeAlias = Generator[kit.Request, Answer, list[kit.Outcome]]
_MOST_TOLD = 15
"""Conditions in one group of a search."""
_HOSTS = {"us": "api.intercom.io", "eu": "api.eu.intercom.io", "au": "api.au.intercom.io"}


class Row(Struct):
    """A row: whom it is about, and what is written."""

    body: dict[str, Any]
    external_id: str = ""
    email: str = ""
    contact_id: str = ""


def ask(settings: Any, method: str, path: str, body: Any = None) -> kit.Request:
    """Return a request; without a `body` it has none."""
    token = settings.access_token.reveal()
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Intercom-Version": VERSION}
    url = f"https://{_HOSTS[settings.region]}/{path}"
    if body is None:
        return kit.Request(method=method, url=url, headers=headers, body=b"")
    headers["Content-Type"] = "application/json"
    return kit.Request(method=method, url=url, headers=headers, json=body)


class Contacts:
    """Finds contacts by their external id, else by their address; remembers whom it found."""

    def __init__(self, settings: Any, cache: kit.Cache) -> None:
        self._settings = settings
        self._cache = cache

    def find(self, row: Row) -> Generator[kit.Request, Answer, str | list[kit.Outcome]]:
        """Return the one contact's id, `""` if none or several fit, or why that cannot be known."""
        if row.contact_id:
            return row.contact_id
        field = "external_id" if row.external_id else "email"
        value = row.external_id or row.email
        if not value:
            return ""
        if (known := self._cache.get(self._key(row))) is not None:
            return known
        query = {"query": {"field": field, "operator": "=", "value": value}}
        answer = yield ask(self._settings, "POST", "contacts/search", query)
        if not answers.taken(answer):
            return answers.judge(answer)
        found = answers.only_one(answer)
        self.remember(row, found)
        return found

    def remember(self, row: Row, contact_id: str) -> None:
        """Keep a contact's id for as long as the settings say."""
        if contact_id and self._settings.remember > 0 and (row.external_id or row.email):
            self._cache.put(self._key(row), contact_id, seconds=self._settings.remember)

    def forget(self, row: Row) -> bool:
        """Drop what is remembered of a contact; say whether there was anything."""
        known = self._cache.get(self._key(row)) is not None
        self._cache.drop(self._key(row))
        return known

    @staticmethod
    def _key(row: Row) -> str:
        return f"contact {row.external_id or row.email}"


def contact(settings: Any, row: kit.Row, contacts: Contacts, *, again: bool = True) -> Exchange:
    """Update the contact, or create it; one that is gone since it was found is looked for once more."""
    one = msgspec.json.decode(row.value, type=Row)
    known = yield from contacts.find(one)
    if isinstance(known, list):
        return known
    if known:
        answer = yield ask(settings, "PUT", f"contacts/{quote(known, safe='')}", one.body)
        if answers.status(answer) == 404 and contacts.forget(one) and again:
            return (yield from contact(settings, row, contacts, again=False))
        return answers.judge(answer)
    answer = yield ask(settings, "POST", "contacts", one.body)
    if known := answers.known_id(answer):  # the search does not know it yet
        answer = yield ask(settings, "PUT", f"contacts/{quote(known, safe='')}", one.body)
    if answers.taken(answer):
        contacts.remember(one, known or answers.made_id(answer))
    return answers.judge(answer)


def deletion(settings: Any, person: kit.Person) -> kit.Deletion:
    """Delete every contact that has the user id, one of the anonymous ids, or the address."""
    told = [("external_id", one) for one in person.ids] + ([("email", person.email)] if person.email else [])
    wanted = [{"field": field, "operator": "=", "value": value} for field, value in told[:_MOST_TOLD]]
    answer = yield ask(settings, "POST", "contacts/search", {"query": {"operator": "OR", "value": wanted}})
    if not answers.taken(answer):
        return kit.deleted(answer)
    gone = (ask(settings, "DELETE", f"contacts/{quote(one, safe='')}") for one in answers.all_found(answer))
    return (yield from kit.each_deleted(gone))


def company(settings: Any, row: kit.Row, contacts: Contacts, *, again: bool = True) -> Exchange:
    """Create or update a company, and make the contact one of its own."""
    one = msgspec.json.decode(row.value, type=Row)
    known = yield from contacts.find(one)
    if isinstance(known, list):
        return known
    answer = yield ask(settings, "POST", "companies", one.body)
    company_id = answers.made_id(answer)
    if known and company_id and answers.taken(answer):
        answer = yield ask(settings, "POST", f"contacts/{quote(known, safe='')}/companies", {"id": company_id})
        if answers.status(answer) == 404 and contacts.forget(one) and again:
            return (yield from company(settings, row, contacts, again=False))
    return answers.judge(answer)


def event(settings: Any, row: kit.Row, contacts: Contacts, *, again: bool = True) -> Exchange:
    """Submit an event; who has an address only may be a lead, and is looked for."""
    one = msgspec.json.decode(row.value, type=Row)
    by_address = bool(one.email and not one.external_id and not one.contact_id)
    if by_address:
        known = yield from contacts.find(one)
        if isinstance(known, list):
            return known
        if not known:
            return [kit.Rejected("no_contact", "not exactly one contact has this e-mail address")]
        one.body["id"] = known
    answer = yield ask(settings, "POST", "events", one.body)
    if answers.status(answer) == 404 and by_address and contacts.forget(one) and again:
        return (yield from event(settings, row, contacts, again=False))
    return answers.judge(answer)
