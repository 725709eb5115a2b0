"""Amounts as people write them: `"$19.99"`, `"1.299,00 €"`, `"1 299,00"`; and currencies (ISO 4217).

One separator before exactly three digits says nothing by itself: `1,299` is one thousand or one and a bit. Such a text
is `AMBIGUOUS` and never guessed. Everything else follows from the text alone:

    "1,299.00"  "1.299,00"    the last of two different separators is the decimal one
    "1,299,000"               what stands twice separates thousands
    "1 299" "1'299"           spaces and apostrophes separate thousands only
    "19,9" "19.99" "0.125"    no thousands could be there
"""

import re
from typing import Final, NamedTuple

LONGEST: Final = 40
"""Characters; no amount needs more."""


class Amount(NamedTuple):
    """A number found in a text."""

    number: int | float
    currency: str | None
    """The currency that the text names beyond doubt; `$` does not, as many have it."""
    possible: frozenset[str] = frozenset()
    """Those that its sign stands for, where several have it."""


class Ambiguous:
    """The type of `AMBIGUOUS`."""


AMBIGUOUS: Final = Ambiguous()

_SYMBOLS: Final = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₫": "VND",
                   "₪": "ILS", "₦": "NGN", "₱": "PHP", "฿": "THB", "zł": "PLN", "Kč": "CZK", "R$": "BRL", "US$": "USD",
                   "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD", "Fr.": "CHF",
                   "CN¥": "CNY", "JP¥": "JPY"}  # fmt: skip
_DOLLARS = """
ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUP CVE DOP FJD GYD HKD JMD KYD LRD MOP MXN NAD NIO NZD SBD SGD SRD TTD TWD
USD UYU XCD
"""
_FRANCS = "BIF CDF CHF DJF GNF KMF RWF XAF XOF XPF"
_KRONES = frozenset({"DKK", "ISK", "NOK", "SEK"})
_VAGUE_SYMBOLS: Final = {
    "$": frozenset(_DOLLARS.split()),
    "¥": frozenset({"CNY", "JPY"}),
    "kr": _KRONES,
    "kr.": _KRONES,
    "Fr": frozenset(_FRANCS.split()),
    "₨": frozenset({"INR", "LKR", "MUR", "NPR", "PKR", "SCR"}),
}
"""Signs, and the currencies that each may stand for."""
_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP
LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN
PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS
TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XCD XCG XDR XOF XPD
XPF XPT XSU XUA YER ZAR ZMW ZWG ZWL
"""
CURRENCIES: Final = frozenset(_CODES.split())
"""Codes of ISO 4217, and the few withdrawn since 2023 that are still sent."""

_NO_SIGN: Final[frozenset[str]] = frozenset()
_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_SIGN = re.compile(r"^[-−+]")
_PARTS = re.compile(r"(?P<before>[^\d.,]*)(?P<body>[.,]?\d[\d.,' ’]*)(?P<after>[^\d]*)", re.ASCII)
_PLAIN = re.compile(r"\d+(\.\d+)?[eE][+-]?\d{1,3}", re.ASCII)
_NO_CENTS = re.compile(r"[.,][-–—]+$")
_SPACED = re.compile(r"(?P<whole>\d{1,3}([ '’]\d{3})+)([.,](?P<part>\d*))?", re.ASCII)
_GROUPED = {
    mark: re.compile(
        rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+|\d{{1,2}}(?:{re.escape(mark)}\d{{2}})+{re.escape(mark)}\d{{3}}"
    )
    for mark in ",."
}


def parse_amount(text: str) -> Amount | Ambiguous | None:
    """Return the amount that `text` is, `AMBIGUOUS` if it can be read as two numbers, None if it is none.

    A currency's sign or code may stand before or after it. Leading zeros make it an id, not an amount.
    """
    if len(text) > LONGEST:
        return None
    text = _SPACES.sub(" ", text).strip()
    if _PLAIN.fullmatch(text):
        return _finite(float(text))
    negative = text[:1] in ("-", "−")
    text = _NO_CENTS.sub("", _SIGN.sub("", text).strip())
    found = _PARTS.fullmatch(text)
    if not found:
        return None
    before, after = found["before"].strip(), found["after"].strip()
    if before[-1:] in ("-", "−") and not negative:
        negative, before = True, before[:-1].strip()
    currency = _currency_around(before, after)
    if currency is None:
        return None
    number = _parse_body(found["body"].strip())
    if number is None or isinstance(number, Ambiguous):
        return number
    possible = _NO_SIGN if currency else _VAGUE_SYMBOLS.get(before or after, _NO_SIGN)
    return Amount(-number if negative else number, currency or None, possible)


def parse_currency(text: str) -> str | None:
    """Return the ISO 4217 code that `text` is, whatever its case, or the one its sign stands for; None if unknown."""
    text = text.strip()
    code = text.upper()
    return code if code in CURRENCIES else _SYMBOLS.get(text)


def _currency_around(before: str, after: str) -> str | None:
    """Return the currency named around a number, `""` for none or a vague one, None for any other text."""
    if before and after:
        sign, code = (before, after) if before in _VAGUE_SYMBOLS or before in _SYMBOLS else (after, before)
        known = sign in _VAGUE_SYMBOLS or sign in _SYMBOLS
        return parse_currency(code) if known else None
    mark = before or after
    if not mark or mark in _VAGUE_SYMBOLS:
        return ""
    return parse_currency(mark)


def _parse_body(body: str) -> int | float | Ambiguous | None:
    """Read digits and separators, the sign and the currency taken off."""
    if found := _SPACED.fullmatch(body):
        return _join(re.sub(r"\D", "", found["whole"]), found["part"] or "")
    if " " in body or "'" in body or "’" in body:
        return None
    marks = [mark for mark in body if mark in ",."]
    if not marks:
        return _join(body, "")
    last = marks[-1]
    whole, _, part = body.rpartition(last)
    if len(set(marks)) == 2:
        other = "." if last == "," else ","
        grouped = last not in whole and _GROUPED[other].fullmatch(whole)
        return _join(whole.replace(other, ""), part) if grouped else None
    if len(marks) > 1:
        return _join(body.replace(last, ""), "") if _GROUPED[last].fullmatch(body) else None
    if len(part) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0"):
        return AMBIGUOUS
    return _join(whole, part)


def _join(whole: str, part: str) -> int | float | None:
    if len(whole) > 1 and whole.startswith("0"):
        return None
    return float(f"{whole or '0'}.{part}") if part else int(whole or "0")


def _finite(number: float) -> Amount | None:
    return Amount(number, None) if number - number == 0 else None
