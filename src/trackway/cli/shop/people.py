"""Who shops: names, places, firms; what the shop knows of a customer grows with each visit."""

from random import Random
from typing import Any

from msgspec import Struct

_FIRST = (
    "Ada", "Aiko", "Amara", "Björn", "Camille", "Chidi", "Elena", "Emma", "Farid", "Freya", "Giulia", "Hana", "Ines",
    "Jonas", "Kwame", "Lars", "Leila", "Liam", "Lucía", "Maja", "Mateo", "Mia", "Noah", "Nora", "Olu", "Priya", "Ravi",
    "Sofia", "Tomás", "Yara",
)  # fmt: skip
_LAST = (
    "Andersen", "Baker", "Costa", "Dubois", "Eriksen", "Ferrari", "García", "Hansen", "Ivanova", "Jansen", "Kaya",
    "Khan", "Lindqvist", "Moreau", "Müller", "Nakamura", "Novak", "O'Brien", "Okafor", "Patel", "Rossi", "Schmidt",
    "Silva", "Tanaka", "Weber", "Wilson", "Yılmaz", "Zhang",
)  # fmt: skip


class Place(Struct, frozen=True):
    """Where people live, and what that means for their money and their clocks."""

    country: str
    city: str
    locale: str
    timezone: str
    currency: str
    tax_percent: int


PLACES = (
    Place("DE", "Berlin", "de-DE", "Europe/Berlin", "EUR", 19),
    Place("US", "Portland", "en-US", "America/Los_Angeles", "USD", 8),
    Place("GB", "Leeds", "en-GB", "Europe/London", "GBP", 20),
    Place("FR", "Lyon", "fr-FR", "Europe/Paris", "EUR", 20),
    Place("US", "Boston", "en-US", "America/New_York", "USD", 6),
    Place("NL", "Utrecht", "nl-NL", "Europe/Amsterdam", "EUR", 21),
    Place("ES", "Sevilla", "es-ES", "Europe/Madrid", "EUR", 21),
)


class Account(Struct, frozen=True):
    """A firm that buys for its people."""

    group_id: str
    name: str
    industry: str
    employees: int
    plan: str

    @property
    def traits(self) -> dict[str, Any]:
        """Traits of the group call."""
        return {"name": self.name, "industry": self.industry, "employees": self.employees, "plan": self.plan}


ACCOUNTS = tuple(
    Account(f"acct_{number:03d}", name, industry, employees, plan)
    for number, (name, industry, employees, plan) in enumerate(
        [
            ("Birch Studio", "design", 12, "team"),
            ("Kestrel Hotels", "hospitality", 340, "enterprise"),
            ("Lumen Offices", "real estate", 85, "business"),
            ("Quay & Sons", "catering", 26, "team"),
            ("Tern Outdoor Club", "leisure", 58, "business"),
        ],
        1,
    )
)


class Person(Struct):
    """A customer."""

    user_id: str
    first_name: str
    last_name: str
    email: str
    place: Place
    account: Account | None
    orders: int = 0
    spent_cents: int = 0
    newsletter: bool = False
    phone: str = ""

    def traits(self, created_at: str) -> dict[str, Any]:
        """Return what the shop knows by now."""
        known: dict[str, Any] = {
            "firstName": self.first_name,
            "lastName": self.last_name,
            "email": self.email,
            "createdAt": created_at,
            "newsletter": self.newsletter,
        }
        if self.orders:
            place = self.place
            known["address"] = {"city": place.city, "country": place.country}
            known |= {"orders": self.orders, "lifetime_value": self.spent_cents / 100, "currency": place.currency}
        if self.phone:
            known["phone"] = self.phone
        if self.account:
            known["company"] = {"id": self.account.group_id, "name": self.account.name, "plan": self.account.plan}
        return known


def new_person(dice: Random, number: int, place: Place) -> Person:
    """Return customer `number` of the shop, who lives at `place`."""
    first, last = dice.choice(_FIRST), dice.choice(_LAST)
    address = f"{first}.{last}{number}".lower().replace("'", "")
    return Person(
        user_id=f"cust_{number:05d}",
        first_name=first,
        last_name=last,
        email=f"{_ascii(address)}@mail.example",
        place=place,
        account=dice.choice(ACCOUNTS) if dice.random() < 0.12 else None,
        newsletter=dice.random() < 0.4,
    )


_PLAIN = str.maketrans("áéíóúöüäçıñ", "aeiououacin")


def _ascii(text: str) -> str:
    return text.translate(_PLAIN)
