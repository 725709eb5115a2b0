"""What identifies people, in the form that vendors match on: normalised, and hashed once."""

import hashlib
import re
from datetime import datetime
from typing import Any

from trackway.destinations.kit import values
from trackway.destinations.kit.expressions import Like, call
from trackway.events.personal_data import is_hash

_NOT_DIGITS = re.compile(r"\D+")
_SPACE = re.compile(r"\s+")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def sha256(value: Any) -> str | None:
    """Return the SHA-256 of a text in hex, or the text itself (in lower case) when it is such a hash already."""
    word = values.as_text(value) if not isinstance(value, dict | list) else None
    if not word:
        return None
    return word.lower() if is_hash(word) else hashlib.sha256(word.encode()).hexdigest()


def clean_email(value: Any) -> str | None:
    """Return an address without spaces around it, in lower case; a hash stays as it is."""
    return (value.strip().lower() or None) if isinstance(value, str) else None


def clean_phone(value: Any, country: Any = None) -> str | None:
    """Return a phone number in E.164 (`+14155550199`); a hash stays as it is, a number too short to be one is None.

    Without a leading `+` or `00` the digits are taken with `country` (a calling code such as `49`, in front of the
    number without its leading zero) or else as they stand.
    """
    word = values.as_text(value) if not isinstance(value, dict | list) else None
    if not word or is_hash(word):
        return word
    word = word.strip()
    digits = _NOT_DIGITS.sub("", word)
    if word.startswith("+"):
        pass
    elif digits.startswith("00"):
        digits = digits[2:]
    elif country:
        digits = _NOT_DIGITS.sub("", str(country)) + digits.lstrip("0")
    return f"+{digits}" if 7 <= len(digits) <= 15 else None


def clean_day(value: Any, form: str = "%Y%m%d") -> str | None:
    """Return a day, such as a birthday, in the digits that vendors hash (`19900214`); a hash stays as it is.

    Text must begin with the day (`1990-02-14`); a number is a time since 1970. `form` is as in `strftime`.
    """
    if is_hash(value):
        return value
    day = values.iso_day(value) if not isinstance(value, str) or _DAY.match(value) else None
    return datetime.strptime(day, "%Y-%m-%d").strftime(form) if day else None


def clean_name(value: Any) -> str | None:
    """Return a name in lower case with single spaces; a hash stays as it is."""
    return (_SPACE.sub(" ", value).strip().lower() or None) if isinstance(value, str) else None


def hashed(value: Like) -> call:
    """Return the SHA-256 of a value, never twice."""
    return call(sha256, value)


def email(value: Like) -> call:
    """Return an e-mail address, normalised."""
    return call(clean_email, value)


def phone(value: Like, country: Like = None) -> call:
    """Return a phone number in E.164."""
    return call(clean_phone, value, country)


def day(value: Like, form: str = "%Y%m%d") -> call:
    """Return a day in digits, `19900214` or as `form` says."""
    return call(clean_day, value, form)


def person_name(value: Like) -> call:
    """Return a name, normalised."""
    return call(clean_name, value)
