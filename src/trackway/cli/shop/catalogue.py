"""What the shop sells, and how it advertises."""

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

SHOP_URL = "https://www.fjord-and-fern.example"
SHOP_NAME = "Fjord & Fern"
T = TypeVar("T")


class Product(Struct, frozen=True):
    """Something to buy; a variant is chosen when it is looked at."""

    product_id: str
    sku: str
    name: str
    brand: str
    category: str
    variants: tuple[str, ...]
    cents: int
    """Price in the smallest unit of any currency: the shop rounds to the same figures everywhere."""

    @property
    def path(self) -> str:
        """The path of its page."""
        return f"/p/{self.product_id}-{self.name.lower().replace(' ', '-')}"

    def properties(self, *, variant: str | None = None, quantity: int | None = None) -> dict[str, Any]:
        """Return it as an event's properties."""
        shown: dict[str, Any] = {
            "product_id": self.product_id,
            "sku": self.sku,
            "category": self.category,
            "name": self.name,
            "brand": self.brand,
            "price": self.cents / 100,
            "url": SHOP_URL + self.path,
            "image_url": f"{SHOP_URL}/img/{self.sku.lower()}.jpg",
        }
        if variant:
            shown["variant"] = variant
        if quantity:
            shown["quantity"] = quantity
        return shown


class Coupon(NamedTuple):
    """A code that takes some percent off."""

    coupon_id: str
    name: str
    percent: int


class Campaign(NamedTuple):
    """What brought a visitor: utm parameters and the referring page."""

    source: str
    medium: str
    name: str
    referrer: str
    content: str = ""
    term: str = ""

    @property
    def search(self) -> str:
        """The query string of the landing page."""
        pairs = [("source", self.source), ("medium", self.medium), ("campaign", self.name)]
        pairs += [("content", self.content), ("term", self.term)]
        return "?" + "&".join(f"utm_{key}={value.replace(' ', '+')}" for key, value in pairs if value)

    @property
    def context(self) -> dict[str, str]:
        """`context.campaign`, as the browser library reads it from the query string."""
        found = {"source": self.source, "medium": self.medium, "name": self.name}
        return found | {key: value for key, value in (("content", self.content), ("term", self.term)) if value}


_RANGE = {
    # category: (brand, variants, ((name, cents), …))
    "Lighting": ("Nordlys", ("brass", "black", "white"), (
        ("Reading Lamp", 5990), ("Floor Lamp", 14900), ("String Lights", 1995), ("Desk Lamp", 7950), ("Pendant", 11900),
    )),
    "Kitchen": ("Fern", ("sage", "sand", "slate"), (
        ("Stoneware Mug", 1499), ("Chef Knife", 8900), ("Cutting Board", 3450), ("Tea Kettle", 4999),
        ("Bread Tin", 2750),
    )),
    "Textiles": ("Vidda", ("natural", "indigo", "rust"), (
        ("Wool Throw", 8990), ("Linen Sheets", 12900), ("Cushion", 2999), ("Bath Towel", 2450), ("Table Runner", 1990),
    )),
    "Outdoor": ("Skarv", ("S", "M", "L"), (
        ("Rain Jacket", 17900), ("Daypack", 9950), ("Camp Stove", 6490), ("Wool Socks", 1590), ("Headlamp", 3995),
    )),
    "Garden": ("Fern", ("small", "large"), (
        ("Plant Pot", 1895), ("Pruning Shears", 3290), ("Watering Can", 2690), ("Herb Seeds", 449),
        ("Garden Chair", 13900),
    )),
    "Books": ("Lindorm Press", ("hardcover", "paperback"), (
        ("Baking Bread", 2790), ("Trail Atlas", 3500), ("Small Gardens", 2290), ("Slow Light", 1999), ("Knots", 1450),
    )),
}  # fmt: skip
CATEGORIES = tuple(_RANGE)
PRODUCTS = tuple(
    Product(
        f"{group * 100 + number}", f"{brand[:2].upper()}{group}{number:02d}", name, brand, category, variants, cents
    )
    for group, (category, (brand, variants, items)) in enumerate(_RANGE.items(), 1)
    for number, (name, cents) in enumerate(items, 1)
)
IN_CATEGORY = {name: tuple(one for one in PRODUCTS if one.category == name) for name in CATEGORIES}
COUPONS = (
    Coupon("SAVE10", "Ten percent off", 10),
    Coupon("WELCOME15", "For new customers", 15),
    Coupon("FERN20", "Twenty for friends", 20),
)
EXPIRED = Coupon("SPRING22", "Spring sale", 30)
PROMOTIONS = (
    ("promo-autumn", "Autumn Lights", "warm_hero", "home_banner_top"),
    ("promo-kitchen", "Kitchen Week", "mug_grid", "home_banner_2"),
    ("promo-outdoor", "Rainy Days", "jacket_walk", "home_sidebar"),
)
CAMPAIGNS = (
    Campaign("google", "cpc", "brand_search", "https://www.google.com/", term="fjord and fern"),
    Campaign("google", "cpc", "lamps_generic", "https://www.google.com/", content="ad_b", term="reading lamp"),
    Campaign("instagram", "social", "autumn_lights", "https://l.instagram.com/", content="story"),
    Campaign("newsletter", "email", "weekly_47", "", content="hero_button"),
    Campaign("facebook", "paid_social", "retargeting", "https://m.facebook.com/", content="carousel"),
    Campaign("partner_blog", "referral", "gift_guide", "https://slow-living.example/gifts"),
)
REFERRERS = ("", "", "https://www.google.com/", "https://duckduckgo.com/", "https://www.bing.com/")
SEARCHES = ("lamp", "wool", "mug", "gift", "rain jacket", "bread", "plant pot", "knife", "linen", "socks")


def popular(dice: Random, things: Sequence[T]) -> T:
    """Return one of `things`, the first twice as often as the second, three times as often as the third, … (Zipf)."""
    return things[_zipf(dice, len(things))]


def _zipf(dice: Random, count: int) -> int:
    sums = _ZIPF.get(count)
    if sums is None:
        sums = _ZIPF[count] = list(accumulate(1 / rank for rank in range(1, count + 1)))
    point = dice.random() * sums[-1]
    return next(place for place, total in enumerate(sums) if point < total)


_ZIPF: dict[int, list[float]] = {}
# Popularity does not follow the order of the range: a fixed shuffle ranks the products.
RANKED = tuple(sorted(PRODUCTS, key=lambda one: (int(one.product_id) * 7919) % 1009))
