"""Have Google delete people from a property: as users, and as the browsers that they were."""

from typing import Any
from urllib.parse import quote

from msgspec import Struct

from trackway.destinations import kit


class Deletion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OAuth client of Google Cloud that may edit the property (scope `analytics.edit`)."""

    client_id: str
    """Google Cloud: APIs & Services > Credentials > OAuth client IDs."""
    client_secret: kit.Secret
    """Beside the client id."""
    refresh_token: kit.Secret
    """What the client got when somebody with access to the property signed in."""


def delete_user(settings: Any, person: kit.Person, cache: kit.Cache) -> kit.Deletion | kit.Skipped:
    """Return what has a person deleted: as a user, and as the browsers that he was."""
    client: Deletion | None = settings.deletion
    if client is None or not settings.property_id:
        return kit.Skipped("missing_property_id" if client else "missing_deletion")
    grant = kit.Grant(
        url="https://oauth2.googleapis.com/token",
        client_id=client.client_id,
        client_secret=client.client_secret.reveal(),
        refresh_token=client.refresh_token.reveal(),
    )
    # An event's client id is the user id, where there is one and the mapping is the usual one.
    whom = [{"userId": person.user_id}, *({"clientId": one} for one in person.ids)]
    return _deletion(settings.property_id, grant, cache, whom)


def _deletion(property_id: str, grant: kit.Grant, cache: kit.Cache, whom: list[dict[str, str]]) -> kit.Deletion:
    url = f"https://analyticsadmin.googleapis.com/v1alpha/properties/{quote(property_id, safe='')}:submitUserDeletion"
    outcome: kit.Outcome = kit.Delivered()
    for body in whom:

        def ask(token: str, body: dict[str, str] = body) -> kit.Request:
            return kit.Request(method="POST", url=url, headers={"Authorization": f"Bearer {token}"}, json=body)

        outcome = kit.deleted((yield from kit.authorised(grant, cache, ask)))
        if not isinstance(outcome, kit.Delivered):
            break
    return outcome
