"""Intercom, conversations with customers: contacts, companies and events by the REST API.

Source:   https://developers.intercom.com/docs/references/2.17/rest-api/api.intercom.io/contacts, …/companies and
          …/data-events, …/docs/references/rest-api/errors/rate-limiting; actions and field names as in Segment's
          open-source Intercom Cloud Mode (Actions); read 2026-11-23. Errors by …/rest-api/errors/error-codes, an amount
          of money by …/data-events (hundredths, whatever the currency), read 2026-11-26.
Limits:   one contact, company or event a request; 10 000 requests a minute of an app, 25 000 of a workspace; 120 names
          of events.
Repeats:  what is set twice is set; an event that is sent twice counts twice.
Deletes:  contacts, found by user id, anonymous ids or e-mail address (…/contacts/deletecontact, read 2026-11-26); for
          7 days Intercom can bring them back.
"""

from collections.abc import Sequence
from typing import Any, Literal, cast

from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog._optional import email_if_any, uri_if_any
from trackway.destinations.catalog.intercom import exchanges
from trackway.destinations.kit import Action, Field, Mapping, Rule, at, field, first_of

NAME = "Intercom Cloud Mode (Actions)"
LIMITS = kit.Limits(events=1, concurrency=16)
CONTACT, COMPANY, EVENT = "contact", "company", "event"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The workspace that gets the data."""

    access_token: kit.Secret
    """Intercom: Developer Hub > your app > Configure > Authentication > Access token."""
    region: Literal["us", "eu", "au"] = "us"
    """Where Intercom keeps the workspace."""
    remember: kit.Duration = kit.Duration(600)
    """How long a contact that was looked for is known without looking again; 0 looks every time."""


def _full_name(traits: Any) -> Any:
    """Return a person's name, made of its parts if it is not there as a whole."""
    told = cast("dict[str, Any]", traits) if isinstance(traits, dict) else {}
    parts = [part for part in (told.get("firstName"), told.get("lastName")) if isinstance(part, str) and part]
    return told.get("name") or " ".join(parts) or None


def _contact(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return a contact; a lead has no external id of ours."""
    if made["role"] == "lead":
        made.pop("external_id", None)
    for name in ("signed_up_at", "last_seen_at"):
        if name in made:
            made[name] = kit.values.epoch_s(made[name])
    row = {"body": made, "external_id": made.get("external_id", ""), "email": made.get("email", "")}
    return kit.Row.of(event, row, route=CONTACT)


def _company(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return a company, and whose it is."""
    row = {name: made.pop(name, "") for name in ("external_id", "email", "contact_id")}
    return kit.Row.of(event, row | {"body": made}, route=COMPANY)


def _event(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return an event; what it earned stands in its metadata, in hundredths."""
    made["created_at"] = kit.values.epoch_s(made["created_at"])
    revenue, currency = made.pop("revenue", None), made.pop("currency", "USD")
    if "metadata" in made:
        made["metadata"] = kit.values.without(made["metadata"], frozenset({"email", "revenue", "currency"}))
    if revenue is not None:
        price = {"amount": round(revenue * 100), "currency": currency}
        made["metadata"] = {**made.get("metadata", {}), "price": price}
    row = {"body": made, "external_id": made.get("user_id", "")}
    return kit.Row.of(event, row | {"email": made.get("email", ""), "contact_id": made.get("id", "")}, route=EVENT)


_EMAIL_RULE = Rule(kit.holds(email_if_any, field("email")), "invalid_email")
_ATTRIBUTES = Field.object(about="Attributes of your own; Intercom must know them.")


ACTIONS = {
    "identifyContact": Action(
        fields={
            "role": Field.text("user", required=True, choices=("lead", "user")),
            "external_id": Field.text(at("userId"), about="Not of leads."),
            "email": Field.text(at("traits.email")),
            "phone": Field.text(at("traits.phone")),
            "name": Field.text(kit.call(_full_name, at("traits"))),
            "avatar": Field.text(at("traits.avatar")),
            "signed_up_at": Field.time(at("traits.createdAt")),
            "last_seen_at": Field.time(at("timestamp")),
            "owner_id": Field.number(about="The id of the admin who looks after the contact."),
            "unsubscribed_from_emails": Field.flag(),
            "custom_attributes": _ATTRIBUTES,
        },
        rules=[_EMAIL_RULE, Rule(kit.holds(uri_if_any, field("avatar")), "invalid_avatar")],
        build=_contact,
        about="Creates or updates a contact, known by the user id or else by the e-mail address.",
    ),
    "groupIdentifyContact": Action(
        fields={
            "remote_created_at": Field.time(kit.epoch_s(at("traits.createdAt"))),
            "external_id": Field.text(at("userId")),
            "email": Field.text(at("context.traits.email"), about="By which to find the contact without a user id."),
            "company_id": Field.text(at("groupId"), required=True),
            "contact_id": Field.text(about="Intercom's id of the contact."),
            "name": Field.text(at("traits.name")),
            "monthly_spend": Field.number(at("traits.monthly_spend")),
            "plan": Field.text(at("traits.plan")),
            "size": Field.number(at("traits.employees")),
            "website": Field.text(at("traits.website")),
            "industry": Field.text(at("traits.industry")),
            "custom_attributes": _ATTRIBUTES,
        },
        rules=[_EMAIL_RULE],
        build=_company,
        about="Creates or updates a company, and makes the user's contact one of its own.",
    ),
    "trackEvent": Action(
        fields={
            "event_name": Field.text(at("event"), required=True, about="Intercom knows 120 at the most."),
            "created_at": Field.time(at("timestamp"), required=True),
            "user_id": Field.text(at("userId")),
            "email": Field.text(first_of(at("properties.email"), at("context.traits.email"))),
            "revenue": Field.number(first_of(kit.money(at("properties.revenue")), kit.money(at("properties.total")))),
            "currency": Field.text(at("properties.currency"), about="Default: USD."),
            "id": Field.text(about="Intercom's id of the contact."),
            "metadata": Field.object(at("properties"), about="Intercom keeps 20 members, and nothing within them."),
        },
        rules=[_EMAIL_RULE],
        build=_event,
        about="Submits an event.",
    ),
}
# Who is not known yet cannot be written: Intercom refuses contacts and events of nobody.
_IDENTIFIED = "(userId != null or traits.email != null)"
_KNOWN = "(userId != null or properties.email != null or context.traits.email != null)"
MAPPINGS = {
    "identify": Mapping(action="identifyContact", trigger=f'type = "identify" and {_IDENTIFIED}'),
    "group": Mapping(action="groupIdentifyContact", trigger='type = "group"'),
    "track": Mapping(action="trackEvent", trigger=f'type = "track" and {_KNOWN}'),
    # One name for all views: a workspace has 120 names at the most.
    "page": Mapping(
        action="trackEvent",
        trigger=f'type = "page" and {_KNOWN}',
        fields={"event_name": "Viewed Page"},
        enabled=False,
    ),
    "screen": Mapping(
        action="trackEvent",
        trigger=f'type = "screen" and {_KNOWN}',
        fields={"event_name": "Viewed Screen"},
        enabled=False,
    ),
}


def rows_together(settings: Settings, route: str) -> int:
    """Return how many rows share a request: none do."""
    return LIMITS.events


def exchange(settings: Settings, rows: Sequence[kit.Row], cache: kit.Cache) -> exchanges.Exchange:
    """Carry out what a row asks for."""
    contacts = exchanges.Contacts(settings, cache)
    ways = {CONTACT: exchanges.contact, COMPANY: exchanges.company, EVENT: exchanges.event}
    return ways[rows[0].route](settings, rows[0], contacts)


def delete_user(settings: Settings, person: kit.Person, cache: kit.Cache) -> kit.Deletion:
    """Return what deletes the contacts of a person."""
    return exchanges.deletion(settings, person)


def check(settings: Settings) -> kit.Request:
    """Return a question about the token's owner."""
    return exchanges.ask(settings, "GET", "me")
