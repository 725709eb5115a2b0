"""Requests to HubSpot: their addresses, and the token that goes with them."""

from collections.abc import Generator
from typing import Any, TypeAlias
from urllib.parse import quote

from trackway.destinations import kit

HOST = "https://api.hubapi.com"
OBJECTS, PROPERTIES, EVENTS = "crm/objects", "crm/properties", "events"
Answer: TypeAlias = kit.Response | kit.Retry | kit.Rejected
Asking: TypeAlias = Generator[kit.Request, Answer, Answer]
Exchange: TypeAlias = Generator[kit.Request, Answer, list[kit.Outcome]]


class Caller:
    """Asks HubSpot on behalf of an account; keeps tokens and what look-ups found in `cache`."""

    def __init__(self, settings: Any, cache: kit.Cache) -> None:
        self._settings = settings
        self.cache = cache

    def url(self, api: str, path: str) -> str:
        """Return an address: `/crm/objects/2026-09/contacts`, or `/crm/v3/objects/contacts` of the older version."""
        version = self._settings.api_version
        root, _, kind = api.partition("/")
        parts = [root, version, kind] if version == "v3" else [api, version]
        return "/".join([HOST, *filter(None, parts), path])

    def association(self, own: str, other: str) -> str:
        """Return the address of what joins two records, such as `companies/1` and `contacts/2`."""
        if self._settings.api_version == "v3":
            return f"{HOST}/crm/v4/objects/{own}/associations/{other}"
        return self.url(OBJECTS, f"{own}/associations/{other}")

    def company_of(self, company_id: str, contact_id: str) -> str:
        """Return the address that makes a contact one of a company's."""
        if self._settings.api_version == "v3":
            path = f"companies/{company_id}/associations/contacts/{contact_id}/company_to_contact"
            return self.url(OBJECTS, path)
        return self.url(OBJECTS, f"companies/{company_id}/associations/default/contacts/{contact_id}")

    def ask(self, method: str, url: str, body: Any = None) -> Asking:
        """Send a request with a token; after a 401 once more with a new one, if there is a way to get one."""
        grant = self._grant()
        if grant is None:
            return (yield request(self._settings.access_token.reveal(), method, url, body))
        return (yield from kit.authorised(grant, self.cache, lambda token: request(token, method, url, body)))

    def _grant(self) -> kit.Grant | None:
        settings = self._settings
        if settings.refresh_token is None:
            return None
        return kit.Grant(
            url=f"{HOST}/oauth/{settings.api_version}/token",
            client_id=settings.client_id,
            client_secret=settings.client_secret.reveal() if settings.client_secret else "",
            refresh_token=settings.refresh_token.reveal(),
        )


def request(token: str, method: str, url: str, body: Any = None) -> kit.Request:
    """Return a request; without a `body` it has none."""
    headers = {"Authorization": f"Bearer {token}"}
    if body is None:
        return kit.Request(method=method, url=url, headers=headers, body=b"")
    headers["Content-Type"] = "application/json"
    return kit.Request(method=method, url=url, headers=headers, json=body, timeout_s=30)


def by_property(kind: str, value: str, name: str) -> str:
    """Return the path of a record that is known by one of its properties."""
    return f"{kind}/{quote(value, safe='@!$&()*+,;=:')}?idProperty={name}"
