"""Durations and sizes as people write them."""

import re
from collections.abc import Mapping
from typing import Any, Self

_DURATIONS = {
    "ms": 0.001, "s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400, "w": 604800, "week": 604800,
    "weeks": 604800,
}  # fmt: skip
_SIZES = {
    "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "tb": 1000**4,
    "kib": 1024, "mib": 1024**2, "gib": 1024**3, "tib": 1024**4,
}  # fmt: skip
_NUMBER_AND_UNIT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


def _read(value: Any, units: Mapping[str, float], example: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and (found := _NUMBER_AND_UNIT.fullmatch(value)):
        unit = found[2].lower()
        if unit in units:
            return float(found[1]) * units[unit]
    raise ValueError(f"write it like {example}, not {value!r}")


def _written(value: float, units: Mapping[str, float]) -> str:
    """Return `value` in the largest of `units` that it is a whole number of."""
    for unit, size in units.items():
        if value >= size and value % size == 0:
            return f"{value / size:.15g}{unit}"
    return f"{value:.15g}"


class Duration(float):
    """Seconds, written `"30s"`, `"24h"` or `"7 days"`; a bare number is seconds."""

    def written(self) -> str:
        """Return it as people write it."""
        if self > 86400 and self % 86400 == 0:
            return f"{self / 86400:.15g} days"
        return _written(self, {"h": 3600, " min": 60, "s": 1}) if self >= 1 or not self else f"{self * 1000:g}ms"

    @classmethod
    def decode(cls, value: Any) -> Self:
        """Read a duration; ValueError says how to write one."""
        return cls(_read(value, _DURATIONS, '"30s", "24h" or "7 days"'))


class Size(int):
    """Bytes, written `"32 KiB"` or `"20 GiB"`; a bare number is bytes."""

    def written(self) -> str:
        """Return it as people write it."""
        return _written(self, {" GiB": 1024**3, " MiB": 1024**2, " KiB": 1024})

    @classmethod
    def decode(cls, value: Any) -> Self:
        """Read a size; ValueError says how to write one."""
        return cls(int(_read(value, _SIZES, '"32 KiB" or "20 GiB"')))
