"""What counts as an address, for vendors that refuse a whole object because of one that is none."""

import re
from urllib.parse import urlsplit

_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?",
    re.IGNORECASE | re.ASCII,
)


def is_email(text: str) -> bool:
    """Say whether a text is an e-mail address in its usual form: ASCII, unquoted, in a domain with a dot."""
    return _EMAIL.fullmatch(text) is not None


def is_uri(text: str) -> bool:
    """Say whether a text is an address with a scheme, such as `https://example.com/a.png`."""
    try:
        return bool(urlsplit(text).scheme)
    except ValueError:
        return False
