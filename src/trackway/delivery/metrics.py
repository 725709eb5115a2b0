"""What is measured at each destination, as Prometheus' metric families."""

import bisect
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct, field
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from trackway.delivery.ledger import DestinationCounts

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
DELETION_STATES = ("waiting", "done", "unsupported", "failed")
BREAKER_STATES = ("closed", "open", "half_open")


class Meter(Struct):
    """Counts the requests to one destination since this process began with it."""

    requests: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """By outcome and reason."""
    buckets: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    """By time taken, up to each of `SECONDS`; the last place is for what took longer."""
    seconds: float = 0.0

    def count(self, outcome: str, reason: str, seconds: float) -> None:
        """Count a request."""
        key = (outcome, reason)
        self.requests[key] = self.requests.get(key, 0) + 1
        self.buckets[bisect.bisect_left(SECONDS, seconds)] += 1
        self.seconds += seconds

    def within_s(self, share: float) -> float | None:
        """Return the time within which this share of the requests was answered, None while there was none.

        Between the bounds of a bucket it is as good as a straight line; what took longer than the last counts as that.
        """
        wanted = share * sum(self.buckets)
        lower = 0.0
        for bound, number in zip(SECONDS, self.buckets, strict=False):
            if number and wanted <= number:
                return lower + (bound - lower) * wanted / number
            wanted -= number
            lower = bound
        return lower if sum(self.buckets) else None


class Gauges(Struct, kw_only=True):
    """How a destination stands at the moment."""

    meter: Meter
    breaker: str
    """One of `BREAKER_STATES`."""
    refused: bool
    """Its events wait for other credentials."""
    crashes: int


def families(
    destinations: Mapping[str, Gauges],
    counts: Sequence[DestinationCounts],
    deletions: Mapping[tuple[str, str], int] = MappingProxyType({}),
) -> list[Metric]:
    """Return the metrics of all `destinations`, with what the ledger has of them.

    `deletions` are the people to be deleted, by destination and state.
    """
    mine = [one for one in counts if one.destination in destinations]
    return [*_Families(destinations, mine).collect(), _deletions(destinations, deletions)]


def _deletions(destinations: Mapping[str, Gauges], deletions: Mapping[tuple[str, str], int]) -> Metric:
    # No counter: what has failed may be asked again.
    family = GaugeMetricFamily(
        "trackway_delivery_deletions",
        "Deletions of people that were asked for, by how far they are.",
        labels=("destination", "status"),
    )
    for key in destinations:
        for state in DELETION_STATES:
            family.add_metric((key, state), deletions.get((key, state), 0))
    return family


class _Families:
    """Metric families by destination."""

    def __init__(self, destinations: Mapping[str, Gauges], counts: Sequence[DestinationCounts]) -> None:
        self._destinations = destinations
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        yield self._requests()
        yield self._seconds()
        yield from self._gauges()
        yield from self._ledger()

    def _requests(self) -> Metric:
        family = CounterMetricFamily(
            "trackway_delivery_requests",
            "Requests that were sent, by what became of them.",
            labels=("destination", "outcome", "reason"),
        )
        for key, one in self._destinations.items():
            for (outcome, reason), number in one.meter.requests.items():
                family.add_metric((key, outcome, reason), number)
        return family

    def _seconds(self) -> Metric:
        family = HistogramMetricFamily(
            "trackway_delivery_request_seconds", "Time until the answer was there, or none.", labels=("destination",)
        )
        for key, one in self._destinations.items():
            total, buckets = 0, list[tuple[str, float]]()
            for bound, number in zip((*map(str, SECONDS), "+Inf"), one.meter.buckets, strict=True):
                total += number
                buckets.append((bound, total))
            family.add_metric((key,), buckets, one.meter.seconds)
        return family

    def _gauges(self) -> Iterator[Metric]:
        breaker = GaugeMetricFamily(
            "trackway_delivery_breaker", "1 for the state that the breaker is in.", labels=("destination", "state")
        )
        refused = GaugeMetricFamily(
            "trackway_delivery_credentials_refused",
            "1 while events wait because the destination refuses the credentials.",
            labels=("destination",),
        )
        crashes = CounterMetricFamily(
            "trackway_delivery_crashes", "Restarts of a destination's worker that broke.", labels=("destination",)
        )
        for key, one in self._destinations.items():
            for state in BREAKER_STATES:
                breaker.add_metric((key, state), state == one.breaker)
            refused.add_metric((key,), one.refused)
            crashes.add_metric((key,), one.crashes)
        yield from (breaker, refused, crashes)

    def _ledger(self) -> Iterator[Metric]:
        # No counter: a released event is failed no more.
        events = GaugeMetricFamily(
            "trackway_delivery_events",
            "Events that have ended, as the ledger has them.",
            labels=("destination", "outcome", "reason"),
        )
        pending = GaugeMetricFamily(
            "trackway_delivery_pending_events", "Events without an end yet.", labels=("destination",)
        )
        retrying = GaugeMetricFamily(
            "trackway_delivery_retrying_events", "Pending events that others have overtaken.", labels=("destination",)
        )
        for one in self._counts:
            events.add_metric((one.destination, "delivered", ""), one.delivered)
            for outcome, reasons in (("discarded", one.discarded), ("failed", one.failed)):
                for reason, number in reasons.items():
                    events.add_metric((one.destination, outcome, reason), number)
            pending.add_metric((one.destination,), one.pending)
            retrying.add_metric((one.destination,), one.retrying)
        yield from (events, pending, retrying)
