"""What the benchmarks share: events to measure with, and one way to report."""

import json
import os
import platform
import random
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from trackway.events.records import Place


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One figure; `reference` is what it is measured against, in the same unit and the same run."""

    name: str
    figure: float
    unit: str
    reference: float | None = None
    ratio: float | None = None
    """`figure / reference` unless given."""

    def __post_init__(self) -> None:
        if self.ratio is None and self.reference:
            object.__setattr__(self, "ratio", self.figure / self.reference)


def report(measurements: Iterable[Measurement], *, json: bool) -> None:
    """Print the measurements: a table for people, or one JSON object a line, each as it comes."""
    if json:
        _print_lines(measurements)
        return
    table = Table(title=machine(), title_justify="left", title_style="dim")
    for heading in ("name", "figure", "unit", "reference", "ratio"):
        table.add_column(heading, justify="left" if heading in ("name", "unit") else "right", no_wrap=heading != "name")
    for one in measurements:
        table.add_row(one.name, _number(one.figure), one.unit, _number(one.reference), _number(one.ratio))
    Console().print(table)


def _print_lines(measurements: Iterable[Measurement]) -> None:
    for one in measurements:
        print(json.dumps(asdict(one)), flush=True)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> str:
    """Return the machine and the Python in one line."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass  # not Linux
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def median_of(runs: int, measure: Callable[[], float]) -> float:
    """Return the median of what `measure` returns in `runs` runs."""
    return statistics.median(measure() for _ in range(runs))


PRODUCTS = [
    {
        "product_id": f"507f1f77bcf86cd7994390{n:02d}",
        "sku": f"G-{n:03d}",
        "name": name,
        "price": price,
        "category": category,
    }
    for n, (name, price, category) in enumerate(
        [
            ("Monopoly: 3rd Edition", 19.0, "Games"),
            ("Uno Card Game", 7.99, "Games"),
            ("Chess Set, Walnut", 54.5, "Games"),
            ("Espresso Cup", 8.0, "Kitchen"),
            ("Cast Iron Pan", 39.95, "Kitchen"),
            ("Linen Apron", 24.0, "Kitchen"),
            ("Trail Lamp", 31.2, "Outdoor"),
            ("Two-Person Tent", 189.0, "Outdoor"),
        ]
    )
]
TRACKS = [
    ("Product Viewed", 30), ("Product List Viewed", 14), ("Products Searched", 8), ("Product Clicked", 12),
    ("Product Added", 8), ("Product Removed", 2), ("Cart Viewed", 5), ("Checkout Started", 3),
    ("Checkout Step Completed", 4), ("Payment Info Entered", 2), ("Order Completed", 2), ("Coupon Applied", 1),
]  # fmt: skip
_AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1",
]
START_MS = 1_790_000_000_000


def make_events(count: int, seed: int = 1, *, source: str = "shop") -> Iterator[dict[str, Any]]:
    """Yield `count` events of a shop as the fields of `EventRecord`, about 830 bytes of body each; a seed repeats them.

    Nine in ten are tracks of twelve names, the others pages and identifies. Five a millisecond, in order.
    """
    chance = random.Random(seed)
    names, weights = zip(*TRACKS, strict=True)
    for number in range(count):
        user = chance.randrange(max(10, count // 20))
        received_ms = START_MS + number // 5
        kind = chance.choices(("track", "page", "identify"), (90, 7, 3))[0]
        event = chance.choices(names, weights)[0] if kind == "track" else "Home" if kind == "page" else ""
        body = _body(chance, kind, event, number, user, received_ms)
        yield {
            "source": source,
            "type": kind,
            "message_id": body["messageId"],
            "name": event,
            "user_id": body.get("userId"),
            "anonymous_id": body["anonymousId"],
            "received_at_ms": received_ms,
            "timestamp_ms": received_ms - 40,
            "raw": Place(0, number),
            "body": json.dumps(body, separators=(",", ":")).encode(),
        }


def _body(chance: random.Random, kind: str, event: str, number: int, user: int, received_ms: int) -> dict[str, Any]:
    path = f"/p/{chance.choice(PRODUCTS)['sku'].lower()}"
    body: dict[str, Any] = {
        "type": kind,
        "messageId": f"ajs-next-{received_ms}-{chance.getrandbits(64):016x}{number:08x}",
        "anonymousId": f"{user:08x}-7d3c-4b0e-9a51-2f6c1d0e8b77",
        "originalTimestamp": iso(received_ms - 240),
        "sentAt": iso(received_ms - 200),
        "timestamp": iso(received_ms - 40),
        "receivedAt": iso(received_ms),
        "context": {
            "library": {"name": "analytics.js", "version": "npm:next-1.81.0"},
            "ip": f"203.0.113.{user % 256}",
            "locale": "en-GB",
            "timezone": "Europe/Berlin",
            "userAgent": _AGENTS[user % len(_AGENTS)],
            "page": {"path": path, "url": f"https://shop.example{path}", "title": "Shop", "referrer": ""},
        },
    }
    if user % 3:
        body["userId"] = f"user-{user}"
    if kind == "track":
        body |= {"event": event, "properties": properties_of(chance, event, number)}
    elif kind == "page":
        body |= {"name": event, "properties": {"name": event, **body["context"]["page"]}}
    else:
        body["traits"] = {"email": f"user{user}@mail.example", "plan": chance.choice(["free", "pro"]), "logins": number}
    return body


def properties_of(chance: random.Random, event: str, number: int) -> dict[str, Any]:
    """Return the properties of one of `TRACKS`."""
    product: dict[str, Any] = chance.choice(PRODUCTS)
    if event == "Products Searched":
        return {"query": product["name"][:4], "results": chance.randrange(50)}
    if event in ("Product List Viewed", "Cart Viewed"):
        shown = [{"product_id": one["product_id"], "price": one["price"]} for one in chance.sample(PRODUCTS, 2)]
        return {"list_id": "spring", "products": shown}
    if event.startswith(("Checkout", "Order", "Payment", "Coupon")):
        value = round(product["price"] * chance.randint(1, 3), 2)
        return {"order_id": f"o-{number}", "revenue": value, "currency": "EUR", "step": 1 + number % 4, "gift": False}
    return {**product, "quantity": chance.randint(1, 3), "position": number % 20, "currency": "EUR"}


def iso(time_ms: int) -> str:
    """Return epoch milliseconds as `2026-11-20T10:00:00.120Z`."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
