"""The clients' own health counters (`/v1/m`): added up for `/metrics`, and nothing else of them is kept.

Anybody can send them, so names are bounded: those that look like a client's, and of those the first hundred.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

MOST_NAMES = 100
OTHER = "other"
_MOST_AT_ONCE = 1e6
_NAME = re.compile(r"(analytics_js|analytics_mobile|analytics)[._][a-z0-9_.\-]{1,60}")


class _Counter(Struct):
    metric: str = ""
    value: float = 0


class _Body(Struct):
    series: list[Any] = []


_decode = msgspec.json.Decoder(_Body, strict=False).decode


def add_counters(totals: dict[str, float], body: bytes) -> None:
    """Add the counters of a request's body to `totals`, by the metric's name; what is no counter is passed over."""
    try:
        series = _decode(body).series
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for one in series:
        try:
            counter = msgspec.convert(one, _Counter, strict=False)
        except msgspec.ValidationError:
            continue
        if 0 < counter.value <= _MOST_AT_ONCE:
            name = counter.metric if _NAME.fullmatch(counter.metric) else OTHER
            if name not in totals and len(totals) >= MOST_NAMES:
                name = OTHER
            totals[name] = totals.get(name, 0) + counter.value
