from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from trackway.cli.shop.catalogue import COUPONS, PRODUCTS, Coupon
from trackway.cli.shop.orders import Line, Order

lines = st.lists(st.builds(Line, st.sampled_from(PRODUCTS), st.just("one"), st.integers(1, 9)), min_size=1, max_size=6)
orders = st.builds(
    Order,
    order_id=st.just("o-1"),
    checkout_id=st.just("c-1"),
    lines=lines,
    currency=st.sampled_from(["EUR", "USD", "GBP"]),
    tax_percent=st.integers(0, 27),
    shipping_method=st.sampled_from(["standard", "express"]),
    coupon=st.none() | st.sampled_from(COUPONS),
)


def test_an_order_by_hand() -> None:
    lamp = next(one for one in PRODUCTS if one.name == "Reading Lamp")
    mug = next(one for one in PRODUCTS if one.name == "Stoneware Mug")
    order = Order("o-1", "c-1", [Line(lamp, "brass", 1), Line(mug, "sage", 3)], "EUR", 19)
    order.coupon = Coupon("SAVE10", "", 10)
    shown = order.completed()
    # 59.90 + 3 × 14.99 = 104.87; a tenth off, rounded down, is 10.48; 19 % of 94.39 is 17.93.
    assert {name: value for name, value in shown.items() if name != "products"} == {
        "order_id": "o-1",
        "checkout_id": "c-1",
        "affiliation": "Fjord & Fern",
        "subtotal": 94.39,
        "revenue": 94.39,
        "discount": 10.48,
        "tax": 17.93,
        "shipping": 0,
        "total": 112.32,
        "currency": "EUR",
        "coupon": "SAVE10",
    }
    assert [(line["name"], line["quantity"], line["price"]) for line in shown["products"]] == [
        ("Reading Lamp", 1, 59.9),
        ("Stoneware Mug", 3, 14.99),
    ]
    assert order.started()["value"] == 104.87


@given(orders)
def test_the_amounts_add_up_to_the_cent(order: Order) -> None:
    shown = {name: Decimal(str(value)) for name, value in order.completed().items() if isinstance(value, int | float)}
    products = order.completed()["products"]
    goods = sum(Decimal(str(line["price"])) * line["quantity"] for line in products)
    assert goods - shown["discount"] == shown["revenue"] == shown["subtotal"]
    assert shown["total"] == shown["revenue"] + shown["shipping"] + shown["tax"]
    assert order.revenue_cents == shown["revenue"] * 100
    assert Decimal(str(order.started()["value"])) == shown["revenue"] + shown["discount"]


@given(orders, st.integers(0, 1000))
def test_a_refund_is_part_of_what_was_paid(order: Order, seed: int) -> None:
    refund = order.refund(Random(seed))
    assert 0 < refund["total"] <= order.total_cents / 100
    [back] = refund["products"]
    bought = [line.quantity for line in order.lines if line.product.product_id == back["product_id"]]
    assert 1 <= back["quantity"] <= max(bought)
