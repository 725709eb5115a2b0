"""The ledger as Prometheus sees it."""

from prometheus_client.parser import text_string_to_metric_families

from tests.node.test_ledger import Books, balanced, books
from trackway.console.metrics import render
from trackway.events.records import EVENTS
from trackway.node.lag import ConsumerLag, lags
from trackway.node.ledger_metrics import ledger_families
from trackway.pipeline.tallies import SourceTally

__all__ = ["books"]


def samples(books: Books, more: list[ConsumerLag]) -> dict[tuple[str, ...], float]:
    """The samples, by name and the values of their labels in the order of the labels' names."""
    found = render([ledger_families(books.read(), [*lags(books.raw, books.clean), *more])]).decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(found)
        for sample in family.samples
    }


def test_what_balances_is_shown_by_source_end_and_reason(books: Books) -> None:
    balanced(books)
    found = samples(books, [ConsumerLag("destination:hook", EVENTS, 4)])
    assert found["trackway_ledger_balanced",] == 1
    assert found["trackway_ledger_accepted_calls_total",] == 10
    assert found["trackway_ledger_waiting_calls",] == 2
    assert found["trackway_ledger_calls_total", "event", "", "web"] == 4
    assert found["trackway_ledger_calls_total", "quarantined", "event_not_defined", "web"] == 1
    assert found["trackway_ledger_calls_total", "dropped", "duplicate", "web"] == 2
    assert found["trackway_pipeline_short_way_faults_total", "web"] == 3
    assert found["trackway_pipeline_short_way_faults_total", "app"] == 0
    assert found["trackway_ledger_warehouse_events", "pending", "duckdb"] == 6
    assert found["trackway_log_lag_records", "destination:hook", EVENTS] == 4
    assert not [key for key in found if key[0] == "trackway_ledger_difference"]


def test_a_difference_has_its_name_and_the_balance_is_gone(books: Books) -> None:
    books.accept(5)
    books.process(5, {"web": SourceTally(events=4)}, **{EVENTS: 4})
    found = samples(books, [])
    assert found["trackway_ledger_balanced",] == 0
    assert found["trackway_ledger_difference", "pipeline position"] == 1
