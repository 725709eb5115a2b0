"""Names in statements. They are `naming`'s, ASCII words, so quoting them is enough."""

from collections.abc import Iterable
from hashlib import blake2b

_LONGEST = 63


def quoted(*names: str) -> str:
    """Return `"schema"."table"`, or one name in quotes."""
    return ".".join(f'"{name}"' for name in names)


def listed(parts: Iterable[str]) -> str:
    """Return the parts with commas between."""
    return ", ".join(parts)


def literal(text: str) -> str:
    """Return a text in quotes."""
    return "'" + text.replace("'", "''") + "'"


def fitted(name: str) -> str:
    """Return a name of our own as PostgreSQL takes it: one of more than 63 bytes ends in a hash of the whole."""
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 17]}_{blake2b(name.encode(), digest_size=8).hexdigest()}"
