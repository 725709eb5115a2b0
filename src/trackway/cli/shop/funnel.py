"""From a shelf to a paid order: what visitors of the web and of the app do alike."""

from collections.abc import Generator, Iterator
from typing import Any

from trackway.cli.shop.calls import Call, Shop, Visitor, track
from trackway.cli.shop.catalogue import (
    CATEGORIES,
    COUPONS,
    EXPIRED,
    IN_CATEGORY,
    RANKED,
    SEARCHES,
    SHOP_NAME,
    Product,
    popular,
)
from trackway.cli.shop.customers import become_known
from trackway.cli.shop.orders import Cart, Line, Order

_PAYMENTS = ("visa", "mastercard", "paypal", "klarna")


def show(visitor: Visitor, name: str, path: str, *, category: str = "", search: str = "") -> Call:
    """Return the page or screen call for a place in the shop, and move the visitor there."""
    before = visitor.page()["url"]
    if visitor.channel == "app":
        return Call("screen", {"name": name, "properties": {"category": category} if category else {}}, 5.0)
    visitor.referrer = before if visitor.path != path else visitor.referrer
    visitor.path, visitor.search, visitor.title = path, search, f"{name} – {SHOP_NAME}"
    fields: dict[str, Any] = {"name": name, "properties": visitor.page()}
    fields["properties"]["name"] = name
    if category:
        fields["category"] = fields["properties"]["category"] = category
    return Call("page", fields, 5.0)


def browse(visitor: Visitor, shop: Shop) -> Iterator[Call]:
    """Look around; some products end in the cart."""
    dice = shop.dice
    for _ in range(dice.randint(1, 4)):
        shelf = yield from _find_shelf(visitor, shop)
        for _ in range(dice.randint(1, 3)):
            product = popular(dice, shelf)
            yield from _look_at(visitor, shop, product, shelf)


def check_out(visitor: Visitor, shop: Shop) -> Iterator[Call]:
    """Go from the cart to the order, unless the visitor leaves on the way."""
    dice, cart = shop.dice, visitor.cart
    if cart is None or not cart.lines:
        return
    yield show(visitor, "Cart", "/cart")
    yield track("Cart Viewed", {"cart_id": cart.cart_id, "products": cart.products})
    if len(cart.lines) > 1 and dice.random() < 0.15:
        line = cart.lines.pop()
        yield track("Product Removed", {**line.properties, "cart_id": cart.cart_id})
    if dice.random() < 0.25:
        return
    yield from become_known(visitor, shop)
    order = _order(visitor, shop, cart)
    yield from _try_coupon(shop, cart, order)
    yield show(visitor, "Checkout", "/checkout")
    yield track("Checkout Started", order.started())
    yield from _take_steps(shop, order)
    if dice.random() < 0.2:
        return
    yield from _pay(visitor, shop, order)


def _find_shelf(visitor: Visitor, shop: Shop) -> Generator[Call, None, tuple[Product, ...]]:
    """Search or pick a category, and return the products found, the best first."""
    dice = shop.dice
    if dice.random() < 0.3:
        words = popular(dice, SEARCHES)
        yield show(visitor, "Search", "/search", search=f"?q={words.replace(' ', '+')}")
        yield track("Products Searched", {"query": words})
        return tuple(dice.sample(RANKED, 6))
    category = popular(dice, CATEGORIES)
    shelf = IN_CATEGORY[category]
    yield show(visitor, category, f"/c/{category.lower()}", category="Shelf")
    listed = [{**one.properties(), "position": place} for place, one in enumerate(shelf, 1)]
    about = {"list_id": f"list-{category.lower()}", "category": category, "products": listed}
    yield track("Product List Viewed", about)
    if dice.random() < 0.15:
        price = {"type": "price", "value": "under-50"}
        yield track(
            "Product List Filtered", {**about, "filters": [price], "sorts": [{"type": "price", "value": "asc"}]}
        )
    return shelf


def _look_at(visitor: Visitor, shop: Shop, product: Product, shelf: tuple[Product, ...]) -> Iterator[Call]:
    dice = shop.dice
    variant = dice.choice(product.variants)
    seen = product.properties(variant=variant)
    yield track("Product Clicked", {**seen, "position": shelf.index(product) + 1}, pause_s=1.0)
    yield show(visitor, product.name, product.path, category="Product")
    yield track(
        "Product Viewed", {**seen, "currency": visitor.place.currency, "value": product.cents / 100}, pause_s=8.0
    )
    if dice.random() < 0.06:
        wish = {"wishlist_id": f"wish-{visitor.anonymous_id[:8].lower()}", "wishlist_name": "Later"}
        yield track("Product Added to Wishlist", {**seen, **wish})
    if dice.random() < 0.03:
        shared = {key: value for key, value in seen.items() if key != "position"}
        yield track("Product Shared", {**shared, "share_via": dice.choice(("email", "copy_link", "whatsapp"))})
    if dice.random() < 0.35:
        visitor.cart = visitor.cart or Cart(shop.uuid())
        line = Line(product, variant, 1 if dice.random() < 0.8 else dice.randint(2, 4))
        visitor.cart.lines.append(line)
        yield track("Product Added", {**line.properties, "cart_id": visitor.cart.cart_id})


def _order(visitor: Visitor, shop: Shop, cart: Cart) -> Order:
    place = visitor.place
    method = "express" if shop.dice.random() < 0.25 else "standard"
    return Order(shop.next_order_id(), shop.uuid(), cart.lines, place.currency, place.tax_percent, method)


def _try_coupon(shop: Shop, cart: Cart, order: Order) -> Iterator[Call]:
    dice = shop.dice
    about = {"cart_id": cart.cart_id, "order_id": order.order_id}
    if dice.random() < 0.08:
        yield track("Coupon Entered", {**about, "coupon_id": EXPIRED.coupon_id}, pause_s=1.0)
        denied = {"coupon_id": EXPIRED.coupon_id, "coupon_name": EXPIRED.name, "reason": "expired"}
        yield track("Coupon Denied", {**about, **denied})
    elif dice.random() < 0.25:
        order.coupon = dice.choice(COUPONS)
        yield track("Coupon Entered", {**about, "coupon_id": order.coupon.coupon_id}, pause_s=1.0)
        applied = {"coupon_id": order.coupon.coupon_id, "coupon_name": order.coupon.name}
        yield track("Coupon Applied", {**about, **applied, "discount": order.discount_cents / 100})


def _take_steps(shop: Shop, order: Order) -> Iterator[Call]:
    payment = shop.dice.choice(_PAYMENTS)
    known: dict[str, Any] = {"checkout_id": order.checkout_id}
    for step in (1, 2, 3):
        if step >= 2:
            known["shipping_method"] = order.shipping_method
        yield track("Checkout Step Viewed", {**known, "step": step}, pause_s=6.0)
        if step == 3:
            known["payment_method"] = payment
            yield track("Payment Info Entered", {**known, "step": step, "order_id": order.order_id}, pause_s=2.0)
        yield track("Checkout Step Completed", {**known, "step": step}, pause_s=2.0)


def _pay(visitor: Visitor, shop: Shop, order: Order) -> Iterator[Call]:
    """The order is told by the shop's page or app, or by its backend: by one of them, or it would count twice."""
    dice = shop.dice
    yield track("Order Completed", order.completed(), by_server=dice.random() < 0.35, order=order, pause_s=3.0)
    visitor.cart = None
    if visitor.person:
        visitor.person.orders += 1
        visitor.person.spent_cents += order.revenue_cents
    yield show(visitor, "Thank You", "/thanks")
    if dice.random() < 0.05:
        order.shipping_method = "express"
        yield track("Order Updated", order.changed(), by_server=True)
    elif dice.random() < 0.03:
        yield track("Order Cancelled", order.changed(), by_server=True)
    if dice.random() < 0.12:
        line = dice.choice(order.lines)
        review = {"product_id": line.product.product_id, "review_id": shop.uuid(), "rating": str(dice.randint(3, 5))}
        yield track("Product Reviewed", {**review, "review_body": "Arrived fast, and just as pictured."})
