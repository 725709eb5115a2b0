"""Made-up but lifelike traffic of a small shop, the same at every run with the same seed."""

import json
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.console.harness import ConsoleServer, Ledger
from trackway.warehouse.contract import QueryResult

PRODUCTS = [
    ("Alpine Rain Jacket", "Outerwear", 189.0), ("Trail Running Shoe", "Footwear", 129.95),
    ("Merino Base Layer", "Clothing", 74.5), ("Ridge 28L Backpack", "Packs", 139.0),
    ("Titanium Mug 450", "Camp kitchen", 39.9), ("Down Sleeping Bag", "Sleep", 329.0),
    ("Headlamp 400", "Lighting", 59.95), ("Trekking Poles", "Equipment", 89.0),
]  # fmt: skip
PAGES = ["Home", "Jackets", "Product", "Cart", "Checkout", "Order status", "Journal: Packing light", "Help"]
SCREENS = ["Home", "Search", "Product", "Basket", "Profile"]
CITIES = ["Berlin", "Zürich", "Kraków", "Lisboa", "Malmö", "Bristol", "Gent"]
WEB = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
PHONE = "TrailShop/4.12.0 (iPhone15,3; iOS 19.1)"
OURS = ("source", "ip", "user_agent", "findings")
FUNNEL = [
    ("Product List Viewed", 10), ("Product Viewed", 22), ("Product Added", 9), ("Cart Viewed", 7),
    ("Checkout Started", 5), ("Payment Info Entered", 4), ("Order Completed", 4), ("Products Searched", 8),
    ("Coupon Applied", 2), ("Signed In", 5), ("Order Refunded", 1), ("Application Opened", 6),
]  # fmt: skip
REFUSALS = [
    ({"type": "track", "event": 42}, ("event_not_string", "/event", "`event` must be text.")),
    ({"type": "track", "event": "Order Completed", "userId": None},
     ("no_user_anon_id", "", "Give `userId` or `anonymousId`, a non-empty text.")),
    ({"type": "track", "event": "Product Added", "properties": ["sku-17", 2]},
     ("properties_not_object", "/properties", "`properties` must be an object.")),
    ({"type": "identify", "traits": "vip"}, ("traits_not_object", "/traits", "`traits` must be an object.")),
]  # fmt: skip


class Shop:
    """Gives one call after the other."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self._count = 0

    def call(self, at: datetime) -> dict[str, Any]:
        rng = self._random
        self._count += 1
        mobile = rng.random() < 0.3
        known = rng.random() < 0.6
        person = rng.randrange(40)
        call: dict[str, Any] = {
            "type": rng.choices(["track", "page", "identify", "screen", "group", "alias"], [62, 20, 7, 7, 2, 1])[0],
            "messageId": f"{'ios' if mobile else 'ajs-next'}-{rng.getrandbits(80):020x}",
            "anonymousId": f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4{rng.getrandbits(12):03x}-9c1e",
            "timestamp": _iso(at - timedelta(milliseconds=rng.randrange(30, 900))),
            "source": "app" if mobile else "shop",
            "ip": f"198.51.100.{rng.randrange(2, 250)}",
            "user_agent": PHONE if mobile else WEB,
            "context": {
                "library": {"name": "analytics-swift" if mobile else "analytics.js",
                            "version": "1.7.3" if mobile else "npm:next-1.84.3"},
                "locale": rng.choice(["de-DE", "en-GB", "pl-PL", "pt-PT"]), "timezone": "Europe/Berlin",
                "userAgent": PHONE if mobile else WEB,
            },
        }  # fmt: skip
        call["userId"] = f"cust_{1000 + person * 37}" if known else None
        self._fill(call, mobile)
        if rng.random() < 0.03:
            call["findings"] = [("id_was_number", "/userId")] if known else [("sent_at_unparsable", "/sentAt")]
        return call

    def _fill(self, call: dict[str, Any], mobile: bool) -> None:
        rng = self._random
        name, category, price = rng.choice(PRODUCTS)
        kind = call["type"]
        call["event"] = None
        if kind == "screen" and not mobile:
            kind = call["type"] = "page"
        if kind == "track":
            names, weights = zip(*FUNNEL, strict=True)
            call["event"] = rng.choices(names, weights)[0]
            call["properties"] = {"product_id": f"sku-{PRODUCTS.index((name, category, price)) + 10}", "name": name,
                                  "category": category, "price": price, "currency": "EUR"}  # fmt: skip
            if call["event"].startswith("Order"):
                call["properties"] = {
                    "order_id": f"O-{88000 + self._count}", "total": round(price + 6.9, 2), "revenue": price,
                    "shipping": 6.9, "currency": "EUR", "coupon": None, "express": rng.random() < 0.3,
                    "products": [{"product_id": "sku-14", "name": name, "price": price, "quantity": 1}],
                }  # fmt: skip
        elif kind in ("page", "screen"):
            call["name"] = rng.choice(SCREENS if kind == "screen" else PAGES)
            call["properties"] = {
                "path": f"/{call['name'].split(':')[0].lower()}",
                "referrer": "",
                "title": call["name"],
            }
        elif kind == "identify":
            call["traits"] = {"email": f"mara.{self._count}@mail.example", "plan": "club", "city": rng.choice(CITIES)}
        elif kind == "group":
            call["groupId"] = "acct_72"
            call["traits"] = {"name": "Nordwand Outdoor GmbH", "seats": 14}
        else:
            call["previousId"] = call["anonymousId"]

    def refused(self, at: datetime) -> tuple[dict[str, Any], tuple[str, str, str]]:
        wrong, refusal = self._random.choice(REFUSALS)
        call = {"anonymousId": "0b6c1f", "context": {"library": {"name": "analytics-php", "version": "1.4"}},
                "messageId": f"php-{self._random.getrandbits(48):012x}", **wrong, "timestamp": _iso(at)}  # fmt: skip
        if refusal[0] == "no_user_anon_id":
            del call["anonymousId"]
        return call, refusal


def fill(console: ConsoleServer, count: int = 420, *, seed: int = 7) -> Shop:
    """Put some minutes of traffic that end now into the logs and ledgers of a console that has not started."""
    shop = Shop(seed)
    rng = random.Random(seed)
    at = datetime.now(UTC) - timedelta(seconds=count * 0.55)
    for _ in range(count):
        at += timedelta(seconds=rng.expovariate(1 / 0.53))
        at_ms = int(at.timestamp() * 1000)
        if rng.random() < 0.03:
            call, refusal = shop.refused(at)
            console.quarantine(json.dumps(call).encode(), refusal, type_=call["type"],
                               message_id=call["messageId"], at_ms=at_ms)  # fmt: skip
            continue
        call = shop.call(at)
        offset = console.event(call, at_ms=at_ms)
        if rng.random() < 0.035:
            again = {key: value for key, value in call.items() if key not in OURS and value is not None}
            console.duplicate(again, of=offset, source=call["source"], at_ms=at_ms)
    console.accounts.events.update({"shop": 18_240, "app": 6_812})
    console.accounts.ledgers = [
        Ledger("crm", 25_401, 25_377, {"FILTERED_BY_RULES": 12}, {}, 0, 12),
        Ledger("ads", 25_401, 23_996, {}, {"401": 18, "MESSAGE_REJECTED": 3}, 214, 1_384),
    ]
    return shop


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ShopQueries:
    """Answers any query with the same orders."""

    def query(
        self,
        sql: str,
        *,
        limit: int,
        timeout_s: float,
        warehouse: str | None = None,
        stop: threading.Event | None = None,
    ) -> QueryResult:
        rng = random.Random(3)
        rows: list[list[Any]] = []
        at = datetime(2026, 11, 20, 14, 3, 22, tzinfo=UTC)
        for i in range(100):
            at -= timedelta(seconds=rng.randrange(5, 200))
            name, _, price = rng.choice(PRODUCTS)
            coupon = rng.choice([None, None, None, "WINTER10"])
            rows.append(
                [_iso(at), f"O-{88200 - i}", f"cust_{1000 + rng.randrange(40) * 37}", name, price + 6.9, coupon]
            )
        return QueryResult(
            columns=["received_at", "order_id", "user_id", "product", "total", "coupon"],
            types=["TIMESTAMP WITH TIME ZONE", "VARCHAR", "VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR"],
            rows=rows[:limit],
            truncated=False,
            duration_s=0.0184,
        )
