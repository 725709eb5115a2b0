"""Segment's client libraries by name, and our own: what they run on, and how a request's user agent names them."""

import re
from typing import Literal, NamedTuple


class Platform(NamedTuple):
    """What a library runs on."""

    channel: Literal["browser", "mobile", "server"]
    device_type: str | None = None
    """`ios` or `android`, where the library has only one."""


_PLATFORMS = {
    "analytics.js": Platform("browser"),
    "@trackway/browser": Platform("browser"),
    "analytics-ios": Platform("mobile", "ios"),
    "analytics-swift": Platform("mobile"),
    "analytics-android": Platform("mobile", "android"),
    "analytics-kotlin": Platform("mobile"),
    "analytics-react-native": Platform("mobile"),
    "@segment/analytics-react-native": Platform("mobile"),
    "analytics_flutter": Platform("mobile"),
    "analytics-flutter": Platform("mobile"),
}
_AGENT = re.compile(r"(?P<name>analytics[-._][a-z][\w.-]{0,40})/v?(?P<version>\d[\w.+-]{0,30})", re.IGNORECASE)


def platform_of(library: str) -> Platform | None:
    """Return what the library named in `context.library` runs on; None for servers' and unknown ones."""
    return _PLATFORMS.get(library)


def library_of(user_agent: str) -> dict[str, str] | None:
    """Return `{name, version}` of the library that a request's user agent names, None for anything else."""
    found = _AGENT.match(user_agent)
    return {"name": found["name"], "version": found["version"]} if found else None
