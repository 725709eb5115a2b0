"""Names of schemas, tables and columns, as Segment's warehouses write them.

Source: Segment's open-source naming library (the snake_case rule) and its warehouse schema pages (the prefixes).
Names are ASCII, lower case, and need no quotes in the database they are made for.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct

STANDARD_TABLES = frozenset(
    {"tracks", "identifies", "users", "pages", "screens", "groups", "accounts", "aliases"}
)  # fmt: skip
RESERVED_COLUMNS = frozenset(
    {
        "id", "anonymous_id", "user_id", "received_at", "sent_at", "timestamp", "original_timestamp", "event",
        "event_text", "uuid", "uuid_ts", "loaded_at",
    }
)  # fmt: skip
_HASH_BYTES = 6
_WORDS = re.compile(rb"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+")


class EventName(NamedTuple):
    """How an event's name appears in the warehouse."""

    slug: str
    """The value of column `event`."""
    table: str


class Rules(Struct, frozen=True, kw_only=True):
    """What a database asks of names."""

    reserved: frozenset[str]
    """Words that fail as the name of a table or column unless quoted."""
    reserved_schemas: frozenset[str]
    """Names that a schema cannot have."""
    max_length: int
    """Characters; longer names are cut and end in a hash of the whole."""
    reserved_schema_prefix: str | None = None
    """What no schema's name may begin with."""


@lru_cache(maxsize=1 << 16)
def snake_case(name: str) -> str:
    """Return `name` as lower-case ASCII words joined with `_`; empty when it has no ASCII letter or digit.

    A word is upper-case letters and digits followed by lower-case letters and digits, or the latter alone; leftmost
    longest. Everything else separates.
    """
    return b"_".join(_WORDS.findall(name.encode("utf-8", "surrogatepass"))).lower().decode()


def schema_name(source: str, rules: Rules) -> str:
    """Return the schema of the source with this key."""
    slug = _part(source)
    prefix = rules.reserved_schema_prefix
    reserved = slug in rules.reserved_schemas or (prefix is not None and slug.startswith(prefix))
    return _fit(f"_{slug}" if reserved else slug, rules)


def event_name(event: str, rules: Rules) -> EventName:
    """Return the slug and the table of a track call's event name.

    A table that would be named like a standard one gets a `_` before its name; an event without any ASCII letter or
    digit gets a hash for a slug. Names with different slugs never share a table.
    """
    table = _part(event)
    slug = table.lstrip("_")
    return EventName(slug, _fit(f"_{slug}" if slug in STANDARD_TABLES else table, rules))


def column_name(path: Sequence[str], rules: Rules, reserved: frozenset[str] = RESERVED_COLUMNS) -> str:
    """Return the column of the property or trait at `path`, its keys from the outermost inwards.

    One that is named like a column of ours (`reserved`, and everything that begins with `context_`) is kept under
    `_<name>`: nothing is lost.
    """
    name = "_".join(map(_part, path))
    return _fit(f"_{name}" if name in reserved or name.startswith("context_") else name, rules)


def context_column_name(path: Sequence[str], rules: Rules) -> str:
    """Return the column of the value at `path` in an event's context."""
    return _fit("_".join(("context", *map(_part, path))), rules)


def _part(name: str) -> str:
    # No word begins with _, and the x keeps a hash from looking like a name that got its _ for a leading digit.
    return snake_case(name) or f"_x{_hash(name)}"


def _fit(name: str, rules: Rules) -> str:
    if name[0].isdigit() or name in rules.reserved:
        name = f"_{name}"
    if len(name) <= rules.max_length:
        return name
    return f"{name[: rules.max_length - 1 - 2 * _HASH_BYTES]}_{_hash(name)}"


def _hash(name: str) -> str:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).hexdigest()
