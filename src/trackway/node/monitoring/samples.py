"""The totals of sources, destinations and the disk, kept over time in a bounded number of rows.

A row holds totals since the beginning, not what happened in a stretch of time: what is missed while the product is
down is not lost, and nothing is counted twice. The last totals of each stretch are kept, in four widths of stretches:

    10 s for 6 hours, 1 min for 2 days, 1 h for 62 days, 1 day for 3 years
"""

from itertools import islice
from typing import NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, delete, select

from trackway.state import upsert, writing
from trackway.state.tables import samples

KEPT = {10: 6 * 360, 60: 2 * 1440, 3600: 62 * 24, 86_400: 3 * 366}
"""How many stretches of each width in seconds are kept."""
MOST_NAMES = 200
"""Sources, and destinations, that are kept; a workspace has fewer."""


class SourceTotals(Struct, array_like=True):
    """What one source has sent since the log began."""

    events: int = 0
    quarantined: int = 0
    dropped: int = 0


class DestinationTotals(Struct, array_like=True):
    """What became of one destination's events since its first start, and how it stood at the moment."""

    delivered: int = 0
    discarded: int = 0
    failed: int = 0
    requests: int = 0
    """Since the process began: it may fall back to 0. So may `errors`."""
    errors: int = 0
    pending: int = 0
    retrying: int = 0
    lag_s: float = 0.0
    """Age of the oldest event that it has not passed."""


class Totals(Struct):
    """All totals of one moment."""

    sources: dict[str, SourceTotals] = {}
    destinations: dict[str, DestinationTotals] = {}
    data_bytes: int = 0
    """All files of the workspace's data."""
    free_bytes: int = 0


class Sample(NamedTuple):
    """Totals and when they were taken."""

    bucket: int
    at_ms: int
    totals: Totals


_decode = msgspec.json.Decoder(Totals).decode


def keep(engine: Engine, totals: Totals, at_ms: int) -> None:
    """Put `totals` of the moment `at_ms` into the rows of all widths, and drop the rows that are too old."""
    text = msgspec.json.encode(_bounded(totals)).decode()
    with writing(engine) as connection:
        for step_s, number in KEPT.items():
            bucket = at_ms // 1000 // step_s
            upsert(connection, samples, [{"step_s": step_s, "bucket": bucket, "at_ms": at_ms, "totals": text}])
            connection.execute(delete(samples).where(samples.c.step_s == step_s, samples.c.bucket <= bucket - number))


def read(engine: Engine, step_s: int, since_ms: int, until_ms: int) -> list[Sample]:
    """Return the samples of stretches that are `step_s` wide and lie between two moments, the oldest first.

    The last one before them comes along, so that the first stretch has something to be compared with.
    """
    first, last = since_ms // 1000 // step_s, until_ms // 1000 // step_s
    columns = samples.c.bucket, samples.c.at_ms, samples.c.totals
    wide = samples.c.step_s == step_s
    with engine.connect() as connection:
        inside = connection.execute(
            select(*columns).where(wide, samples.c.bucket.between(first, last)).order_by(samples.c.bucket)
        ).all()
        before = connection.execute(
            select(*columns).where(wide, samples.c.bucket < first).order_by(samples.c.bucket.desc()).limit(1)
        ).all()
    return [Sample(row.bucket, row.at_ms, _decode(row.totals)) for row in (*before, *inside)]


def _bounded(totals: Totals) -> Totals:
    return msgspec.structs.replace(
        totals,
        sources=dict(islice(totals.sources.items(), MOST_NAMES)),
        destinations=dict(islice(totals.destinations.items(), MOST_NAMES)),
    )
