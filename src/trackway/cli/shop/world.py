"""The play itself: many visits at once, cut into one stream of events in the order of their time."""

import heapq
import itertools
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from trackway.cli.shop.calls import Call, Channel, Shop, Visitor
from trackway.cli.shop.catalogue import CAMPAIGNS, REFERRERS, popular
from trackway.cli.shop.devices import new_browser, new_phone
from trackway.cli.shop.libraries import app_event, browser_event, server_event
from trackway.cli.shop.orders import Order
from trackway.cli.shop.people import ACCOUNTS, PLACES
from trackway.cli.shop.plan import Plan
from trackway.cli.shop.trouble import INVALID, OLD_APP, invalid_call, old_names
from trackway.cli.shop.visits import account_opened, app_visit, marketplace_import, newsletter_opened, web_visit

_AT_ONCE = 6.0
"""Visitors at a time for each event a second: about what a visitor takes from one call to the next, in seconds."""
_EVENTS_OF_EACH = 100
"""A short play has fewer, quicker visitors, so that each has time for a few whole visits, and orders come of them."""
_VISIT_S = 150.0
_CUSTOMERS = 40
"""Customers that the shop has already."""
_HOUR_MS = 3_600_000


class Event(Struct):
    """One call of one client, dressed, at its time."""

    due_s: float
    """After the start."""
    channel: Channel
    visitor: Visitor
    json: dict[str, Any]
    """The call without what is only added at the moment of sending."""
    reason: str = ""
    """Why the collector has to refuse it; `""`: it has to accept it."""
    late: bool = False
    """It happened long before it is sent, and says so truthfully."""
    skewed: bool = False
    """The clock of its device is hours wrong."""
    order: Order | None = None
    """Of an accepted Order Completed."""
    last: bool = False
    """The visit ends here."""
    taken: bool = False
    """The collector has accepted it once; set by whoever sends it."""


def simulate(plan: Plan) -> Iterator[Event]:
    """Yield the play's events in the order of `due_s`; `plan.total` of them, or without end."""
    shop = Shop(plan, plan.random("visits"), plan.ids(), plan.start_ms)
    for _ in range(_CUSTOMERS):
        shop.sign_up(popular(shop.dice, PLACES))
    crowd = _Crowd(shop)
    for number in itertools.count() if plan.total is None else range(plan.total):
        due_s = plan.due_s(number)
        shop.now_ms = plan.start_ms + int(due_s * 1000)
        yield crowd.next_event(due_s)


class _Visit(Struct):
    visitor: Visitor
    calls: Iterator[Call]
    upcoming: Call
    begun: bool = False


class _Crowd:
    """All that are in the shop at a time: as soon as one has left, another comes.

    Visits run in a time of their own, in which people click at their own pace; it only says whose turn it is. When a
    call is due is the plan's: so the rate is exact, and the order is that of real visits.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._dice = shop.plan.random("crowd")
        places = range(_visitors_at_once(shop.plan))
        self._turns = [(self._dice.uniform(0, _VISIT_S), place) for place in places]
        heapq.heapify(self._turns)
        self._visits: dict[int, _Visit] = {}

    def next_event(self, due_s: float) -> Event:
        """Return what happens next, at `due_s`."""
        while (visit := self._at_turn()) is None:
            self._pause(1.0)
        if visit.begun and self._dice.random() < INVALID:
            return _invalid(visit.visitor, self._shop, due_s)
        visit.begun = True
        event = _dress(visit.visitor, visit.upcoming, self._shop, due_s)
        place = self._turns[0][1]
        self._pause(self._dice.expovariate(1 / visit.upcoming.pause_s))
        following = next(visit.calls, None)
        if following is None:
            event.last = True
            del self._visits[place]
        else:
            visit.upcoming = following
        return event

    def _at_turn(self) -> _Visit | None:
        """Return the visit whose turn it is; None when it would have been a visit without any call."""
        place = self._turns[0][1]
        if place not in self._visits:
            visitor = _arrive(self._shop)
            calls = _script(visitor, self._shop)
            first = next(calls, None)
            if first is None:
                return None
            self._visits[place] = _Visit(visitor, calls, first)
        return self._visits[place]

    def _pause(self, pause_s: float) -> None:
        moment_s, place = self._turns[0]
        heapq.heapreplace(self._turns, (moment_s + pause_s, place))


def _visitors_at_once(plan: Plan) -> int:
    by_rate = round(plan.rate * _AT_ONCE)
    return max(4, by_rate if plan.total is None else min(by_rate, plan.total // _EVENTS_OF_EACH))


def _arrive(shop: Shop) -> Visitor:
    """Return the next visitor, or clerk of the backend."""
    dice = shop.dice
    place = popular(dice, PLACES)
    kind = dice.random()
    if kind < 0.12:
        person = dice.choice(shop.people)
        if kind < 0.01:
            person.account = person.account or dice.choice(ACCOUNTS)
        return Visitor("server", person.place, person=person, user_id=person.user_id, task=_TASKS[int(kind * 100)])
    person = dice.choice(shop.people) if dice.random() < 0.35 else None
    place = person.place if person else place
    if kind < 0.60:
        visitor = Visitor("web", place, shop.uuid(), new_browser(dice, place), person)
        if dice.random() < 0.4:
            visitor.campaign = popular(dice, CAMPAIGNS)
        else:
            visitor.referrer = dice.choice(REFERRERS)
        return visitor
    old = dice.random() < OLD_APP
    phone = new_phone(dice, shop.ids, place, old_app=old)
    visitor = Visitor("app", place, shop.uuid(), phone, person, old_app=old)
    if kind > 0.98:
        visitor.late_ms = dice.randrange(_HOUR_MS // 3, 30 * _HOUR_MS)
    return visitor


_TASKS = ("account", *("newsletter",) * 6, *("marketplace",) * 5)
_SCRIPTS = {"account": account_opened, "newsletter": newsletter_opened, "marketplace": marketplace_import}


def _script(visitor: Visitor, shop: Shop) -> Iterator[Call]:
    if visitor.channel == "server":
        return _SCRIPTS[visitor.task](visitor, shop)
    return web_visit(visitor, shop) if visitor.channel == "web" else app_visit(visitor, shop)


def _dress(visitor: Visitor, call: Call, shop: Shop, due_s: float) -> Event:
    if visitor.old_app:
        call = old_names(call)
    if visitor.channel == "server" or call.by_server:
        age_ms = call.age_ms or visitor.late_ms
        json = server_event(visitor, call, shop, shop.now_ms - age_ms)
        return Event(due_s, "server", visitor, json, late=age_ms > 0, order=call.order)
    skew_ms = visitor.device.skew_ms if visitor.device else 0
    clock_ms = shop.now_ms - visitor.late_ms + skew_ms
    dress = browser_event if visitor.channel == "web" else app_event
    json = dress(visitor, call, shop, clock_ms)
    late, skewed = visitor.late_ms > 0, skew_ms != 0
    return Event(due_s, visitor.channel, visitor, json, late=late, skewed=skewed, order=call.order)


def _invalid(visitor: Visitor, shop: Shop, due_s: float) -> Event:
    fault = invalid_call(shop.dice, visitor.channel)
    event = _dress(visitor, fault.call, shop, due_s)
    event.json.update(fault.spoil)
    event.reason = fault.reason
    return event
