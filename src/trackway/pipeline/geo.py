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
    place = _member(entry, "location")
    divisions = entry.get("subdivisions")
    region: Any = cast("list[Any]", divisions)[0] if isinstance(divisions, list) and divisions else None
    country = _member(entry, "country")
    found: dict[str, Any] = {
        "city": _english(entry.get("city")),
        "region": _english(region),
        "country": _english(country),
        "countryCode": country.get("iso_code"),
        "latitude": place.get("latitude"),
        "longitude": place.get("longitude"),
    }
    return {name: value for name, value in found.items() if value is not None} or None


def _member(entry: dict[str, Any], name: str) -> dict[str, Any]:
    value = entry.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _english(named: Any) -> str | None:
    """Return the English name of a place, such as `{"names": {"en": "Paris"}}`."""
    if not isinstance(named, dict):
        return None
    name = _member(cast("dict[str, Any]", named), "names").get("en")
    return name if isinstance(name, str) else None
