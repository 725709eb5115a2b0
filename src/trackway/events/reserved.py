"""Reserved properties and traits: those whose type and meaning Segment's specification fixes for every event.

Amounts and quantities become numbers where the text leaves no doubt, `currency` an ISO 4217 code, `products` an array
of objects. What was replaced is reported with the original; what cannot be read stays as it is and is reported. Nothing
is ever removed, and a second run changes nothing more.

Source: Segment's "Spec: Track" (revenue, currency, value), "Spec: Identify" and "Spec: Group" (traits), "Ecommerce".
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from trackway.events import lenient_json
from trackway.events.clock_skew import format_ms, parse_ms
from trackway.events.money import AMBIGUOUS, CURRENCIES, Ambiguous, Amount, parse_amount, parse_currency
from trackway.events.personal_data import is_hash
from trackway.events.remarks import Remark, kind_of, shown

AMOUNTS = ("revenue", "total", "value", "price")
QUANTITY = "quantity"
_TOP = (*AMOUNTS, QUANTITY, "currency", "products")
_NUMBERS = (*AMOUNTS, QUANTITY)
_IN_PRODUCT = ("price", QUANTITY)
MONETARY = ("revenue", "total", "price")
"""Not `value`: on events that are no purchases it is often anything but money."""
_RESERVED = frozenset(_TOP)
_NUMERIC = (int, float)
_FINE = frozenset({int, float, type(None)})
_EARLIEST_MS, _LATEST_MS = 0, 4_102_444_800_000
"""1970 to 2100: the epoch times that are taken for dates."""
_NOTHING: Sequence[Remark] = ()


class _Sent(NamedTuple):
    """An amount that was text."""

    pointer: str
    text: str
    amount: Amount


def repair_properties(properties: dict[str, Any]) -> Sequence[Remark]:
    """Give the reserved properties of a track call their types, in place, and return what was found."""
    if _RESERVED.isdisjoint(properties):
        return _NOTHING
    remarks: list[Remark] = []
    amounts: list[_Sent] = []
    for name in _NUMBERS:
        if type(properties.get(name)) not in _FINE:
            _repair_number(properties, name, "/properties/", remarks, amounts)
    currency = properties.get("currency")
    if currency is not None and (type(currency) is not str or currency not in CURRENCIES):
        _repair_currency(properties, currency, remarks)
    products = properties.get("products")
    if products is not None:
        _repair_products(properties, products, remarks, amounts)
    if amounts:
        _agree_on_currency(properties, amounts, remarks)
    return remarks


def default_currency(properties: dict[str, Any], currency: str, originals: Any = ()) -> Remark | None:
    """Set `currency` where an amount of money stands without one; return why not, if its sign is another currency's.

    `originals` is `context.trackway.original`, which has the amounts that were texts.
    """
    if properties.get("currency") is not None or not any(type(properties.get(name)) in _NUMERIC for name in MONETARY):
        return None
    for pointer, text in _amounts_as_sent(originals):
        amount = parse_amount(text)
        if isinstance(amount, Amount) and amount.possible and currency not in amount.possible:
            return Remark("currency_ambiguous", pointer, shown(text))
    properties["currency"] = currency
    return None


def repair_traits(traits: dict[str, Any], kinds: dict[str, str]) -> Sequence[Remark]:
    """Check the reserved traits in `traits` and repair dates and numbers, in place; return what was found.

    `kinds` is `USER_TRAITS` or `GROUP_TRAITS`.
    """
    remarks: list[Remark] = []
    for name in traits.keys() & kinds.keys():
        value = traits[name]
        if value is not None:
            _REPAIR_TRAIT[kinds[name]](traits, name, value, remarks)
    remarks.sort(key=lambda remark: remark.pointer)
    return remarks


def _amounts_as_sent(originals: Any) -> Iterator[tuple[str, str]]:
    for entry in cast("list[Any]", originals) if isinstance(originals, list) else ():
        kept = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        pointer, value = kept.get("pointer"), kept.get("value")
        if isinstance(pointer, str) and isinstance(value, str) and pointer.rpartition("/")[2] in MONETARY:
            yield pointer, value


def _repair_number(where: dict[str, Any], name: str, prefix: str, remarks: list[Remark], amounts: list[_Sent]) -> None:
    value, pointer = where[name], prefix + name
    amount = parse_amount(value) if isinstance(value, str) else None
    if amount is None:
        if value != "":
            remarks.append(Remark("number_expected", pointer, shown(value)))
    elif isinstance(amount, Ambiguous):
        remarks.append(Remark("number_ambiguous", pointer, shown(value)))
    else:
        where[name] = amount.number
        remarks.append(Remark("number_was_text", pointer, shown(value), value))
        amounts.append(_Sent(pointer, value, amount))


def _agree_on_currency(properties: dict[str, Any], amounts: list[_Sent], remarks: list[Remark]) -> None:
    """Take the currency from the amounts where there is none, and report those that are surely of another one."""
    if properties.get("currency") is None:
        named = next((sent.amount.currency for sent in amounts if sent.amount.currency), None)
        if named is None:
            return
        properties["currency"] = named
    currency = properties["currency"]
    if type(currency) is not str or currency not in CURRENCIES:
        return
    for pointer, text, amount in amounts:
        if amount.currency not in (None, currency) or (amount.possible and currency not in amount.possible):
            remarks.append(Remark("currency_conflict", pointer, shown(text)))


def _repair_currency(properties: dict[str, Any], currency: Any, remarks: list[Remark]) -> None:
    code = parse_currency(currency) if isinstance(currency, str) else None
    if code is not None:
        properties["currency"] = code
        remarks.append(Remark("currency_repaired", "/properties/currency", shown(currency), currency))
    elif currency != "":
        remarks.append(Remark("currency_unknown", "/properties/currency", shown(currency)))


def _repair_products(properties: dict[str, Any], products: Any, remarks: list[Remark], amounts: list[_Sent]) -> None:
    found = _as_products(products)
    if found is None:
        remarks.append(Remark("products_expected", "/properties/products", kind_of(products)))
        return
    if found is not products:
        properties["products"] = found
        # A copy: the products in it are repaired below.
        remarks.append(Remark("products_repaired", "/properties/products", shown(products), copy.deepcopy(products)))
    for number, product in enumerate(found):
        if type(product) is not dict:
            remarks.append(Remark("products_expected", f"/properties/products/{number}", kind_of(product)))
            continue
        entry = cast("dict[str, Any]", product)
        for name in _IN_PRODUCT:
            if type(entry.get(name)) not in _FINE:
                _repair_number(entry, name, f"/properties/products/{number}/", remarks, amounts)


def _as_products(products: Any) -> list[Any] | None:
    """Return the array meant by `products`, itself if it is one; None if no reading makes one."""
    if isinstance(products, str):
        try:
            products, _ = lenient_json.loads(products.encode())
        except (lenient_json.NotJson, UnicodeEncodeError):
            return None
        if not isinstance(products, list | dict):
            return None
    if isinstance(products, dict):
        return [cast("dict[str, Any]", products)]
    if not isinstance(products, list):
        return None
    items = cast("list[Any]", products)
    return [item for item in items if item is not None] if None in items else items


def _check_text(traits: dict[str, Any], name: str, value: Any, remarks: list[Remark]) -> None:
    if not isinstance(value, str):
        remarks.append(Remark("trait_mistyped", f"/traits/{name}", f"text expected, not {shown(value)}"))


def _check_text_or_number(traits: dict[str, Any], name: str, value: Any, remarks: list[Remark]) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        remarks.append(Remark("trait_mistyped", f"/traits/{name}", f"text or a number expected, not {shown(value)}"))


def _check_object(traits: dict[str, Any], name: str, value: Any, remarks: list[Remark]) -> None:
    if not isinstance(value, dict):
        remarks.append(Remark("trait_mistyped", f"/traits/{name}", f"an object expected, not {shown(value)}"))


def _repair_age(traits: dict[str, Any], name: str, value: Any, remarks: list[Remark]) -> None:
    if isinstance(value, str):
        amount = parse_amount(value)
        if amount is not None and amount is not AMBIGUOUS and not isinstance(amount, Ambiguous):
            traits[name] = amount.number
            remarks.append(Remark("number_was_text", f"/traits/{name}", shown(value), value))
            return
    if isinstance(value, bool) or not isinstance(value, int | float):
        remarks.append(Remark("trait_mistyped", f"/traits/{name}", f"a number expected, not {shown(value)}"))


def _repair_date(traits: dict[str, Any], name: str, value: Any, remarks: list[Remark]) -> None:
    pointer = f"/traits/{name}"
    if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) in (10, 13):
        time_ms = _epoch_ms(int(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        time_ms = _epoch_ms(value)
    else:
        if parse_ms(value) is None:
            remarks.append(Remark("date_unreadable", pointer, shown(value)))
        return
    if time_ms is None:
        remarks.append(Remark("date_unreadable", pointer, shown(value)))
        return
    traits[name] = format_ms(time_ms)
    remarks.append(Remark("date_was_number", pointer, shown(value), value))


def _check_day(traits: dict[str, Any], name: str, value: Any, remarks: list[Remark]) -> None:
    """Check a birthday, or its hash. A number is none: before 1970 seconds cannot be told from milliseconds."""
    if not isinstance(value, str):
        remarks.append(Remark("trait_mistyped", f"/traits/{name}", f"a day expected, not {shown(value)}"))
    elif parse_ms(value) is None and not is_hash(value):
        remarks.append(Remark("date_unreadable", f"/traits/{name}", shown(value)))


def _epoch_ms(number: float) -> int | None:
    """Return epoch milliseconds given in seconds or milliseconds; the sizes of today's do not overlap."""
    time_ms = number * 1000 if abs(number) < 100_000_000_000 else number
    return int(time_ms) if _EARLIEST_MS < time_ms < _LATEST_MS else None


_REPAIR_TRAIT = {
    "text": _check_text,
    "text or number": _check_text_or_number,
    "object": _check_object,
    "number": _repair_age,
    "date": _repair_date,
    "day": _check_day,
}


def _spellings(kinds: dict[str, str]) -> dict[str, str]:
    """Return the traits under every spelling that means the same: camel and snake case, any case of letters."""
    found: dict[str, str] = {}
    for name, kind in kinds.items():
        snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        for spelling in (name, snake, name.lower(), name.upper(), name[0].upper() + name[1:], snake.upper()):
            found[spelling] = kind
    return found


_OF_BOTH = {
    "address": "object",
    "avatar": "text",
    "createdAt": "date",
    "description": "text",
    "email": "text",
    "id": "text or number",
    "name": "text",
    "phone": "text or number",
    "website": "text",
}
USER_TRAITS = _spellings(
    {
        **_OF_BOTH,
        "age": "number",
        "birthday": "day",
        "company": "object",
        "firstName": "text",
        "gender": "text",
        "lastName": "text",
        "title": "text",
        "username": "text",
    }
)
"""The kind of each reserved trait of a person, by every spelling."""
GROUP_TRAITS = _spellings({**_OF_BOTH, "employees": "text or number", "industry": "text", "plan": "text"})
"""The same for a group."""
