"""A visitor, and the calls that a visit consists of, before any client library has dressed them."""

from random import Random
from typing import Any, Literal

from msgspec import Struct, field

from trackway.cli.shop.catalogue import SHOP_NAME, SHOP_URL, Campaign
from trackway.cli.shop.devices import Device, new_uuid
from trackway.cli.shop.orders import Cart, Order
from trackway.cli.shop.people import Person, Place, new_person
from trackway.cli.shop.plan import Plan

Channel = Literal["web", "app", "server"]
MAX_PEOPLE = 5000
"""Customers remembered; an endless play must not grow for ever."""


class Call(Struct):
    """One call, as the shop's own code makes it."""

    type: str
    fields: dict[str, Any]
    """`event` and `properties`, `traits`, `name`, … as the type has them."""
    pause_s: float = 4.0
    """How long the visitor takes until the next one, on average."""
    by_server: bool = False
    """Made by the shop's backend, whatever the visitor uses."""
    context: dict[str, Any] = {}
    """Over what the library itself puts there."""
    age_ms: int = 0
    """How long ago it happened, for what the backend imports late."""
    order: Order | None = None
    """The order that an Order Completed is about."""


class Visitor(Struct):
    """Somebody on the web or in the app, or a clerk of the backend."""

    channel: Channel
    place: Place
    anonymous_id: str = ""
    device: Device | None = None
    person: Person | None = None
    """Who it is, if it is a customer; the shop knows once `user_id` is set."""
    user_id: str | None = None
    group_id: str = ""
    campaign: Campaign | None = None
    referrer: str = ""
    path: str = "/"
    title: str = SHOP_NAME
    search: str = ""
    late_ms: int = 0
    """The phone was offline: all of this happened so long ago, and is sent only now."""
    cart: Cart | None = None
    identified: bool = False
    old_app: bool = False
    task: str = ""
    """What a clerk of the backend is here for."""

    def page(self) -> dict[str, str]:
        """Return `context.page`."""
        return {
            "path": self.path,
            "referrer": self.referrer,
            "search": self.search,
            "title": self.title,
            "url": SHOP_URL + self.path + self.search,
        }


class Shop(Struct):
    """What all visits share."""

    plan: Plan
    dice: Random
    ids: Random
    now_ms: int
    """The moment of the call that is being made."""
    people: list[Person] = field(default_factory=list[Person])
    orders: int = 0
    signed_up: int = 0

    def sign_up(self, place: Place) -> Person:
        """Return a new customer."""
        self.signed_up += 1
        person = new_person(self.dice, self.signed_up, place)
        if len(self.people) >= MAX_PEOPLE:
            self.people[self.dice.randrange(MAX_PEOPLE)] = person
        else:
            self.people.append(person)
        return person

    def next_order_id(self) -> str:
        """Return an order number that no other play has."""
        self.orders += 1
        return f"{self.plan.start_ms // 1000:x}-{self.orders:05d}".upper()

    def uuid(self) -> str:
        """Return a new id."""
        return new_uuid(self.ids)


def track(event: str, properties: dict[str, Any], **more: Any) -> Call:
    """Return a track call."""
    return Call("track", {"event": event, "properties": properties}, **more)
