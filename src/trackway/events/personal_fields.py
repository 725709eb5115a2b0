"""Which fields hold personal data: by what their key says, and by what their values look like. Pure.

Kinds and their levels are those of Segment's Privacy Portal (its default PII matchers), with ages, bank accounts, tax
numbers, places and device ids added; a condition and a procedure must be medical, since shops use these words too. Both
answers are guesses, which people correct in `privacy.fields` of trackway.yaml.
"""

import functools
import ipaddress
import re
from collections.abc import Callable, Collection, Mapping
from typing import Literal

Level = Literal["red", "yellow", "green"]
"""How restricted a field is: highly, moderately, or not at all."""

_RED = {
    "social security number": "ssn|social security|social insurance|national insurance",
    "password": "password|passwd|passphrase|passcode|pin code",
    "visa": "visa",
    "veteran": "veteran",
    "disability": "disability",
    "credit card": "credit card|creditcard|debit card|card number|cardnumber|cc number|ccn|cvv|cvc",
    "passport": "passport",
    "token": "token|secret|api key|apikey|private key|credential",
    "bank account": "iban|bank account|account number|routing number|sort code",
    "tax number": "tax id|tax number|national id",
}
_YELLOW = {
    "email": "email|e mail|mail",
    "ip": "ip|ip address|ipv4|ipv6",
    "mac": "mac|mac address",
    "race": "race",
    "ethnicity": "ethnicity",
    "citizenship": "citizenship|nationality",
    "religion": "religion",
    "gender": "gender",
    "sex": "sex",
    "sexual orientation": "sexual orientation",
    "birthdate": "birthdate|birthday|birth date|birth|dob",
    "age": "age",
    "phone": "phone|telephone|fax|msisdn|mobile number",
    "address": "address",
    "street": "street",
    "city": "city",
    "zipcode": "zipcode|zip|postcode|postal code|post code",
    "name": (
        "first name|firstname|last name|lastname|middle name|full name|fullname|surname|given name|family name|"
        "maiden name|nickname|username|user name|customer name|contact name|display name"
    ),
    "identification": "identification",
    "license": "license|licence",
    "certificate": "certificate",
    "serial": "serial",
    "photo": "photo|avatar|selfie",
    "salary": "salary|income|wage",
    "medication": "medication",
    "allergy": "allergy",
    "condition": "medical condition|health condition",
    "diagnosis": "diagnosis",
    "procedure": "medical procedure",
    "place": "latitude|longitude|lat|lng|lon|gps|geolocation",
    "device id": "idfa|idfv|gaid|advertising id|device id|imei",
}
LEVELS: Mapping[str, Level] = {**dict.fromkeys(_RED, "red"), **dict.fromkeys(_YELLOW, "yellow")}
"""The level of each kind of personal data."""
_BY_CHANCE = {"credit card": 3}
"""Kinds that a number may look like by chance (one in ten passes the check): of so many texts one must."""

_NUMBERS = frozenset(
    {
        *("social security number", "credit card", "bank account", "tax number"),
        *("birthdate", "age", "phone", "zipcode", "salary", "place"),
    }
)
"""Kinds that a number may be."""
_FLAGS = frozenset({"visa", "veteran", "disability"})
"""Kinds of which yes or no is enough."""
_TEXTS = frozenset({"string", "date-time"})

_ABOUT = (
    "campaign|changed|client|count|domain|enabled|id|length|limit|list|opt|provider|reset|sent|status|subject|template|"
    "type|used|verified"
)
"""Words after that of a kind with which it is something about it: the subject of an e-mail is nobody's address."""
_KEYS = [(kind, re.compile(f" (?:{phrases}) (?!(?:{_ABOUT}) )")) for kind, phrases in (_RED | _YELLOW).items()]
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")

_MAY_LOOK_PERSONAL = re.compile(r"[@\d]").search
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s.,;<>\d]{2,}")
_SSN = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}", re.ASCII)
_CARD = re.compile(r"(?:4|5[1-5]|2[2-7]|3[47]|6(?:011|5))[\d -]{11,21}", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}\d\d[A-Z\d ]{11,38}", re.ASCII)
_PHONE = re.compile(r"\+[1-9][\d ()./-]{7,24}", re.ASCII)
_MAC = re.compile(r"[\da-fA-F]{2}(?:[:-][\da-fA-F]{2}){5}", re.ASCII)
_ADDRESS = re.compile(r"[\da-fA-F]*[.:][\da-fA-F:.]{1,44}", re.ASCII)
# None of these tries many ways to cut a text: strangers choose the texts, and the catalogue takes microseconds for one.
_LONGEST = 254
"""Characters of an e-mail address, the longest of all."""


@functools.lru_cache(10_000)
def kind_of_key(key: str) -> str | None:
    """Return the kind of personal data that a key names, such as `phone` for `homePhones`; None for none."""
    words = [word.lower() for word in _WORD.findall(key)]
    for said in (f" {' '.join(words)} ", f" {' '.join(map(_singular, words))} "):
        for kind, phrase in _KEYS:
            if phrase.search(said):
                return kind
    return None


def may_be(kind: str, types: Collection[str]) -> bool:
    """Tell whether values of these types, as in tracking plans, can be personal data of a kind: no number is a name."""
    return (
        not _TEXTS.isdisjoint(types)
        or (kind in _NUMBERS and not {"integer", "number"}.isdisjoint(types))
        or (kind in _FLAGS and "boolean" in types)
    )


def is_likely(kind: str, looks: int, texts: int) -> bool:
    """Tell whether `looks` of `texts` that look like a kind are enough to believe it."""
    return looks > 0 and looks * _BY_CHANCE.get(kind, texts) >= texts


def kind_of_value(text: str, key: str = "") -> str | None:
    """Return the kind of personal data that a text as a whole looks like, None for none.

    `key` is that of the text: four numbers of a version are no address.
    """
    if len(text) > _LONGEST or not _MAY_LOOK_PERSONAL(text):
        return None
    text = text.strip()
    kind = next((kind for kind, looks in _LOOKS.items() if looks(text)), None)
    return None if kind == "ip" and "version" in key.lower() else kind


def _singular(word: str) -> str:
    for plural, singular in (("ies", "y"), ("sses", "ss"), ("ss", "ss"), ("is", "is"), ("s", "")):
        if word.endswith(plural):
            return word.removesuffix(plural) + singular
    return word


def _is_card(text: str) -> bool:
    if _CARD.fullmatch(text) is None:
        return False
    digits = [int(one) for one in text if one.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = (sum(divmod(2 * one, 10)) for one in digits[-2::-2])  # Luhn's check digit
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    if _IBAN.fullmatch(text) is None:
        return False
    letters = text.replace(" ", "")
    return 15 <= len(letters) <= 34 and int("".join(str(int(one, 36)) for one in letters[4:] + letters[:4])) % 97 == 1


def _is_phone(text: str) -> bool:
    return _PHONE.fullmatch(text) is not None and 8 <= sum(map(str.isdigit, text)) <= 15


def _is_ip(text: str) -> bool:
    if _ADDRESS.fullmatch(text) is None:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_LOOKS: dict[str, Callable[[str], object]] = {
    "email": _EMAIL.fullmatch,
    "social security number": _SSN.fullmatch,
    "credit card": _is_card,
    "bank account": _is_iban,
    "phone": _is_phone,
    "mac": _MAC.fullmatch,
    "ip": _is_ip,
}
