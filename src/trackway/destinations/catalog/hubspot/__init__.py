"""HubSpot, customer relations: contacts, companies, other records and custom events by the CRM API.

Source:   https://developers.hubspot.com/docs/api-reference/latest/overview, …/crm/objects/contacts,
          …/crm/objects/companies, …/crm/associations/overview, …/crm/properties/create-property,
          …/events/send-event-data and …/legacy/migration-guide; actions and field names as in Segment's open-source
          HubSpot Cloud Mode (Actions); read 2026-11-23. Answers by …/docs/api-reference/error-handling (207, 423, 429,
          477), read 2026-11-26. The newest version is 2026-09 (…/legacy/migration-guide and
          https://developers.hubspot.com/changelog/crm-api-write-validation-enforcement, read 2026-11-27): with it what
          is written has to keep the account's own rules, such as properties that it requires. 2026-03 and v3 (until
          September 2027, what it takes from v4 until 30 March 2027) can be asked for.
Limits:   100 contacts or 500 events in a batch; 190 requests in 10 seconds of a private app, 100 of others, 5 searches
          a second.
Repeats:  what is set twice is set; a custom event that is sent twice counts twice.
Deletes:  contacts for good, by …/legacy/crm/objects/contacts/gdpr/gdpr-delete-contact (v3, read 2026-11-26). They are
          known by their e-mail addresses, so one has to be told; HubSpot keeps out for ever one that it does not know.
"""

from collections.abc import Sequence
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog._addresses import is_email
from trackway.destinations.catalog.hubspot import calls, definitions, exchanges, objects, records
from trackway.destinations.kit import Action, Field, Mapping, Rule, at, first_of

NAME = "HubSpot Cloud Mode (Actions)"
LIMITS = kit.Limits(events=100, bytes=1_000_000, wait_s=1.0, concurrency=4)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account that gets the data: by a private app's token, or by an app's refresh token."""

    access_token: kit.Secret | None = None
    """HubSpot: Settings > Integrations > Private Apps > Access token; with contacts, companies and custom events."""
    client_id: str = ""
    """Of an app with OAuth, with a refresh token instead of an access token."""
    client_secret: kit.Secret | None = None
    """Of an app with OAuth."""
    refresh_token: kit.Secret | None = None
    """What the app got when it was installed in the account."""
    portal_id: str | None = None
    """The account's Hub ID; custom events get it into their names."""
    api_version: Literal["2026-09", "2026-03", "v3"] = "2026-09"
    """Of HubSpot's API; 2026-03 passes over the account's rules for required properties, v3 is the one Segment uses."""

    def __post_init__(self) -> None:
        """Raise if there is no way to get in."""
        if self.access_token is None and not (self.client_id and self.client_secret and self.refresh_token):
            raise ValueError("needs access_token, or client_id, client_secret and refresh_token")


def _domain(website: Any) -> str | None:
    """Return the domain of a web address; HubSpot tells companies apart by it."""
    if not isinstance(website, str):
        return None
    try:
        host = urlsplit(website if "//" in website else f"//{website}").hostname or ""
    except ValueError:
        return None
    return host.removeprefix("www.") or None


def _name(company: Any) -> Any:
    """Return a company's name; traits have it alone, or in an object."""
    return cast("dict[str, Any]", company).get("name") if isinstance(company, dict) else company


def _may_be_email(email: Any) -> bool:
    return email is None or is_email(email)


_USER = Field.text(first_of(at("userId"), at("anonymousId")), about="By which the contact is remembered.")
_COMPANY_NAME = kit.call(_name, at("traits.company"))
_STAGE = Field.text(about="A lifecycle stage; it may go backwards.")
_OTHERS = Field.object(about="Other properties, by their internal names; HubSpot must know them.")


def _address(*names: str) -> dict[str, Field]:
    return {name: Field.text(at(f"traits.address.{'street' if name == 'address' else name}")) for name in names} | {
        "zip": Field.text(first_of(at("traits.address.postalCode"), at("traits.address.postal_code")))
    }


_SYNC_MODES = ("add", "update", "upsert")
ACTIONS = {
    "upsertContact": Action(
        fields={
            "email": Field.text(at("traits.email"), required=True),
            "company": Field.text(_COMPANY_NAME),
            "firstname": Field.text(first_of(at("traits.first_name"), at("traits.firstName"))),
            "lastname": Field.text(first_of(at("traits.last_name"), at("traits.lastName"))),
            "phone": Field.text(at("traits.phone")),
            **_address("address", "city", "state", "country"),
            "website": Field.text(at("traits.website")),
            "lifecyclestage": _STAGE,
            "properties": _OTHERS,
            "user": _USER,
        },
        rules=[Rule(kit.holds(is_email, kit.field("email")), "invalid_email")],
        build=records.contact,
        about="Creates or updates a contact, known by the e-mail address.",
    ),
    "upsertCompany": Action(
        fields={
            "groupid": Field.text(first_of(at("groupId"), at("context.groupId")), required=True),
            "createNewCompany": Field.flag(True, required=True),
            "associateContact": Field.flag(True, required=True, about="Make the user's contact one of the company's."),
            "companysearchfields": Field.object(about="By which to look for a company that has no group id yet."),
            "name": Field.text(at("traits.name")),
            "description": Field.text(at("traits.description")),
            **_address("address", "city", "state"),
            "domain": Field.text(kit.call(_domain, at("traits.website"))),
            "phone": Field.text(at("traits.phone")),
            "numberofemployees": Field.whole(at("traits.employees")),
            "industry": Field.text(at("traits.industry"), about="One of those that HubSpot knows."),
            "lifecyclestage": _STAGE,
            "properties": _OTHERS,
            "contact_id": Field.text(about="The contact; default: that of the user, or the one with the address."),
            "contact_email": Field.text(at("context.traits.email")),
            "user": _USER,
        },
        build=records.company,
        about="Creates or updates a company, known by the group id, and associates the user's contact with it.",
    ),
    "sendCustomBehavioralEvent": Action(
        fields={
            "eventName": Field.text(
                kit.call(records.event_name, kit.text(at("event")), kit.setting("portal_id")),
                required=True,
                about="The internal name, such as `pe62515_signed_up`; HubSpot must know the event.",
            ),
            "occurredAt": Field.time(at("timestamp")),
            "email": Field.text(first_of(at("properties.email"), at("context.traits.email"))),
            "utk": Field.text(about="The visitor's token, of the cookie `hubspotutk`."),
            "objectId": Field.text(about="The id of the contact or other record that it is about."),
            "properties": _OTHERS,
        },
        rules=[Rule(kit.holds(_may_be_email, kit.field("email")), "invalid_email")],
        build=records.custom_event,
        about="Sends a custom event, which must be defined in HubSpot.",
    ),
    "customEvent": Action(
        fields={
            "event_name": Field.text(at("event"), required=True),
            "record_details": Field.object(
                kit.fields(object_type="contact", email=first_of(at("properties.email"), at("context.traits.email"))),
                members={
                    "object_type": Field.text(),
                    "object_id": Field.number(),
                    "email": Field.text(),
                    "utk": Field.text(),
                },
                required=True,
                about="Whom it is about: a contact by `email`, `utk` or `object_id`, another record by `object_id`.",
            ),
            "properties": Field.object(at("properties")),
            "occurred_at": Field.time(at("timestamp")),
            "sync_mode": Field.text(
                choices=_SYNC_MODES,
                about="What may be defined: `add` new events, `update` known ones (default), `upsert` both.",
            ),
            "__segment_internal_sync_mode": Field.text(choices=_SYNC_MODES, about="The same, in Segment's exports."),
        },
        build=definitions.row,
        about="Sends a custom event; what HubSpot does not know of it yet can be defined there.",
    ),
    "upsertObject": Action(
        fields={
            "object_details": Field.object(
                members={
                    name: Field.text() for name in ("object_type", "id_field_name", "id_field_value", "property_group")
                },
                required=True,
                about="Kind of record, name and value of its unique property, and where to make missing properties.",
            ),
            "properties": _OTHERS,
            "sensitive_properties": Field.object(about="Likewise, those that HubSpot guards."),
            "association_sync_mode": Field.text(
                "upsert", choices=("upsert", "read"), about="`read`: associate with known records only."
            ),
            "associations": Field.items(
                members={
                    name: Field.text()
                    for name in ("object_type", "association_label", "id_field_name", "id_field_value")
                },
                about="Records to associate it with, by labels such as `HUBSPOT_DEFINED:3`.",
            ),
            "sync_mode": Field.text(choices=_SYNC_MODES, about="`add`, `update` (default) or `upsert`."),
            "__segment_internal_sync_mode": Field.text(choices=_SYNC_MODES, about="The same, in Segment's exports."),
        },
        build=objects.rows,
        about="Creates or updates a record of any kind, known by a unique property, and associates it with others.",
    ),
    "upsertCustomObjectRecord": Action(
        fields={
            "objectType": Field.text(required=True, about="`deals`, `tickets`, or the full name of a custom object."),
            "properties": Field.object(required=True),
            "customObjectSearchFields": Field.object(
                about="By which to look for the record; default: always a new one."
            ),
            "createNewCustomRecord": Field.flag(True),
            "toObjectType": Field.text(about="What kind of record to associate it with."),
            "searchFieldsToAssociateCustomObjects": Field.object(about="By which to look for that one."),
            "associationLabel": Field.text(about="Category and number, such as `HUBSPOT_DEFINED:3`."),
        },
        build=records.record,
        about="Creates or updates a deal, a ticket or a record of a custom object, and associates it with another.",
    ),
}
MAPPINGS = {
    "identify": Mapping(action="upsertContact", trigger='type = "identify"'),
    "group": Mapping(action="upsertCompany", trigger='type = "group"'),
    # HubSpot refuses events that are not defined there, and has room for 500: switch on one of these.
    "track_defined": Mapping(
        action="customEvent", trigger='type = "track"', fields={"sync_mode": "upsert"}, enabled=False
    ),
    "track": Mapping(action="sendCustomBehavioralEvent", trigger='type = "track"', enabled=False),
    "page": Mapping(
        action="sendCustomBehavioralEvent",
        trigger='type = "page"',
        fields={"eventName": kit.call(records.event_name, "Viewed Page", kit.setting("portal_id"))},
        enabled=False,
    ),
    "screen": Mapping(
        action="sendCustomBehavioralEvent",
        trigger='type = "screen"',
        fields={"eventName": kit.call(records.event_name, "Viewed Screen", kit.setting("portal_id"))},
        enabled=False,
    ),
    "order": Mapping(
        action="upsertCustomObjectRecord",
        trigger='type = "track" and event = "Order Completed"',
        fields={
            "objectType": "deals",
            "properties": {
                "dealname": kit.template("Order {{properties.order_id}}"),
                "amount": first_of(kit.money(at("properties.revenue")), kit.money(at("properties.total"))),
                "closedate": at("timestamp"),
                "pipeline": "default",
                "dealstage": "closedwon",
            },
            "customObjectSearchFields": {"dealname": kit.template("Order {{properties.order_id}}")},
            "toObjectType": "contacts",
            "searchFieldsToAssociateCustomObjects": {
                "email": first_of(at("properties.email"), at("context.traits.email"))
            },
            "associationLabel": "HUBSPOT_DEFINED:3",
        },
        enabled=False,
    ),
}


def rows_together(settings: Settings, route: str) -> int:
    """Return how many rows share a request: contacts and events may, what is looked up goes alone."""
    together = route in (records.CONTACTS, records.EVENT) or objects.is_batch(route)
    return LIMITS.events if together else 1


def exchange(settings: Settings, rows: Sequence[kit.Row], cache: kit.Cache) -> calls.Exchange:
    """Carry out what the rows of a route ask for."""
    caller = calls.Caller(settings, cache)
    route = rows[0].route
    if route == records.CONTACTS:
        return exchanges.contacts(caller, rows)
    if route == records.EVENT:
        return exchanges.custom_events(caller, rows)
    if objects.is_object(route):
        return objects.exchange(caller, rows)
    alone = {
        records.CONTACT: exchanges.contact,
        records.COMPANY: exchanges.company,
        definitions.DEFINED: definitions.exchange,
    }
    return alone.get(route, exchanges.record)(caller, rows[0])


def delete_user(settings: Settings, person: kit.Person, cache: kit.Cache) -> kit.Deletion | kit.Skipped:
    """Return what deletes the contact with a person's e-mail address."""
    return deletion(calls.Caller(settings, cache), person.email) if person.email else kit.Skipped("missing_email")


def deletion(caller: calls.Caller, email: str) -> kit.Deletion:
    """Have a contact deleted for good, not only put away. Newer versions of the API have no request for that."""
    body = {"objectId": email, "idProperty": "email"}
    url = f"{calls.HOST}/crm/v3/objects/contacts/gdpr-delete"
    return kit.deleted((yield from caller.ask("POST", url, body)))


def check(settings: Settings) -> kit.Request:
    """Return a question for one contact, or for a token if there is only a refresh token."""
    caller = calls.Caller(settings, kit.Cache())
    return next(caller.ask("GET", caller.url(calls.OBJECTS, "contacts?limit=1")))
