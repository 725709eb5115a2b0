"""How the shop learns who somebody is: sign-up, log-in, alias, traits that grow, and the firm behind a buyer."""

from collections.abc import Iterator
from typing import Any

from trackway.cli.shop.calls import Call, Shop, Visitor, track
from trackway.cli.shop.people import Person
from trackway.events.clock_skew import format_ms

_DAY_MS = 86_400_000


def become_known(visitor: Visitor, shop: Shop) -> Iterator[Call]:
    """Log in or sign up, unless done already."""
    if visitor.user_id:
        return
    dice = shop.dice
    person, new = visitor.person, False
    if person is None and shop.people and dice.random() < 0.5:
        person = dice.choice(shop.people)
    if person is None:
        person, new = shop.sign_up(visitor.place), True
    visitor.person = person
    if new and dice.random() < 0.2:
        # Only before identify: the browser library would put the known user id in place of the new one.
        yield Call("alias", {"userId": person.user_id, "previousId": visitor.anonymous_id}, 0.3)
    visitor.user_id = person.user_id
    yield identify(visitor, shop, person, new=new)
    if new:
        names = {"first_name": person.first_name, "last_name": person.last_name}
        yield track("Signed Up", {"type": "organic", **names, "email": person.email}, pause_s=1.0)
    else:
        yield track("Signed In", {"username": person.email}, pause_s=1.0)
    if person.account:
        visitor.group_id = person.account.group_id
        yield Call("group", {"groupId": person.account.group_id, "traits": person.account.traits}, 1.0)


def identify(visitor: Visitor, shop: Shop, person: Person, *, new: bool = False) -> Call:
    """Return an identify call with all that is known of a customer by now."""
    if not person.phone and shop.dice.random() < 0.3:
        person.phone = f"+49 30 555{shop.dice.randrange(10_000):04d}"
    age_days = 0 if new else int(person.user_id[-5:]) % 400 + 1
    created_at = format_ms((shop.now_ms // 1000) * 1000 - visitor.late_ms - age_days * _DAY_MS)
    traits: dict[str, Any] = person.traits(created_at)
    return Call("identify", {"traits": traits}, 1.0)
