"""What is done to personal data: left out, hashed with a key, or masked. Pure functions over JSON values."""

import hmac
import ipaddress
import re
from collections.abc import Callable
from typing import Any, cast

from trackway.events.fql.functions import json_text

ANY_KEY = "*"
LEFT_OUT: Any = object()
"""What a change returns to take the value out of its parent."""

_HASHED = re.compile(r"sha256:[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_IPV4 = re.compile(r"((?:(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])\.){3})(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])", re.ASCII)
_EMAIL = re.compile(r"([^@\s])[^@\s]*@([^@\s]+)")


def change_at(value: Any, keys: tuple[str, ...], change: Callable[[Any], Any]) -> bool:
    """Replace what stands at the path `keys` by `change` of it, in place; return whether anything was replaced.

    `*` is any key. A list on the way means each of its members; a change that returns `LEFT_OUT` removes the value.
    """
    if isinstance(value, list):
        # Counted and not asked with any(): every member is to be changed.
        return sum(change_at(member, keys, change) for member in cast("list[Any]", value)) > 0
    if not isinstance(value, dict):
        return False
    members = cast("dict[str, Any]", value)
    first, *rest = keys
    changed = False
    for key in list(members) if first == ANY_KEY else [first] if first in members else []:
        if rest:
            changed |= change_at(members[key], tuple(rest), change)
            continue
        before = members[key]
        after = change(before)
        if after is LEFT_OUT:
            del members[key]
        elif after is not before:
            members[key] = after
        changed |= after is not before
    return changed


def is_hash(value: Any) -> bool:
    """Say whether a text is a SHA-256 in hex, as clients send what identifies people."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def leave_out(_: Any) -> Any:
    """Return the sign to leave a value out."""
    return LEFT_OUT


def hasher(salt: str) -> Callable[[Any], Any]:
    """Return a function from a value to `sha256:` and the HMAC-SHA256 of its text in hexadecimal digits.

    Numbers are hashed as their text, the members of lists one by one, objects as their JSON text; null stays null,
    and what is such a hash already stays as it is.
    """
    key = salt.encode()

    def hashed(value: Any) -> Any:
        if isinstance(value, list):
            return [hashed(member) for member in cast("list[Any]", value)]
        if value is None or (isinstance(value, str) and _HASHED.fullmatch(value)):
            return value
        text = value if isinstance(value, str) else json_text(_sorted(value))
        return "sha256:" + hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()

    return hashed


def mask(value: Any) -> Any:
    """Return what of a value names nobody, of the same type or null.

    An e-mail address keeps its first letter and its domain, an IP address its network (24 bits of IPv4, 48 of IPv6),
    other text becomes `***`. Lists and objects are masked member by member; all else becomes null.
    """
    if isinstance(value, list):
        return [mask(member) for member in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: mask(member) for key, member in cast("dict[str, Any]", value).items()}
    if not isinstance(value, str):
        return None
    text = value.strip()
    if found := _IPV4.fullmatch(text):
        return f"{found[1]}0"
    if found := _EMAIL.fullmatch(text):
        return f"{found[1]}***@{found[2]}"
    if ":" not in text:
        return "***"
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return "***"
    return str(ipaddress.IPv6Network((address.packed, 48), strict=False).network_address)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(member) for key, member in sorted(cast("dict[str, Any]", value).items())}
    return value
