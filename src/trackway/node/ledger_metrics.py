"""The ledger and the lag of all readers, as Prometheus' metric families.

What destinations did with their events is among the metrics of delivery; here is that everything adds up.
"""

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from trackway.node.lag import ConsumerLag
from trackway.node.ledger import Ledger


def ledger_families(ledger: Ledger, lags: Sequence[ConsumerLag]) -> Iterator[Metric]:
    """Yield what the ledger says of sources and warehouses, whether it balances, and how far each reader is behind."""
    yield CounterMetricFamily("trackway_ledger_accepted_calls", "Calls ever accepted.", ledger.accepted)
    yield GaugeMetricFamily("trackway_ledger_waiting_calls", "Calls the pipeline has not read yet.", ledger.waiting)
    yield _calls(ledger)
    faults = CounterMetricFamily(
        "trackway_pipeline_short_way_faults",
        "Calls that a fault of Trackway's sent the long way; alarm on any, and see the log.",
        labels=["source"],
    )
    for line in ledger.sources:
        faults.add_metric([line.source], line.faults)
    yield faults
    yield GaugeMetricFamily("trackway_ledger_balanced", "1 while all numbers agree.", ledger.balances)
    difference = GaugeMetricFamily(
        "trackway_ledger_difference", "What two places disagree about; alarm on any.", labels=["comparison"]
    )
    for name, value in ledger.differences.items():
        difference.add_metric([name], value)
    yield difference
    warehouses = GaugeMetricFamily(
        "trackway_ledger_warehouse_events", "Events that a warehouse has, and has not.", labels=["warehouse", "outcome"]
    )
    for line in ledger.warehouses:
        warehouses.add_metric([line.warehouse, "loaded"], line.loaded)
        warehouses.add_metric([line.warehouse, "pending"], line.pending)
    yield warehouses
    lag = GaugeMetricFamily(
        "trackway_log_lag_records", "Records of a topic that a reader has still to read.", labels=["consumer", "topic"]
    )
    for one in lags:
        lag.add_metric([one.consumer, one.topic], one.lag)
    yield lag


def _calls(ledger: Ledger) -> Metric:
    family = CounterMetricFamily(
        "trackway_ledger_calls", "What calls became in the pipeline.", labels=["source", "end", "reason"]
    )
    for line in ledger.sources:
        family.add_metric([line.source, "event", ""], line.events)
        for end, reasons in (
            ("quarantined", line.quarantined),
            ("dropped", line.dropped),
            ("released", line.released),
        ):
            for reason, number in reasons.items():
                family.add_metric([line.source, end, reason], number)
    return family
