"""Which texts among a destination's settings are not to be shown."""

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from msgspec import Struct

from trackway.workspace.secret import Secret

_SECRET_IN_URL = 8
"""Characters of a value in a URL that is taken for a secret; shorter ones, such as `true`, stand in any text."""


def secrets_of(value: Any) -> list[str]:
    """Return every secret in settings, and what in their URLs may be one: passwords, values of queries."""
    if isinstance(value, Secret):
        return [value.reveal()] if value.reveal() else []
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        parts = urlsplit(value)
        found = [pair.partition("=")[2] for pair in parts.query.split("&")] + [parts.password or ""]
        return [one for one in found if len(one) >= _SECRET_IN_URL]
    if isinstance(value, Struct):
        return [secret for name in value.__struct_fields__ for secret in secrets_of(getattr(value, name))]
    if isinstance(value, dict):
        return [secret for item in cast("dict[Any, Any]", value).values() for secret in secrets_of(item)]
    if isinstance(value, list | tuple):
        return [secret for item in cast("Sequence[Any]", value) for secret in secrets_of(item)]
    return []
