"""PostHog, product analytics: events, people, groups and joined identities by the capture API.

Source:   https://posthog.com/docs/api/capture, …/docs/data/identify, …/docs/product-analytics/group-analytics,
          …/docs/data/anonymous-vs-identified-events and github.com/PostHog/posthog, rust/capture/src/api.rs; actions
          and field names as in Segment's open-source Posthog; read 2026-11-23, answers again
          2026-11-26. PostHog's own names of shop events and their properties are Segment's: they go as they are.
Limits:   20 MB in a batch, about 1 MB an event.
Repeats:  events with the same `uuid`, `distinct_id`, name and day count once; the rest sets values.
Deletes:  people with their events and recordings, by `/api/projects/…/persons/bulk_delete/` (…/docs/api/persons and
          …/docs/privacy/data-storage, read 2026-11-26). Needs `personal_api_key` and `project_id`.
"""

import uuid
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.kit import Action, Field, Mapping, Rule, at, equals, exists, field, first_of, setting, when

NAME = "Posthog"
LIMITS = kit.Limits(events=1000, bytes=10_000_000, wait_s=1.0, concurrency=8)
PEOPLE = "people"
_HOSTS = {"us": "https://us.i.posthog.com", "eu": "https://eu.i.posthog.com"}
_APPS = {"us": "https://us.posthog.com", "eu": "https://eu.posthog.com"}
_MOST_DELETED = 1000
_QUOTA_S = 900.0
"""How long to wait when an account has used up what it paid for; it may get more at any time."""
_IDS = uuid.UUID("2f4a2a3e-6f0e-5d0b-9c0a-3b7d1c5e8f10")
"""The namespace of event ids that are made of message ids."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The project that gets the data."""

    api_key: kit.Secret
    """PostHog: Settings > Project > General > Project API key; begins with `phc_`."""
    region: Literal["us", "eu"] = "us"
    """Where PostHog keeps the project."""
    project_id: str = ""
    """PostHog: Settings > Project > General > Project ID; only for deleting people."""
    personal_api_key: kit.Secret | None = None
    """PostHog: your account > Personal API keys, with the scope `person:write`; only for deleting people."""
    host: str | None = None
    """The address of a PostHog of your own, such as `https://posthog.example.com`; default: the region's."""
    historical_migration: bool = False
    """The events are old ones: PostHog takes its time for them, and raises no alarm about their number."""
    geoip_disable: bool = False
    """Let PostHog not look up where people are by their addresses."""


def _event_id(message_id: str) -> str:
    """Return the id under which PostHog knows a message: its own, if it is a UUID."""
    try:
        return str(uuid.UUID(message_id))
    except ValueError:
        return str(uuid.uuid5(_IDS, message_id))


def _time(value: Any) -> Any:
    """Return a time as it came, if it is text with a date: PostHog reads no numbers."""
    return value if isinstance(value, str) and "-" in value else kit.values.iso(value)


def _address(ip: Any) -> str | None:
    """Return an internet address, of either version, if it is one: without it the event is still worth having."""
    try:
        return str(ip_address(ip)) if isinstance(ip, str) else None
    except ValueError:
        return None


def _other(anonymous_id: str, distinct_id: str | None) -> str | None:
    """Return the device's id, if it is to be joined to another."""
    return anonymous_id if anonymous_id != distinct_id else None


_UTM = {
    f"utm_{name}": at(f"context.campaign.{path}")
    for name, path in {
        "source": "source",
        "medium": "medium",
        "campaign": "name",
        "term": "term",
        "content": "content",
    }.items()
}
_CONTEXT = kit.fields(
    {
        "$current_url": at("context.page.url"),
        "$pathname": at("context.page.path"),
        "$referrer": at("context.page.referrer"),
        "$raw_user_agent": at("context.userAgent"),
        "$locale": at("context.locale"),
        "$timezone": at("context.timezone"),
        "$os": at("context.os.name"),
        "$os_version": at("context.os.version"),
        "$app_name": at("context.app.name"),
        "$app_version": at("context.app.version"),
        "$app_build": at("context.app.build"),
        "$app_namespace": at("context.app.namespace"),
        "$device_id": at("context.device.id"),
        "$device_name": at("context.device.name"),
        "$device_model": at("context.device.model"),
        "$device_manufacturer": at("context.device.manufacturer"),
        "$network_carrier": at("context.network.carrier"),
        "$network_wifi": at("context.network.wifi"),
        "$network_cellular": at("context.network.cellular"),
        "$screen_width": at("context.screen.width"),
        "$screen_height": at("context.screen.height"),
        "$lib": at("context.library.name"),
        "$lib_version": at("context.library.version"),
        **_UTM,
    }
)
_WHO = Field.text(first_of(at("userId"), at("anonymousId")), required=True, about="Whose event it is.")
_COMMON = {
    "timestamp": Field.time(at("timestamp")),
    "uuid": Field.text(kit.call(_event_id, kit.text(at("messageId"))), about="Events with the same one count once."),
    "ip_address": Field.text(kit.call(_address, at("context.ip"))),
}
_IS_PAGE = equals(field("event_type"), "page")
_IS_SCREEN = equals(field("event_type"), "screen")
_SHARED = {"$geoip_disable": when(kit.filled(setting("geoip_disable")), True), "$ip": field("ip_address")}
_TIMED = {"timestamp": kit.call(_time, field("timestamp")), "uuid": field("uuid")}
_OTHER = kit.call(_other, field("anonymous_id"), field("distinct_id"))


def _groups(group_id: str) -> dict[str, str]:
    return {"company": group_id}


def _needed(test: kit.Test, name: str) -> Rule:
    return Rule(kit.any_of(kit.no(test), exists(field(name))), f"missing_{name}")


ACTIONS = {
    "event": Action(
        fields={
            "event_type": Field.text("track", required=True, choices=("track", "page", "screen")),
            "event_name": Field.text(at("event"), required=True, about="The event's name; of no effect on views."),
            "distinct_id": _WHO,
            "properties": Field.object(at("properties")),
            "context_properties": Field.object(_CONTEXT, about="PostHog's own properties; the event's win."),
            "current_url": Field.text(at("context.page.url"), about="Needed for `page`; else of no effect."),
            "screen_name": Field.text(at("name"), about="Needed for `screen`; else of no effect."),
            "groups": Field.object(
                first_of(at("integrations.Posthog.groups"), kit.call(_groups, kit.text(at("context.groupId")))),
                about="Group ids by group type, for group analytics.",
            ),
            "anonymous_event_capture": Field.flag(
                when(exists(at("userId")), True, False),
                required=True,
                about="Sent as `$process_person_profile`: false makes an anonymous event, which is no person's.",
            ),
            **_COMMON,
        },
        rules=[_needed(_IS_PAGE, "current_url"), _needed(_IS_SCREEN, "screen_name")],
        row=kit.row(
            {
                "event": when(_IS_PAGE, "$pageview", when(_IS_SCREEN, "$screen", field("event_name"))),
                **_TIMED,
                "properties": kit.merge(
                    field("context_properties"),
                    field("properties"),
                    {
                        "$current_url": when(_IS_PAGE, field("current_url")),
                        "$screen_name": when(_IS_SCREEN, field("screen_name")),
                        "$groups": field("groups"),
                        "distinct_id": field("distinct_id"),
                        "$process_person_profile": field("anonymous_event_capture"),
                        **_SHARED,
                    },
                ),
            }
        ),
        about="An event, a page view or a screen view.",
    ),
    "identify": Action(
        fields={
            "distinct_id": _WHO,
            "anonymous_id": Field.text(at("anonymousId"), about="The id of a device that becomes this person's."),
            "properties": Field.object(at("traits"), about="What is known of the person."),
            "set_once": Field.object(about="What is only set if it is not known yet."),
            **_COMMON,
        },
        rules=[Rule(kit.any_of(exists(field("properties")), exists(_OTHER)), "nothing_to_set")],
        row=kit.row(
            {
                "event": "$identify",
                "distinct_id": field("distinct_id"),
                "properties": {
                    "$set": field("properties"),
                    "$set_once": field("set_once"),
                    "$anon_distinct_id": _OTHER,
                    **_SHARED,
                },
                **_TIMED,
            }
        ),
        route=PEOPLE,
        about="Sets what is known of a person, and joins the device's id to the person's.",
    ),
    "groupIdentify": Action(
        fields={
            "distinct_id": _WHO,
            "group_type": Field.text("company", required=True, about="One of the project's, five at the most."),
            "group_id": Field.text(at("groupId"), required=True),
            "properties": Field.object(at("traits"), about="What is known of the group."),
            **_COMMON,
        },
        row=kit.row(
            {
                "event": "$groupidentify",
                "distinct_id": field("distinct_id"),
                "properties": {
                    "$group_type": field("group_type"),
                    "$group_key": field("group_id"),
                    "$group_set": field("properties"),
                    **_SHARED,
                },
                **_TIMED,
            }
        ),
        route=PEOPLE,
        about="Sets what is known of a group.",
    ),
    "alias": Action(
        fields={
            "distinct_id": _WHO,
            "alias": Field.text(at("previousId"), required=True, about="The other id of the same person."),
            **_COMMON,
        },
        row=kit.row(
            {
                "event": "$create_alias",
                "distinct_id": field("distinct_id"),
                "properties": {"distinct_id": field("distinct_id"), "alias": field("alias"), **_SHARED},
                **_TIMED,
            }
        ),
        route=PEOPLE,
        about="Makes two ids one person.",
    ),
}
MAPPINGS = {
    "track": Mapping(action="event", trigger='type = "track"'),
    "page": Mapping(
        action="event",
        trigger='type = "page"',
        fields={
            "event_type": "page",
            "event_name": "$pageview",
            "current_url": first_of(at("context.page.url"), at("properties.url")),
        },
    ),
    "screen": Mapping(
        action="event",
        trigger='type = "screen"',
        fields={
            "event_type": "screen",
            "event_name": "$screenview",
            "screen_name": first_of(at("name"), at("properties.name")),
        },
    ),
    "identify": Mapping(action="identify", trigger='type = "identify"'),
    "group": Mapping(action="groupIdentify", trigger='type = "group"'),
    "alias": Mapping(action="alias", trigger='type = "alias"'),
}


def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    """Return a batch of events, or one that is about a person or a group on its own."""
    headers = {"Content-Type": "application/json"}
    key = settings.api_key.reveal()
    if rows[0].route == PEOPLE and len(rows) == 1:
        one = {"api_key": key, **msgspec.json.decode(rows[0].value, type=dict[str, msgspec.Raw])}
        return kit.Request(method="POST", url=f"{_host(settings)}/i/v0/e/", headers=headers, json=one)
    batch = [row.value for row in rows]
    body = {"api_key": key, "historical_migration": settings.historical_migration, "batch": batch}
    return kit.Request(method="POST", url=f"{_host(settings)}/batch/", headers=headers, json=body, timeout_s=30)


def check(settings: Settings) -> kit.Request:
    """Return a question for the project's public configuration, which only a known key has."""
    url = f"{_host(settings)}/array/{quote(settings.api_key.reveal(), safe='')}/config"
    return kit.Request(method="GET", url=url, body=b"")


def delete_user(settings: Settings, person: kit.Person, cache: kit.Cache) -> kit.Deletion | kit.Skipped:
    """Return what deletes whom PostHog knows by a person's ids, and all that came from there."""
    if settings.personal_api_key is None or not settings.project_id:
        return kit.Skipped("missing_project_id" if settings.personal_api_key else "missing_personal_api_key")
    app = (settings.host or _APPS[settings.region]).rstrip("/")
    request = kit.Request(
        method="POST",
        url=f"{app}/api/projects/{quote(settings.project_id, safe='')}/persons/bulk_delete/",
        headers={"Authorization": f"Bearer {settings.personal_api_key.reveal()}"},
        json={"distinct_ids": person.ids[:_MOST_DELETED], "delete_events": True, "delete_recordings": True},
        timeout_s=30,
    )
    return _deletion(request)


def _deletion(request: kit.Request) -> kit.Deletion:
    answer = yield request
    if isinstance(answer, kit.Response) and answer.status == 400 and b"matched no person" in answer.body:
        return kit.Delivered()
    return kit.deleted(answer)


class _Answer(Struct):
    """The answer 200 has the names of what was thrown away because the account has used up its quota."""

    quota_limited: list[str] | None = None


def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
    """Say what became of the rows: PostHog takes all of a batch or nothing.

    Raises:
        Divide: one of several is wrong, and the answer does not say which.
    """
    if response.status == 200 and response.body.lstrip().startswith(b"{"):
        limited = msgspec.json.decode(response.body, type=_Answer).quota_limited
        if limited and "events" in limited:
            return [kit.Retry("quota_limited", _QUOTA_S)] * count
    if response.status == 400 and count > 1:
        raise kit.Divide
    return kit.by_status(response, count=count)


def _host(settings: Settings) -> str:
    return (settings.host or _HOSTS[settings.region]).rstrip("/")
