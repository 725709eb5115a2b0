"""Amounts of money and their currencies (ISO 4217)."""

import math
import re
from typing import Any, cast

from trackway.destinations.kit.values import Unfit, read_number

_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
    CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP
    GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW
    KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD
    NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE
    SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VES
    VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL
"""
CURRENCIES = frozenset(_CODES.split())
"""The codes in use, and those withdrawn of late."""
WITHOUT_MINOR = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF"}
    | {"XPF"}
)
WITH_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def is_currency(code: Any) -> bool:
    """Say whether `code` is a currency's, in upper or lower case."""
    return isinstance(code, str) and code.upper() in CURRENCIES


def as_money(value: Any) -> int | float | None:
    """Return an amount of money as a number, or None: `"$1,249.50"`, `"1.249,50 €"` and `"USD 1249.5"` are 1249.5.

    A sign and one currency are allowed. Of points and commas the last one is the decimal mark, but a comma alone before
    groups of three digits is none: `"1,249"` is 1249, `"12,50"` is 12.5.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    found = _MONEY.fullmatch(value.strip())
    if found is None or (found["before"] and found["after"]):
        return None
    code = (found["before"] or found["after"] or "").strip()
    if len(code) == 3 and not is_currency(code):
        return None
    digits = _plain(found["digits"])
    try:
        return None if digits is None else read_number(digits) * (-1 if "-" in (found["sign"], found["inner"]) else 1)
    except Unfit:
        return None


_MONEY = re.compile(
    r"(?P<sign>-?)\s*(?P<before>[$€£¥]|[A-Za-z]{3}\s?)?\s*(?P<inner>-?)(?P<digits>[\d.,][\d.,'\s]*?(?:[eE][-+]?\d+)?)"
    r"(?P<after>\s?(?:[$€£¥]|[A-Za-z]{3}))?"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")


def _plain(digits: str) -> str | None:
    """Return an amount's digits with a point as the decimal mark and nothing between thousands, None if unclear."""
    bare = re.sub(r"[\s']", "", digits)
    point, comma = bare.rfind("."), bare.rfind(",")
    if comma < 0:
        return bare
    if point > comma or _THOUSANDS.fullmatch(bare):
        return bare.replace(",", "")
    if bare.count(",") > 1:
        return None
    return bare.replace(".", "").replace(",", ".")


def as_minor_units(amount: Any, currency: Any = None) -> int | None:
    """Return an amount in the currency's smallest unit (ISO 4217), rounded: 19.99 EUR is 1999, 500 JPY is 500."""
    number = as_money(amount)
    if number is None:
        return None
    code = currency.upper() if isinstance(currency, str) else ""
    return round(number * (1 if code in WITHOUT_MINOR else 1000 if code in WITH_THOUSANDTHS else 100))


def product_of(price: Any, quantity: Any) -> int | float | None:
    """Return price × quantity; a quantity that is absent counts as 1."""
    each, count = as_money(price), as_money(1 if quantity is None else quantity)
    return None if each is None or count is None else _tidy(each * count)


def total_of(products: Any) -> int | float | None:
    """Return the sum of price × quantity over the products that have a price, or None when none has."""
    if not isinstance(products, list):
        return None
    known = [cast("dict[str, Any]", one) for one in cast("list[Any]", products) if isinstance(one, dict)]
    lines = [line for one in known if (line := product_of(one.get("price"), one.get("quantity"))) is not None]
    return _tidy(sum(lines)) if lines else None


def _tidy(number: int | float) -> int | float:
    # 3 × 0.1 is to be 0.3: nobody's prices have eight decimals.
    return round(number, 8) if isinstance(number, float) else number
