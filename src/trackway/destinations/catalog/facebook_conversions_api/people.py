"""Who did it, in Meta's terms: normalised, and hashed where Meta wants it.

Source: "Customer information parameters" of Meta's Conversions API, read 2026-11-23.
"""

from typing import Any

from trackway.destinations import kit


def birthday(value: Any) -> Any:
    """Return a day as Meta hashes it, 19900214; what is no day stays as it is."""
    return (kit.clean_day(value) if isinstance(value, str) else None) or value


def _squeezed(value: Any) -> str | None:
    """Return a text without white space, in lower case."""
    return "".join(value.split()).lower() or None if isinstance(value, str) else None


def _hashed(value: Any) -> str | None:
    return kit.sha256(_squeezed(value))


def _phone(value: Any) -> str | None:
    if not isinstance(value, str) or kit.is_hash(value):
        return value
    return kit.sha256("".join(char for char in value if char.isascii() and char.isdigit()))


def _gender(value: Any) -> str | None:
    if not isinstance(value, str) or kit.is_hash(value):
        return value
    first = (_squeezed(value) or "")[:1]
    return kit.sha256(first) if _squeezed(value) in ("m", "male", "f", "female") else None


def _state(value: Any) -> str | None:
    name = _squeezed(value) or ""
    return kit.sha256(_STATES.get(name, name))


_STATE_NAMES = """
alabama:al alaska:ak arizona:az arkansas:ar california:ca colorado:co connecticut:ct delaware:de florida:fl georgia:ga
hawaii:hi idaho:id illinois:il indiana:in iowa:ia kansas:ks kentucky:ky louisiana:la maine:me maryland:md
massachusetts:ma michigan:mi minnesota:mn mississippi:ms missouri:mo montana:mt nebraska:ne nevada:nv newhampshire:nh
newjersey:nj newmexico:nm newyork:ny northcarolina:nc northdakota:nd ohio:oh oklahoma:ok oregon:or pennsylvania:pa
rhodeisland:ri southcarolina:sc southdakota:sd tennessee:tn texas:tx utah:ut vermont:vt virginia:va washington:wa
westvirginia:wv wisconsin:wi wyoming:wy
"""
_STATES = {name: code for name, _, code in (pair.partition(":") for pair in _STATE_NAMES.split())}


def user_data(user: dict[str, Any]) -> dict[str, Any]:
    """Return Meta's members for a person: hashed where Meta wants it."""
    ids = [known for one in user.get("externalId", ()) if (known := _hashed(one))]
    made: dict[str, Any] = {
        "em": _hashed(user.get("email")),
        "ph": _phone(user.get("phone")),
        "ge": _gender(user.get("gender")),
        "db": _hashed(user.get("dateOfBirth")),
        "ln": _hashed(user.get("lastName")),
        "fn": _hashed(user.get("firstName")),
        "ct": _hashed(user.get("city")),
        "st": _state(user.get("state")),
        "zp": _hashed(user.get("zip")),
        "country": _hashed(user.get("country")),
        "external_id": ids,
        "subscription_id": user.get("subscriptionID"),
        "anon_id": user.get("anonId"),
        "madid": user.get("madId"),
    }
    plain = ("client_ip_address", "client_user_agent", "fbc", "fbp", "partner_id", "partner_name", "ctwa_clid")
    made |= {name: user.get(name) for name in plain}
    numbers = {"lead_id": user.get("leadID"), "fb_login_id": user.get("fbLoginID")}
    counted: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    return {name: value for name, value in made.items() if value} | counted
