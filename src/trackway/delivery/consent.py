"""May an event go to a destination, by what its person consented to?

Source: Segment's "Consent in Segment Connections". The preferences stand in the event, at
`context.consent.categoryPreferences`: category to true or false.
"""

from collections.abc import Collection
from typing import Any, cast


def consented(context: Any, integrations: Any, categories: Collection[str]) -> bool:
    """Say whether the consent in an event's `context` lets it go to a destination of these `categories`.

    A destination without categories asks for no consent. An event without preferences goes anywhere, but `consent: {}`
    beside wishes in `integrations` goes only where no consent is asked for. Else all of the categories must be true;
    one that the event does not name is false.
    """
    if not categories:
        return True
    consent = cast("dict[str, Any]", context).get("consent") if isinstance(context, dict) else None
    if consent is None:
        return True
    if consent == {}:
        return not integrations
    preferences = cast("dict[str, Any]", consent).get("categoryPreferences") if isinstance(consent, dict) else None
    if not isinstance(preferences, dict):
        return False
    return all(cast("dict[str, Any]", preferences).get(category) is True for category in categories)
