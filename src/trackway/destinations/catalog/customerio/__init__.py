"""Customer.io, messages to people: people, devices, objects and events by the Track API, version 2.

Source:   https://docs.customer.io/integrations/api/track/ (`/api/v2/entity`, `/api/v2/batch`, `/api/v1/metrics`) and
          https://docs.customer.io/journeys/invalid-api-requests; actions and field names as in Segment's open-source
          Actions Customerio; read 2026-11-23 (invalid-api-requests again 2026-11-26).
Limits:   a batch has less than 500 kB, each entity in it at most 32 kB; people and objects may share one. 100 requests
          a second are called fair.
Repeats:  an event with an `id` that was seen before is ignored, as long as it is a ULID; the rest sets values.
Deletes:  people, by the action `delete` of …/track/ `/api/v2/entity` (read 2026-11-26).
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.customerio import entities
from trackway.destinations.catalog.customerio.answers import judge
from trackway.destinations.kit import Action, Field, Mapping, at, first_of

NAME = "Actions Customerio"
LIMITS = kit.Limits(events=100, bytes=480_000, wait_s=1.0, concurrency=8)

_HOSTS = {"us": "track.customer.io", "eu": "track-eu.customer.io"}
METRICS = "metrics"

__all__ = [
    "ACTIONS",
    "LIMITS",
    "MAPPINGS",
    "NAME",
    "Settings",
    "check",
    "delete_user",
    "judge",
    "request",
    "rows_together",
]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The workspace that gets the data."""

    site_id: kit.Secret
    """Customer.io: Settings > API Credentials > Tracking API Keys > Site ID."""
    api_key: kit.Secret
    """Beside the site id."""
    region: Literal["us", "eu"] = "us"
    """Where Customer.io keeps the account."""


_TIMES = {
    "timestamp": Field.text(at("timestamp"), about="When it took place."),
    "convert_timestamp": Field.flag(True, about="Make dates (ISO 8601) among the attributes seconds since 1970."),
}
_PERSON = {
    "id": Field.text(at("userId"), about="An id, an e-mail address, or `cio_` and Customer.io's own id."),
    "anonymous_id": Field.text(at("anonymousId")),
}
_SEEN = {
    **_PERSON,
    "event_id": Field.text(at("messageId"), about="Events with the same one count once, if it is a ULID."),
    **_TIMES,
    "data": Field.object(at("properties")),
}
_OF_PERSON = {"person_id": Field.text(at("userId"), required=True)}
_OF_DEVICE = {**_OF_PERSON, "device_id": Field.text(at("context.device.token"), required=True)}


def _object_type(parent: str) -> Field:
    return Field.text(
        first_of(at(f"{parent}.object_type_id"), at(f"{parent}.objectTypeId")),
        about="What kind of object it is; default: 1, the workspace's first kind.",
    )


def _created(parent: str) -> Field:
    return Field.text(first_of(at(f"{parent}.created_at"), at(f"{parent}.createdAt")))


_OBJECT = {"object_id": Field.text(at("properties.objectId")), "object_type_id": _object_type("properties")}
_METRICS = ("delivered", "opened", "clicked", "converted", "spammed", "bounced", "dropped", "deferred")

ACTIONS = {
    "createUpdatePerson": Action(
        fields={
            "id": Field.text(first_of(at("userId"), at("traits.email")), about=_PERSON["id"].about),
            "anonymous_id": Field.text(at("anonymousId")),
            "email": Field.text(at("traits.email")),
            "created_at": _created("traits"),
            "group_id": Field.text(at("traits.objectId"), about="An object that the person belongs to."),
            "custom_attributes": Field.object(at("traits")),
            "relationship_attributes": Field.object(at("traits.relationshipAttributes")),
            **_TIMES,
            "object_type_id": _object_type("traits"),
        },
        build=entities.person,
        about="Creates or updates a person.",
    ),
    "createUpdateDevice": Action(
        fields={
            **_OF_DEVICE,
            "app_version": Field.text(at("context.app.version")),
            "platform": Field.text(at("context.device.type"), required=True, about="`ios` or `android`."),
            "last_used": Field.text(at("timestamp")),
            "attributes": Field.object(at("properties")),
            "convert_timestamp": _TIMES["convert_timestamp"],
        },
        build=entities.device,
        about="Creates or updates a person's device, for push messages.",
    ),
    "deleteDevice": Action(fields=_OF_DEVICE, build=entities.delete_device, about="Deletes a person's device."),
    "deleteRelationship": Action(
        fields={
            **_OF_PERSON,
            "anonymous_id": Field.text(at("anonymousId")),
            "object_id": Field.text(at("properties.objectId"), required=True),
            "object_type_id": _OBJECT["object_type_id"],
        },
        build=entities.delete_relationship,
        about="Takes a person out of an object.",
    ),
    "deletePerson": Action(fields=_OF_PERSON, build=entities.of_person("delete"), about="Deletes a person."),
    "deleteObject": Action(fields=_OBJECT, build=entities.delete_object, about="Deletes an object."),
    "trackEvent": Action(
        fields={**_SEEN, "name": Field.text(at("event"), required=True)},
        build=entities.seen("event"),
        about="An event of a person, known or anonymous.",
    ),
    "trackPageView": Action(
        fields={**_SEEN, "url": Field.text(at("properties.url"), required=True)},
        build=entities.seen("page", name="url"),
        about="A view of a page.",
    ),
    "trackScreenView": Action(
        fields={**_SEEN, "name": Field.text(at("name"), required=True)},
        build=entities.seen("screen"),
        about="A view of an app's screen.",
    ),
    "createUpdateObject": Action(
        fields={
            "id": Field.text(at("groupId"), required=True),
            "created_at": _created("traits"),
            "custom_attributes": Field.object(at("traits.objectAttributes")),
            "relationship_attributes": Field.object(at("traits.relationshipAttributes")),
            "user_id": Field.text(at("userId")),
            "anonymous_id": Field.text(at("anonymousId")),
            "object_type_id": _object_type("traits"),
            "convert_timestamp": _TIMES["convert_timestamp"],
        },
        build=entities.thing,
        about="Creates or updates an object, such as a company, and puts the person into it.",
    ),
    "mergePeople": Action(
        fields={
            "primary": Field.text(at("userId"), required=True, about="Who remains."),
            "secondary": Field.text(at("previousId"), required=True, about="Who becomes part of the other."),
        },
        build=entities.merge,
        about="Makes two people one.",
    ),
    "suppressPerson": Action(
        fields=_OF_PERSON, build=entities.of_person("suppress"), about="Deletes a person and keeps them away."
    ),
    "unsuppressPerson": Action(
        fields=_OF_PERSON, build=entities.of_person("unsuppress"), about="Lets a suppressed person come back."
    ),
    "reportDeliveryEvent": Action(
        fields={
            "delivery_id": Field.text(at("properties.deliveryId"), required=True, about="The `CIO-Delivery-ID`."),
            "metric": Field.text(at("properties.metric"), required=True, choices=_METRICS),
            "recipient": Field.text(at("properties.recipient")),
            "reason": Field.text(at("properties.reason")),
            "href": Field.text(at("properties.href")),
            "action_name": Field.text(at("properties.actionName")),
            "action_value": Field.text(at("properties.actionValue")),
            "timestamp": Field.time(at("timestamp")),
        },
        row=entities.METRIC,
        route=METRICS,
        about="What became of a message that Customer.io sent.",
    ),
    "reportContentEvent": Action(
        fields={
            "anonymous_id": Field.text(at("anonymousId")),
            "actionType": Field.text(
                at("properties.actionType"), required=True, choices=("viewed_content", "clicked_content")
            ),
            **_TIMES,
            "data": Field.object(at("properties")),
        },
        build=entities.content,
        about="A view of, or a click on, content that Customer.io showed to somebody anonymous.",
    ),
}
_OWN = {
    "device": ("createUpdateDevice", ("Application Installed", "Application Opened", "Device Created or Updated")),
    "delete_device": ("deleteDevice", ("Application Uninstalled", "Device Deleted")),
    "delete_relationship": ("deleteRelationship", ("Relationship Deleted",)),
    "delete_person": ("deletePerson", ("User Deleted",)),
    "delete_object": ("deleteObject", ("Object Deleted",)),
    "suppress": ("suppressPerson", ("User Suppressed",)),
    "unsuppress": ("unsuppressPerson", ("User Unsuppressed",)),
    "report_delivery": ("reportDeliveryEvent", ("Report Delivery Event",)),
    "report_content": ("reportContentEvent", ("Report Content Event",)),
}
"""Events that stand for something else than themselves: mapping, action, names."""


def _named(names: Sequence[str]) -> str:
    return " or ".join(f'event = "{name}"' for name in names)


_OF_RELATION = ("objectAttributes", "relationshipAttributes", "objectTypeId", "object_type_id")
MAPPINGS = {
    "identify": Mapping(action="createUpdatePerson", trigger='type = "identify"'),
    **{name: Mapping(action=action, trigger=_named(events)) for name, (action, events) in _OWN.items()},
    "track": Mapping(
        action="trackEvent",
        trigger=" and ".join(
            ['type = "track"', *(f'event != "{name}"' for _, events in _OWN.values() for name in events)]
        ),
    ),
    "page": Mapping(action="trackPageView", trigger='type = "page"'),
    "screen": Mapping(action="trackScreenView", trigger='type = "screen"'),
    "group": Mapping(
        action="createUpdateObject",
        trigger='type = "group"',
        fields={"custom_attributes": first_of(at("traits.objectAttributes"), kit.without(at("traits"), *_OF_RELATION))},
    ),
    "alias": Mapping(action="mergePeople", trigger='type = "alias"'),
}


def rows_together(settings: Settings, route: str) -> int:
    """Return how many rows share a request: metrics go alone."""
    return 1 if route == METRICS else LIMITS.events


def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    """Return one entity, a batch of them, or a metric."""
    headers = _headers(settings)
    base = f"https://{_HOSTS[settings.region]}/api"
    if rows[0].route == METRICS:
        return kit.Request(method="POST", url=f"{base}/v1/metrics", headers=headers, json=rows[0].value)
    if len(rows) == 1:
        return kit.Request(method="POST", url=f"{base}/v2/entity", headers=headers, json=rows[0].value)
    batch: list[msgspec.Raw] = [row.value for row in rows]
    return kit.Request(method="POST", url=f"{base}/v2/batch", headers=headers, json={"batch": batch}, timeout_s=30)


def check(settings: Settings) -> kit.Request:
    """Return the request that tells whether the credentials are right."""
    url = f"https://{_HOSTS[settings.region]}/auth"
    return kit.Request(method="GET", url=url, headers=_headers(settings), body=b"")


def delete_user(settings: Settings, person: kit.Person, cache: kit.Cache) -> kit.Request:
    """Return the request that deletes a person with all that is known of him."""
    body = {"type": "person", "identifiers": {"id": person.user_id}, "action": "delete"}
    url = f"https://{_HOSTS[settings.region]}/api/v2/entity"
    return kit.Request(method="POST", url=url, headers=_headers(settings), json=body)


def _headers(settings: Settings) -> dict[str, str]:
    credentials = kit.basic(settings.site_id.reveal(), settings.api_key.reveal())
    return {"Authorization": credentials, "Content-Type": "application/json"}
