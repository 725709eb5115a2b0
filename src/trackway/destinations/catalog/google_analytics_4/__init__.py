"""Google Analytics 4: events of sites and apps by the Measurement Protocol.

Source:   https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference and …/reference/events;
          actions and field names as in Segment's open-source Google Analytics 4 Cloud; read 2026-11-23.
Limits:   25 parameters an event, names of 40 and values of 100 characters; 25 user properties, names of 24 and values
          of 36 characters; a user id of 256 (https://support.google.com/analytics/answer/9267744, read 2026-11-27).
          Events may be 72 hours old (…/sending-events, its summary read again 2026-11-26); to older ones it answers 204
          as to everything.
Single:   one event a request, as Segment's sends them, of the 25 of one person that Google would take: people alternate
          in the log, so that a request would seldom hold two, and after a crash all of it would count twice, not one
          event.
Repeats:  Google counts an event twice when it comes twice; a purchase once by its `transaction_id`.
Deletes:  people, under their user id and as browsers, by https://developers.google.com/analytics/devguides/config/admin/
          v1/rest/v1alpha/properties/submitUserDeletion (v1alpha, read 2026-11-26). Needs `property_id` and `deletion`.
"""

from collections.abc import Sequence

from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.google_analytics_4.actions import ACTIONS
from trackway.destinations.catalog.google_analytics_4.deletion import Deletion, delete_user
from trackway.destinations.catalog.google_analytics_4.mappings import MAPPINGS

NAME = "Google Analytics 4 Cloud"
LIMITS = kit.Limits(events=1, concurrency=32)

__all__ = ["ACTIONS", "LIMITS", "MAPPINGS", "NAME", "Settings", "delete_user", "request"]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data stream that gets the events: a site's, an app's, or both."""

    api_secret: kit.Secret
    """Google Analytics: Admin > Data streams > your stream > Measurement Protocol API secrets."""
    measurement_id: str = ""
    """Of a site's stream, such as `G-ABC123`."""
    firebase_app_id: str = ""
    """Of an app's stream, such as `1:1234:android:5678`."""

    property_id: str = ""
    """Google Analytics: Admin > Property details, a number; only for deleting people."""
    deletion: Deletion | None = None
    """Who asks for people to be deleted: Google takes no API secret for it."""

    def __post_init__(self) -> None:
        """Refuse settings that reach no stream."""
        if not self.measurement_id and not self.firebase_app_id:
            raise ValueError("give measurement_id (a site's stream) or firebase_app_id (an app's)")


def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    """Return the request for one event."""
    secret = settings.api_secret.reveal()
    # Google wants the colons of an app's id as they are.
    stream = (
        f"firebase_app_id={settings.firebase_app_id}"
        if rows[0].route == "app"
        else f"measurement_id={settings.measurement_id}"
    )
    url = f"https://www.google-analytics.com/mp/collect?api_secret={secret}&{stream}"
    headers = {"Content-Type": "application/json"}
    return kit.Request(method="POST", url=url, headers=headers, body=bytes(rows[0].value))
