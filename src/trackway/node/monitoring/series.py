"""Lines for charts, made from samples: rates and standings by source and destination."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Engine

from trackway.node.monitoring import samples
from trackway.node.monitoring.samples import DestinationTotals, Sample, SourceTotals, Totals

_LONGEST_GAP = 3
"""Stretches; over a longer silence (the product was down) no rate is drawn."""


class Range(NamedTuple):
    """A span of time, the width of the samples it is made from, and of the points that are shown."""

    span_s: int
    sample_s: int
    step_s: int


RANGES = {
    "15m": Range(900, 10, 10),
    "1h": Range(3600, 10, 30),
    "6h": Range(6 * 3600, 60, 120),
    "24h": Range(86_400, 60, 600),
    "7d": Range(7 * 86_400, 3600, 3600),
    "30d": Range(30 * 86_400, 3600, 4 * 3600),
}


class SourceSeries(Struct, kw_only=True):
    """One source over time; rates are calls a second."""

    source: str
    events: list[float | None]
    quarantined: list[float | None]
    dropped: list[float | None]


class DestinationSeries(Struct, kw_only=True):
    """One destination over time; rates are events a second."""

    destination: str
    delivered: list[float | None]
    failed: list[float | None]
    discarded: list[float | None]
    errors: list[float | None]
    """The part of its requests that failed, from 0 to 1; null when there were none."""
    pending: list[float | None]
    lag_s: list[float | None]


class History(Struct, kw_only=True):
    """Everything over one span of time; null where nothing is known."""

    range: str
    from_s: int
    to_s: int
    step_s: int
    times: list[int]
    """The end of each stretch, in epoch seconds."""
    sources: list[SourceSeries]
    destinations: list[DestinationSeries]
    data_bytes: list[float | None]


class _Stretch(NamedTuple):
    """What two neighbouring samples say about the time between them."""

    before: Totals
    after: Totals
    seconds: float


def history(engine: Engine, name: str, now_ms: int) -> History:
    """Return what is known of the span `name` of `RANGES` before now."""
    chosen = RANGES[name]
    last = now_ms // 1000 // chosen.step_s
    first = last - chosen.span_s // chosen.step_s
    found = samples.read(engine, chosen.sample_s, first * chosen.step_s * 1000, now_ms)
    stretches = _stretches(found, chosen.step_s, first, last)
    known = [one.after for one in stretches if one is not None]
    sources = {key for one in known for key in one.sources}
    destinations = {key for one in known for key in one.destinations}
    return History(
        range=name,
        from_s=first * chosen.step_s,
        to_s=last * chosen.step_s,
        step_s=chosen.step_s,
        times=[bucket * chosen.step_s for bucket in range(first, last + 1)],
        sources=[_source(key, stretches) for key in sorted(sources)],
        destinations=[_destination(key, stretches) for key in sorted(destinations)],
        data_bytes=[float(one.after.data_bytes) if one else None for one in stretches],
    )


def _stretches(found: Sequence[Sample], step_s: int, first: int, last: int) -> list[_Stretch | None]:
    by_bucket = {sample.at_ms // 1000 // step_s: sample for sample in found}
    stretches: list[_Stretch | None] = [None] * (last - first + 1)
    before, before_bucket = None, 0
    for bucket, sample in sorted(by_bucket.items()):
        if before is not None and first <= bucket <= last and bucket - before_bucket <= _LONGEST_GAP:
            seconds = max(0.001, (sample.at_ms - before.at_ms) / 1000)
            stretches[bucket - first] = _Stretch(before.totals, sample.totals, seconds)
        before, before_bucket = sample, bucket
    return stretches


_Stretches = Sequence[_Stretch | None]


def _source(key: str, stretches: _Stretches) -> SourceSeries:
    def of(get: Callable[[SourceTotals], int]) -> Callable[[Totals], int]:
        return lambda totals: get(totals.sources.get(key, SourceTotals()))

    return SourceSeries(
        source=key,
        events=_rates(stretches, of(lambda one: one.events)),
        quarantined=_rates(stretches, of(lambda one: one.quarantined)),
        dropped=_rates(stretches, of(lambda one: one.dropped)),
    )


def _destination(key: str, stretches: _Stretches) -> DestinationSeries:
    def of(get: Callable[[DestinationTotals], int]) -> Callable[[Totals], int]:
        return lambda totals: get(totals.destinations.get(key, DestinationTotals()))

    standing = [one.after.destinations.get(key) if one else None for one in stretches]
    return DestinationSeries(
        destination=key,
        delivered=_rates(stretches, of(lambda one: one.delivered)),
        failed=_rates(stretches, of(lambda one: one.failed), falls=True),  # released ones are failed no more
        discarded=_rates(stretches, of(lambda one: one.discarded)),
        errors=[_errors(one, key) for one in stretches],
        pending=[float(one.pending) if one else None for one in standing],
        lag_s=[one.lag_s if one else None for one in standing],
    )


def _rates(stretches: _Stretches, total: Callable[[Totals], int], *, falls: bool = False) -> list[float | None]:
    """Return rates; a total that `falls` may do so, another one that does is of a log that was begun anew."""
    rates: list[float | None] = []
    for one in stretches:
        grown = None if one is None else total(one.after) - total(one.before)
        if one is None or grown is None or (grown < 0 and not falls):
            rates.append(None)
        else:
            rates.append(round(max(0, grown) / one.seconds, 4))
    return rates


def _errors(stretch: _Stretch | None, key: str) -> float | None:
    if stretch is None or key not in stretch.after.destinations:
        return None
    before, after = stretch.before.destinations.get(key, DestinationTotals()), stretch.after.destinations[key]
    requests, errors = since(before.requests, after.requests), since(before.errors, after.errors)
    return round(errors / requests, 4) if requests > 0 else None


def since(before: int, after: int) -> int:
    """Return by how much a count grew that begins at 0 again when the process does."""
    return after - before if after >= before else after
