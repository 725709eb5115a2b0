"""What the collectors count, for `/metrics`.

Each process counts in plain integers, which costs the hot path next to nothing, and writes them into a small file once
a second. Whichever process is asked adds up the files of all: behind one port there may be several collectors.
"""

import bisect
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct, field, json
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

COMMIT_RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
COMMIT_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STALE_S = 30.0
WRITE_EVERY_S = 1.0


class Histogram(Struct):
    """Counts by upper bound; the last place is for what is above all bounds."""

    counts: list[int]
    total: float = 0.0

    @classmethod
    def over(cls, bounds: Sequence[float]) -> "Histogram":
        """Return an empty histogram with these upper bounds."""
        return cls([0] * (len(bounds) + 1))

    def observe(self, value: float, bounds: Sequence[float]) -> None:
        """Count a value."""
        self.counts[bisect.bisect_left(bounds, value)] += 1
        self.total += value


class Counts(Struct):
    """What one collector process has counted since it started."""

    process: str
    started_s: float
    requests: dict[str, int] = field(default_factory=dict[str, int])
    """By status."""
    events: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    """By source and verdict: `accepted` or a reason."""
    client_counters: dict[str, float] = field(default_factory=dict[str, float])
    """What clients tell of themselves, by the name of their metric."""
    body_bytes: int = 0
    in_flight_bytes: int = 0
    commit_records: Histogram = field(default_factory=lambda: Histogram.over(COMMIT_RECORDS))
    commit_seconds: Histogram = field(default_factory=lambda: Histogram.over(COMMIT_SECONDS))
    commit_failures: int = 0
    log_faults: int = 0
    log_head: int = 0
    disk_free_bytes: int = 0

    def count_request(self, status: int) -> None:
        """Count an answer."""
        key = str(status)
        self.requests[key] = self.requests.get(key, 0) + 1

    def count_events(self, source: str, verdict: str, number: int) -> None:
        """Count calls of a source."""
        verdicts = self.events.setdefault(source, {})
        verdicts[verdict] = verdicts.get(verdict, 0) + number

    def count_commit(self, records: int, seconds: float) -> None:
        """Count a commit of the log."""
        self.commit_records.observe(records, COMMIT_RECORDS)
        self.commit_seconds.observe(seconds, COMMIT_SECONDS)


_encode = json.Encoder().encode
_decode = json.Decoder(Counts).decode


class MetricsBoard:
    """The folder in which all collectors of a workspace write their counts."""

    def __init__(self, folder: Path, own: Counts) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._own = own

    def write(self) -> None:
        """Write our own counts."""
        path = self._folder / f"{self._own.process}.json"
        draft = path.with_suffix(".new")
        draft.write_bytes(_encode(self._own))
        draft.replace(path)

    def render(self) -> bytes:
        """Return the counts of all collectors in Prometheus' text format."""
        self.write()
        registry = CollectorRegistry()
        registry.register(_Families(list(self._read())))
        return generate_latest(registry)

    def _read(self) -> Iterator[Counts]:
        now = time.time()
        for path in sorted(self._folder.glob("*.json")):
            try:
                if now - path.stat().st_mtime < _STALE_S:
                    yield _decode(path.read_bytes())
                else:
                    os.unlink(path)  # its process is gone
            except (FileNotFoundError, ValueError):
                continue


class _Families(Collector):
    """The sum of several processes' counts as metric families."""

    def __init__(self, counts: list[Counts]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        yield self._requests()
        yield self._events()
        yield self._client_counters()
        yield self._histogram("trackway_collector_commit_records", "Records in one commit of the log.", COMMIT_RECORDS)
        yield self._histogram("trackway_collector_commit_seconds", "Time a commit took.", COMMIT_SECONDS)
        counts = self._counts
        for name, help_, value in (
            ("body_bytes", "Bytes of request bodies, as they came.", sum(one.body_bytes for one in counts)),
            (
                "commit_failures",
                "Commits that failed; their requests were answered 429.",
                sum(one.commit_failures for one in counts),
            ),
            (
                "log_faults",
                "Files of the log that were given up after an I/O error.",
                sum(one.log_faults for one in counts),
            ),
        ):
            yield CounterMetricFamily(f"trackway_collector_{name}", help_, value)
        for name, help_, value in (
            ("in_flight_bytes", "Bytes of bodies being worked on.", sum(one.in_flight_bytes for one in counts)),
            ("log_head", "Records ever appended to the raw log.", sum(one.log_head for one in counts)),
            (
                "disk_free_bytes",
                "Free space where the log lies.",
                min((one.disk_free_bytes for one in counts), default=0),
            ),
            ("processes", "Collectors that are running.", len(counts)),
        ):
            yield GaugeMetricFamily(f"trackway_collector_{name}", help_, value)

    def _requests(self) -> Metric:
        family = CounterMetricFamily("trackway_collector_requests", "Requests by status.", labels=["status"])
        totals: dict[str, int] = {}
        for one in self._counts:
            for status, number in one.requests.items():
                totals[status] = totals.get(status, 0) + number
        for status, number in sorted(totals.items()):
            family.add_metric([status], number)
        return family

    def _events(self) -> Metric:
        family = CounterMetricFamily(
            "trackway_collector_events", "Calls by source and verdict.", labels=["source", "verdict"]
        )
        totals: dict[tuple[str, str], int] = {}
        for one in self._counts:
            for source, verdicts in one.events.items():
                for verdict, number in verdicts.items():
                    totals[source, verdict] = totals.get((source, verdict), 0) + number
        for labels, number in sorted(totals.items()):
            family.add_metric(list(labels), number)
        return family

    def _client_counters(self) -> Metric:
        family = CounterMetricFamily(
            "trackway_collector_client_counters", "What clients tell of themselves (/v1/m).", labels=["metric"]
        )
        totals: dict[str, float] = {}
        for one in self._counts:
            for name, value in one.client_counters.items():
                totals[name] = totals.get(name, 0) + value
        for name, value in sorted(totals.items()):
            family.add_metric([name], value)
        return family

    def _histogram(self, name: str, help_: str, bounds: Sequence[float]) -> Metric:
        member = name.removeprefix("trackway_collector_")
        summed = [0] * (len(bounds) + 1)
        total = 0.0
        for one in self._counts:
            histogram: Histogram = getattr(one, member)
            summed = [before + more for before, more in zip(summed, histogram.counts, strict=True)]
            total += histogram.total
        buckets: list[tuple[str, float]] = []
        running = 0
        for bound, number in zip([*map(str, bounds), "+Inf"], summed, strict=True):
            running += number
            buckets.append((bound, running))
        return HistogramMetricFamily(name, help_, buckets=buckets, sum_value=total)
