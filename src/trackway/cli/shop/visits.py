"""The visits: to the site, to the app, and the work that the backend does without any visitor."""

from collections.abc import Iterator
from typing import Any

from trackway.cli.shop.calls import Call, Shop, Visitor, track
from trackway.cli.shop.catalogue import CAMPAIGNS, PROMOTIONS, RANKED, SHOP_URL, popular
from trackway.cli.shop.customers import become_known, identify
from trackway.cli.shop.devices import APP_BUILD, APP_VERSION, OLD_BUILD, OLD_VERSION
from trackway.cli.shop.funnel import browse, check_out, show
from trackway.cli.shop.orders import Line, Order

_HOUR_MS = 3_600_000
_PUSH = {"medium": "Push Notification", "name": "Back in stock", "content": "It is here again", "source": "Firebase"}
_NEWSLETTER = {
    "email_id": "em-weekly-47",
    "email_subject": "Lights for long evenings",
    "campaign_id": "cmp-47",
    "campaign_name": "weekly_47",
}


def web_visit(visitor: Visitor, shop: Shop) -> Iterator[Call]:
    """Somebody comes to the site, looks around and perhaps buys."""
    dice = shop.dice
    if visitor.campaign:
        visitor.search, visitor.referrer = visitor.campaign.search, visitor.campaign.referrer
    yield show(visitor, "Home", "/", search=visitor.search)
    if dice.random() < 0.5:
        yield from _see_promotion(shop)
    if visitor.person and dice.random() < 0.5:
        yield from become_known(visitor, shop)
    yield from browse(visitor, shop)
    yield from check_out(visitor, shop)
    yield from _say_more(visitor, shop)
    if visitor.user_id and visitor.person and dice.random() < 0.2:
        yield track("Signed Out", {"username": visitor.person.email})


def app_visit(visitor: Visitor, shop: Shop) -> Iterator[Call]:
    """Somebody opens the app, looks around and perhaps buys."""
    dice = shop.dice
    version, build = (OLD_VERSION, OLD_BUILD) if visitor.old_app else (APP_VERSION, APP_BUILD)
    which = {"version": version, "build": build}
    if visitor.person is None and dice.random() < 0.4:
        yield from _first_start(shop, which)
    elif dice.random() < 0.1 and not visitor.old_app:
        before = {"previous_version": OLD_VERSION, "previous_build": OLD_BUILD}
        yield track("Application Updated", {**before, **which}, pause_s=0.2)
    pushed = visitor.person is not None and dice.random() < 0.2
    if pushed:
        yield track("Push Notification Received", {"campaign": _PUSH}, pause_s=20.0)
        yield track("Push Notification Tapped", {"action": "Open", "campaign": _PUSH}, pause_s=0.5)
    yield track("Application Opened", {"from_background": pushed, **which}, pause_s=1.0)
    if pushed:
        path = popular(dice, RANKED).path
        yield track("Deep Link Opened", {"provider": "App Links", "url": f"fjordfern:/{path}"}, pause_s=0.5)
    yield show(visitor, "Home", "/")
    if visitor.person and dice.random() < 0.8:
        yield from become_known(visitor, shop)
    yield from browse(visitor, shop)
    yield from check_out(visitor, shop)
    yield from _say_more(visitor, shop)
    if dice.random() < 0.01:
        yield track("Application Crashed", {})
        return
    yield track("Application Backgrounded", {})


def newsletter_opened(visitor: Visitor, shop: Shop) -> Iterator[Call]:
    """The mailing service tells, through the backend, what a customer did with the newsletter."""
    dice, person = shop.dice, visitor.person
    if person is None:
        return
    about: dict[str, Any] = {"context": {"traits": {"email": person.email}}, "by_server": True}
    yield track("Email Delivered", _NEWSLETTER, pause_s=20.0, **about)
    if dice.random() < 0.02:
        yield track("Email Bounced", _NEWSLETTER, **about)
        return
    if dice.random() < 0.6:
        yield track("Email Opened", _NEWSLETTER, pause_s=5.0, **about)
        if dice.random() < 0.5:
            link = {"link_id": "hero_button", "link_url": f"{SHOP_URL}/{CAMPAIGNS[3].search}"}
            yield track("Email Link Clicked", {**_NEWSLETTER, **link}, pause_s=5.0, **about)
        elif dice.random() < 0.05:
            yield track("Unsubscribed", {**_NEWSLETTER, "list_id": "weekly", "list_name": "Weekly"}, **about)


def marketplace_import(visitor: Visitor, shop: Shop) -> Iterator[Call]:
    """The backend imports an order from a marketplace, hours after it was placed, and often a refund of hours later."""
    dice, person = shop.dice, visitor.person
    if person is None:
        return
    product = popular(dice, RANKED)
    lines = [Line(product, dice.choice(product.variants), dice.randint(1, 2))]
    other = popular(dice, RANKED)
    if other is not product:
        lines.append(Line(other, dice.choice(other.variants), 1))
    place = person.place
    order = Order(
        shop.next_order_id(), shop.uuid(), lines, place.currency, place.tax_percent, affiliation="Marketplace"
    )
    age_ms = dice.randrange(6 * _HOUR_MS, 60 * _HOUR_MS)
    yield track("Order Completed", order.completed(), by_server=True, age_ms=age_ms, order=order, pause_s=1.0)
    if dice.random() < 0.5:
        later_ms = dice.randrange(2 * _HOUR_MS, age_ms - _HOUR_MS)
        yield track("Order Refunded", order.refund(dice), by_server=True, age_ms=age_ms - later_ms)


def account_opened(visitor: Visitor, shop: Shop) -> Iterator[Call]:
    """A firm opens an account; its first buyer invites a colleague."""
    person = visitor.person
    if person is None or person.account is None:
        return
    firm = person.account
    about: dict[str, Any] = {"by_server": True, "context": {"groupId": firm.group_id}}
    traits = {**identify(visitor, shop, person).fields["traits"], "title": "Purchasing"}
    yield Call("identify", {"traits": traits}, by_server=True)
    yield Call("group", {"groupId": firm.group_id, "traits": firm.traits}, by_server=True)
    yield track("Account Created", {"account_name": firm.name}, **about)
    yield track("Account Added User", {"role": "buyer"}, **about)
    invited = {"invitee_email": f"office@{firm.group_id.replace('_', '-')}.example", "invitee_role": "approver"}
    yield track("Invite Sent", invited, **about)


def _first_start(shop: Shop, which: dict[str, str]) -> Iterator[Call]:
    yield track("Application Installed", which, pause_s=0.2)
    if shop.dice.random() < 0.5:
        campaign = {"source": "Ad Network", "name": "install_autumn", "content": "video_b", "ad_group": "lookalike"}
        yield track("Install Attributed", {"provider": "Adjust", "campaign": campaign}, pause_s=0.5)


def _see_promotion(shop: Shop) -> Iterator[Call]:
    promotion_id, name, creative, position = popular(shop.dice, PROMOTIONS)
    about = {"promotion_id": promotion_id, "name": name, "creative": creative, "position": position}
    yield track("Promotion Viewed", about, pause_s=2.0)
    if shop.dice.random() < 0.3:
        yield track("Promotion Clicked", about, pause_s=1.0)


def _say_more(visitor: Visitor, shop: Shop) -> Iterator[Call]:
    """A customer who has bought is known better now."""
    if visitor.user_id and visitor.person and visitor.person.orders and shop.dice.random() < 0.6:
        yield identify(visitor, shop, visitor.person)
