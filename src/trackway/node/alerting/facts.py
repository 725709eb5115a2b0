"""What alerts are judged by: how everything stands at one moment, and stood some time before."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine

from trackway.delivery.slots import DestinationStatus
from trackway.node.canary import CanaryReport
from trackway.node.monitoring import samples
from trackway.node.monitoring.monitor import DiskHealth
from trackway.node.monitoring.samples import Sample
from trackway.warehouse.loader import LoaderStatus
from trackway.workspace.model import Workspace

_HOUR_S = 3600
_WIDTHS = ((5.5 * _HOUR_S, 10), (47 * _HOUR_S, 60), (61 * 24 * _HOUR_S, 3600))
"""Up to how long ago samples of which width, in seconds, are there for certain."""
_LEAST_SLACK_S = 60.0


class Facts(NamedTuple):
    """How everything stands."""

    at_ms: int
    workspace: Workspace
    now: Sample | None
    """The newest totals, a few seconds old; None before the first."""
    before: Callable[[float], Sample | None]
    """Returns the totals of so many seconds ago; None when nothing is known of that time."""
    destinations: Sequence[DestinationStatus]
    warehouses: Mapping[str, LoaderStatus]
    differences: Mapping[str, int]
    """Of the ledger."""
    disk: DiskHealth
    canary: CanaryReport | None
    ask: Callable[[str, str | None], Any]
    """Returns the first value that a warehouse (default: the first one) answers to a query."""


def newest(engine: Engine, now_ms: int) -> Sample | None:
    """Return the newest totals; None when there are none of the last minute."""
    found = samples.read(engine, 10, now_ms - 60_000, now_ms)
    return found[-1] if found and found[-1].at_ms >= now_ms - 60_000 else None


def totals_before(engine: Engine, now_ms: int, seconds: float) -> Sample | None:
    """Return the last totals that are at least so old, and not much older.

    After a pause of the product there are none for as long: what it did not see is no silence of others.
    """
    width_s = next((width for most, width in _WIDTHS if seconds <= most), _WIDTHS[-1][1])
    at_ms = now_ms - round(seconds * 1000)
    found = [one for one in samples.read(engine, width_s, at_ms, at_ms) if one.at_ms <= at_ms]
    slack_ms = round(max(2.5 * width_s, _LEAST_SLACK_S) * 1000)
    return found[-1] if found and found[-1].at_ms >= at_ms - slack_ms else None


def now_ms() -> int:
    """Return the time in epoch milliseconds."""
    return time.time_ns() // 1_000_000
