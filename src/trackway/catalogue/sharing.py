"""What of an event's contents may be shown far from the event: no person's data, no secrets. Pure.

Both questions are answered by what is allowed, not by what is forbidden: a doubtful value is simply not shown.
"""

import re

from trackway.events.personal_fields import kind_of_key

MAX_SAMPLE_CHARS = 32
_MAX_KEY_CHARS = 100

# A few words, as in `spring sale`, `EUR`, `v2`, without the marks that addresses and tokens are made of.
_WORDS = re.compile(r"[^\W\d_][\w.+&-]*(?: [\w.+&-]+){0,2}")
_MANY_DIGITS = re.compile(r"(?:\d\D*){4}")
_HOST = re.compile(r"\w\.[^\W\d]{2}")
_TOKEN = re.compile(r"(?=[a-zA-Z]*\d)[a-zA-Z\d]{8}|\w{21}")
"""A longer word with digits in it, or a very long one."""
_PERSONAL_KEY = re.compile(
    r"name$|mail|phone|mobile|birth|street|city|address|postal|zip|passw|secret|token|credential|session|gender|"
    r"(?:^|[^a-z])(?:ip|ssn|iban|pin|otp|vat|lat|lng|lon|age|key|auth|url|uri|query|search|message|comment|text|note|"
    r"title|description)(?:$|[^a-z])|(?:^|[^a-z]|user|order|session|device|account|client|customer)ids?$",
    re.IGNORECASE,
)
_DATA_KEY = re.compile(r"@|\d{4}|[0-9a-f]{8}-[0-9a-f]{4}|://|[\x00-\x1f\x7f]", re.IGNORECASE)


def is_shareable(value: str) -> bool:
    """Return whether a text looks like a word of a small vocabulary: short, with neither address, number nor token."""
    return (
        len(value) <= MAX_SAMPLE_CHARS
        and _WORDS.fullmatch(value) is not None
        and not (_MANY_DIGITS.search(value) or _HOST.search(value) or _TOKEN.search(value))
    )


def is_personal(key: str) -> bool:
    """Return whether a key says that its value is a person's, a secret, or free text."""
    return _PERSONAL_KEY.search(_SNAKE.sub("_", key)) is not None or kind_of_key(key) is not None


def is_data(key: str) -> bool:
    """Return whether a key is itself a value, such as an id or an address, and no name that a developer chose."""
    return not 0 < len(key) <= _MAX_KEY_CHARS or key in ("$", "*") or _DATA_KEY.search(key) is not None


_SNAKE = re.compile(r"(?<=[a-z])(?=[A-Z])")
