"""Carts and orders; money is counted in cents and only shown as decimal amounts."""

from random import Random
from typing import Any

from msgspec import Struct, field

from trackway.cli.shop.catalogue import SHOP_NAME, Coupon, Product

FREE_SHIPPING_CENTS = 6000
SHIPPING_CENTS = {"standard": 495, "express": 1290}


class Line(Struct):
    """So many of one product."""

    product: Product
    variant: str
    quantity: int

    @property
    def cents(self) -> int:
        """What they cost together."""
        return self.product.cents * self.quantity

    @property
    def properties(self) -> dict[str, Any]:
        """The line as a member of `products`."""
        return self.product.properties(variant=self.variant, quantity=self.quantity)


class Cart(Struct):
    """What a visitor is about to buy."""

    cart_id: str
    lines: list[Line] = field(default_factory=list[Line])

    @property
    def products(self) -> list[dict[str, Any]]:
        """`products` of an event, with positions."""
        return [{**line.properties, "position": place} for place, line in enumerate(self.lines, 1)]


class Order(Struct):
    """A cart on its way to be paid."""

    order_id: str
    checkout_id: str
    lines: list[Line]
    currency: str
    tax_percent: int
    shipping_method: str = "standard"
    coupon: Coupon | None = None
    affiliation: str = SHOP_NAME

    @property
    def goods_cents(self) -> int:
        """Before any discount."""
        return sum(line.cents for line in self.lines)

    @property
    def discount_cents(self) -> int:
        """What the coupon takes off."""
        return self.goods_cents * self.coupon.percent // 100 if self.coupon else 0

    @property
    def revenue_cents(self) -> int:
        """Goods less discount, without tax and shipping: the `revenue` of Segment's spec."""
        return self.goods_cents - self.discount_cents

    @property
    def shipping_cents(self) -> int:
        """Free for large orders unless it has to be fast."""
        free = self.shipping_method == "standard" and self.goods_cents >= FREE_SHIPPING_CENTS
        return 0 if free else SHIPPING_CENTS[self.shipping_method]

    @property
    def tax_cents(self) -> int:
        """Tax on what is paid for the goods."""
        return (self.revenue_cents * self.tax_percent + 50) // 100

    @property
    def total_cents(self) -> int:
        """What the customer pays."""
        return self.revenue_cents + self.shipping_cents + self.tax_cents

    def properties(self) -> dict[str, Any]:
        """Return what is common to all events of the order."""
        shown: dict[str, Any] = {
            "order_id": self.order_id,
            "affiliation": self.affiliation,
            "revenue": self.revenue_cents / 100,
            "shipping": self.shipping_cents / 100,
            "tax": self.tax_cents / 100,
            "discount": self.discount_cents / 100,
            "currency": self.currency,
            "products": [line.properties for line in self.lines],
        }
        if self.coupon:
            shown["coupon"] = self.coupon.coupon_id
        return shown

    def started(self) -> dict[str, Any]:
        """Return the properties of Checkout Started."""
        return {**self.properties(), "value": self.goods_cents / 100}

    def completed(self) -> dict[str, Any]:
        """Return the properties of Order Completed."""
        more = {
            "checkout_id": self.checkout_id,
            "subtotal": self.revenue_cents / 100,
            "total": self.total_cents / 100,
        }
        return {**self.properties(), **more}

    def changed(self) -> dict[str, Any]:
        """Return the properties of Order Updated and Order Cancelled."""
        return {**self.properties(), "total": self.goods_cents / 100}

    def refund(self, dice: Random) -> dict[str, Any]:
        """Return the properties of an Order Refunded for one of the lines, or all of it if there is but one piece."""
        line = dice.choice(self.lines)
        back = Line(line.product, line.variant, dice.randint(1, line.quantity))
        goods = back.cents * self.revenue_cents // self.goods_cents
        amount = goods + (goods * self.tax_percent + 50) // 100
        return {
            "order_id": self.order_id,
            "total": amount / 100,
            "currency": self.currency,
            "products": [back.properties],
        }
