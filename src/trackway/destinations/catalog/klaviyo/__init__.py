"""Klaviyo, messages to customers: events, profiles, lists and consent by the server-side API.

Source:   https://developers.klaviyo.com/en/reference/create_event, …/bulk_create_events, …/create_profile,
          …/update_profile, …/bulk_import_profiles, …/bulk_subscribe_profiles, …/bulk_unsubscribe_profiles and
          …/docs/rate_limits_and_error_handling, and https://github.com/klaviyo/openapi, revision 2026-07-15; actions
          and field names as in Segment's open-source Klaviyo (Actions); read 2026-11-23. The
          newest revision is 2026-10-15 (…/en/changelog, read 2026-11-26; it brings brands and text messaging), and its
          specification was not to be had; this one counts as stable, its specification (as of 2026-07-23, read again
          2026-11-27) is the one that was read, and each is supported for two years.
Limits:   1000 events or 10 000 profiles and 5 MB in a job, 100 kB a text, 100 people in a change of consent; 350 events
          a second one by one, 10 jobs a second and 150 a minute.
Repeats:  of events with the same `unique_id`, profile and metric the first counts; the rest sets values. A job is done
          after it was answered: what goes wrong then, Klaviyo shows in its own pages only.
Deletes:  profiles, by …/reference/request_profile_deletion (read 2026-11-26), which does so in the background; by the
          e-mail address, and what a look-up finds under the user id. The API key needs `data-privacy:write`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.klaviyo import exchanges, profiles
from trackway.destinations.catalog.klaviyo.phones import COUNTRIES, e164
from trackway.destinations.kit import Action, Field, Mapping, at, first_of

NAME = "Klaviyo (Actions)"
LIMITS = kit.Limits(events=1000, bytes=4_500_000, wait_s=1.0, concurrency=8)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account that gets the data."""

    api_key: kit.Secret
    """Klaviyo: Settings > API keys > Create Private API Key; with events, lists, profiles and subscriptions."""


def _e164(phone: Any, country: Any) -> str | None:
    """Return a number that can be told to be one, for where it is better to send none than to be refused."""
    found = kit.values.spoken(phone)
    return e164(found, country if isinstance(country, str) else None)


_TRAITS_EMAIL = first_of(at("traits.email"), at("context.traits.email"), at("properties.email"))
_COUNTRY = Field.text(choices=tuple(COUNTRIES), about="Where a phone number that does not tell is from, such as `DE`.")
_PHONE_ABOUT = "Like `+4930901820`, or with a country code."
_WHO = {
    "email": Field.text(),
    "phone_number": Field.text(about=_PHONE_ABOUT),
    "country_code": _COUNTRY,
    "external_id": Field.text(),
    "anonymous_id": Field.text(),
}
_VALUE = first_of(
    kit.money(at("properties.revenue")),
    kit.money(at("properties.total")),
    kit.money(at("properties.value")),
    kit.order_value(at("properties.products")),
    kit.times(at("properties.price"), at("properties.quantity")),
)
_EVENT = {
    "profile": Field.object(
        kit.fields(email=_TRAITS_EMAIL, external_id=at("userId"), anonymous_id=at("anonymousId")),
        members=_WHO,
        others=True,
        required=True,
        about="Who it is about; other members become the profile's attributes.",
    ),
    "properties": Field.object(first_of(at("properties"), kit.fields()), required=True),
    "time": Field.time(at("timestamp")),
    "value": Field.number(_VALUE, about="Money, or another amount."),
    "value_currency": Field.text(at("properties.currency")),
    "unique_id": Field.text(at("messageId"), about="Events with the same one count once."),
    "backfill": Field.flag(False, about="Old events, which are to start no flows."),
}
_LIST = Field.text(about="The id of a list.")


def _attributes(parent: str) -> dict[str, Field]:
    address = f"{parent}.address"
    postal_code = first_of(at(f"{address}.postal_code"), at(f"{address}.postalCode"), at(f"{address}.zip"))
    return {
        "first_name": Field.text(at(f"{parent}.firstName")),
        "last_name": Field.text(at(f"{parent}.lastName")),
        "organization": Field.text(at(f"{parent}.company.name")),
        "title": Field.text(at(f"{parent}.title")),
        "image": Field.text(at(f"{parent}.avatar")),
        "location": Field.object(
            kit.fields(
                city=at(f"{address}.city", null=True),
                region=at(f"{address}.state", null=True),
                zip=postal_code,
                address1=at(f"{address}.street", null=True),
                country=at(f"{address}.country", null=True),
            ),
            about="Members that Klaviyo knows: address1, address2, city, region, zip, country, latitude, longitude.",
        ),
    }


_TOLD_APART = ("email", "phone", "firstName", "lastName", "title", "avatar", "address", "company")
_LISTED = {
    "email": Field.text(at("context.traits.email")),
    "phone_number": Field.text(at("context.traits.phone"), about=_PHONE_ABOUT),
    "country_code": _COUNTRY,
    "external_id": Field.text(),
    "list_id": Field.text(
        first_of(at("context.personas.audience_settings.listId"), at("context.personas.external_audience_id")),
        required=True,
    ),
}
_CONSENT = {
    "email": Field.text(first_of(at("traits.email"), at("context.traits.email"))),
    "phone_number": Field.text(first_of(at("traits.phone"), at("context.traits.phone")), about=_PHONE_ABOUT),
    "country_code": _COUNTRY,
    "list_id": _LIST,
}
ACTIONS = {
    "trackEvent": Action(
        fields={**_EVENT, "metric_name": Field.text(at("event"), required=True, about="The event's name.")},
        build=profiles.track,
        about="An event.",
    ),
    "orderCompleted": Action(
        fields={
            **_EVENT,
            "products": Field.items(at("properties.products"), about="One more event for each of them."),
            "event_name": Field.text("Order Completed"),
            "product_event_name": Field.text("Ordered Product"),
        },
        build=profiles.order,
        about="An order: an event, and one for each product.",
    ),
    "upsertProfile": Action(
        fields={
            "email": Field.text(at("traits.email")),
            "phone_number": Field.text(
                kit.call(_e164, first_of(at("traits.phone"), at("context.traits.phone")), at("traits.address.country")),
                about=_PHONE_ABOUT,
            ),
            "country_code": _COUNTRY,
            "external_id": Field.text(at("userId")),
            **_attributes("traits"),
            "properties": Field.object(kit.without(at("traits"), *_TOLD_APART), about="Properties of your own."),
            "list_id": _LIST,
            "override_list_id": Field.text(at("integrations.Klaviyo.listId"), about="A list for this person only."),
        },
        build=profiles.upsert,
        about="Creates or updates a profile, and puts it into a list if one is named.",
    ),
    "addProfileToList": Action(
        fields={**_LISTED, **_attributes("properties"), "properties": Field.object(at("properties.properties"))},
        build=profiles.upsert,
        about="Puts a person into a list.",
    ),
    "removeProfileFromList": Action(fields=_LISTED, build=profiles.remove, about="Takes a person out of a list."),
    "removeProfile": Action(
        fields={
            "email": Field.text(at("traits.email")),
            "external_id": Field.text(),
            "list_id": Field.text(required=True),
            "phone_number": Field.text(at("traits.phone"), about=_PHONE_ABOUT),
            "country_code": _COUNTRY,
        },
        build=profiles.remove,
        about="Takes a person out of a list.",
    ),
    "subscribeProfile": Action(
        fields={
            **_CONSENT,
            "custom_source": Field.text("Trackway", required=True, about="How the consent was given."),
            "historical_import": Field.flag(False, about="Consents of long ago, which are to start no flows."),
            "consented_at": Field.time(at("timestamp")),
        },
        build=profiles.subscribe,
        about="Tells that a person agreed to messages.",
    ),
    "unsubscribeProfile": Action(
        fields=_CONSENT, build=profiles.unsubscribe, about="Tells that a person wants no messages."
    ),
}
_METRICS = {
    "Product Viewed": "Viewed Product",
    "Product Added": "Added to Cart",
    "Checkout Started": "Started Checkout",
    "Order Refunded": "Refunded Order",
    "Order Cancelled": "Cancelled Order",
}
"""Klaviyo's own names of what happens in a shop, on which its flows and reports rest."""
_SHOPPED = ", ".join(f'"{event}"' for event in ("Order Completed", *_METRICS))
MAPPINGS = {
    "identify": Mapping(action="upsertProfile", trigger='type = "identify"'),
    "track": Mapping(action="trackEvent", trigger=f'type = "track" and !(event in [{_SHOPPED}])'),
    "order": Mapping(
        action="orderCompleted",
        trigger='type = "track" and event = "Order Completed"',
        fields={"event_name": "Placed Order"},
    ),
    **{
        name.lower().replace(" ", "_"): Mapping(
            action="trackEvent", trigger=f'type = "track" and event = "{event}"', fields={"metric_name": name}
        )
        for event, name in _METRICS.items()
    },
    # One metric for all views: an account has 200 metrics at the most.
    "page": Mapping(action="trackEvent", trigger='type = "page"', fields={"metric_name": "Viewed Page"}, enabled=False),
    "screen": Mapping(
        action="trackEvent", trigger='type = "screen"', fields={"metric_name": "Viewed Screen"}, enabled=False
    ),
    "group": Mapping(
        action="upsertProfile",
        trigger='type = "group"',
        fields={
            **dict.fromkeys(_attributes("traits"), kit.nothing()),
            "email": at("context.traits.email"),
            "phone_number": kit.nothing(),
            "organization": at("traits.name"),
            "properties": {"group_id": at("groupId")},
        },
        enabled=False,
    ),
    # What changes lists and consent is to be asked for.
    "enter_list": Mapping(action="addProfileToList", trigger='event = "Audience Entered"', enabled=False),
    "leave_list": Mapping(action="removeProfileFromList", trigger='event = "Audience Exited"', enabled=False),
    "subscribe": Mapping(
        action="subscribeProfile", trigger='type = "track" and event = "User Subscribed"', enabled=False
    ),
    "unsubscribe": Mapping(
        action="unsubscribeProfile", trigger='type = "track" and event = "User Unsubscribed"', enabled=False
    ),
}


def rows_together(settings: Settings, route: str) -> int:
    """Return how many rows share a request."""
    return {"removal": 1, "create": 100, "delete": 100}.get(route.partition(" ")[0], LIMITS.events)


def exchange(settings: Settings, rows: Sequence[kit.Row], cache: kit.Cache) -> exchanges.Exchange:
    """Carry out what the rows of a route ask for."""
    route, _, more = rows[0].route.partition(" ")
    if route == "events":
        return exchanges.job(settings, rows, exchanges.events)
    if route == "profiles":
        return exchanges.profiles(settings, rows, more)
    if route == "removal":
        return exchanges.removal(settings, rows, more)
    return exchanges.job(settings, rows, exchanges.subscription(route, **msgspec.json.decode(more)))


def delete_user(settings: Settings, person: kit.Person, cache: kit.Cache) -> kit.Deletion:
    """Return what deletes the profiles of a person."""
    return exchanges.deletion(settings, person)


def check(settings: Settings) -> kit.Request:
    """Return a question about the account."""
    return exchanges.send(settings, "GET", "accounts")
