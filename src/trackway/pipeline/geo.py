"""Places by address, from a file in MaxMind's format that the user supplies.

Source: MaxMind's "GeoIP2 City and Country databases" for the members; other makers of such files use the same.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import maxminddb

from trackway.errors import TrackwayError, why_unreadable

_KEPT = 20_000
"""Addresses remembered; the busiest are asked for again and again."""


class GeoFile:
    """An open `.mmdb` file."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            TrackwayError: it does not exist, or is in another format.
        """
        try:
            self._reader = maxminddb.open_database(str(path))  # pyright: ignore[reportUnknownMemberType]
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            why = why_unreadable(error) if isinstance(error, OSError) else "it has another format"
            raise TrackwayError(
                f"trackway.yaml: pipeline.geo_file: {path} cannot be read: {why}. "
                "It must be a city or country database in MaxMind's format (.mmdb)"
            ) from error
        self.locate = lru_cache(_KEPT)(self._locate)
        """Return Segment's `context.location` of an IPv4 or IPv6 address, None when the file does not know it."""

    def _locate(self, ip: str) -> dict[str, Any] | None:
        try:
            entry = cast("Any", self._reader.get(ip))  # pyright: ignore[reportUnknownMemberType]
        except (ValueError, TypeError):  # no address, or IPv6 in a file of IPv4; a text with a NUL
            return None
        return _location(cast("dict[str, Any]", entry)) if isinstance(entry, dict) else None


def _location(entry: dict[str, Any]) -> dict[str, Any] | None:
    country, place = entry.get("country"), entry.get("location")
    found = {
        "city": _english(entry.get("city")),
        "region": _english(_member(entry.get("subdivisions"), 0)),
        "country": _english(country),
        "countryCode": _member(country, "iso_code"),
        "latitude": _member(place, "latitude"),
        "longitude": _member(place, "longitude"),
    }
    return {name: value for name, value in found.items() if value is not None} or None


def _member(value: Any, key: str | int) -> Any:
    """Return a member of an object or a list, None where there is none or `value` is something else."""
    if value is None:
        return None
    try:
        return value[key]
    except (LookupError, TypeError):
        return None


def _english(named: Any) -> str | None:
    """Return the English name of a place, such as `{"names": {"en": "Paris"}}`."""
    if named is None:
        return None
    try:
        name = named["names"]["en"]
    except (LookupError, TypeError):
        return None
    return name if isinstance(name, str) else None
