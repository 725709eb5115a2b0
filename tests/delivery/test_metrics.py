"""What delivery says of itself in Prometheus' text format."""

import bisect
import math

from hypothesis import assume, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from tests.delivery.harness import (
    OK,
    QUICK,
    CleanLog,
    FakeTransport,
    counts,
    delivering,
    ids_of,
    started,
    until,
    webhook,
    workspace,
)
from trackway.console.metrics import render
from trackway.delivery.deletion import orders
from trackway.delivery.metrics import SECONDS, Meter
from trackway.delivery.service import DeliveryService
from trackway.destinations.kit import Person, Request, Response


def samples(text: bytes) -> dict[tuple[str, ...], float]:
    """Return the samples by name and sorted label values."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


async def test_requests_ledger_and_breaker_of_each_destination_are_shown(log: CleanLog, engine: Engine) -> None:
    def judge(request: Request) -> Response:
        if "other" in request.url:
            return Response(status=401)
        return Response(status=400) if "m-1" in ids_of(request) else OK

    hooks = {"hook": webhook(), "other": webhook("http://other.example/")}
    service = DeliveryService(
        workspace(hooks), log.log, engine, transport=lambda _: FakeTransport(judge), options=QUICK
    )
    async with delivering(service):
        await until(lambda: started(engine, log, "hook", "other"))
        log.add_numbers(5)
        await until(lambda: counts(engine, log).pending == 0)
        await until(lambda: service.status()[1].worker.refused)  # type: ignore[union-attr]
        orders.ask(engine, [Person(user_id="u-1"), Person(user_id="u-2")], {"hook": "webhook"})
        found = samples(render([await service.metrics()]))
    assert found["trackway_delivery_deletions", "hook", "waiting"] == 2
    assert found["trackway_delivery_deletions", "other", "waiting"] == 0
    assert found["trackway_delivery_requests_total", "hook", "delivered", ""] == 4
    assert found["trackway_delivery_requests_total", "hook", "rejected", "400"] == 1
    assert found["trackway_delivery_requests_total", "other", "retry", "401"] >= 1
    assert found["trackway_delivery_request_seconds_count", "hook"] == 5
    assert found["trackway_delivery_events", "hook", "delivered", ""] == 4
    assert found["trackway_delivery_events", "hook", "failed", "400"] == 1
    assert [found["trackway_delivery_pending_events", key] for key in hooks] == [0, 5]
    assert [found["trackway_delivery_credentials_refused", key] for key in hooks] == [0, 1]
    assert found["trackway_delivery_breaker", "hook", "closed"] == 1
    assert sum(found["trackway_delivery_breaker", "other", state] for state in ("closed", "open", "half_open")) == 1
    assert found["trackway_delivery_crashes_total", "hook"] == 0


def test_times_fall_into_the_bucket_of_the_next_bound() -> None:
    meter = Meter()
    for seconds in (0.0, 0.005, 0.006, 29.0, 31.0):
        meter.count("delivered", "", seconds)
    assert meter.buckets == [2, 1, *[0] * (len(SECONDS) - 3), 1, 1]
    assert meter.requests == {("delivered", ""): 5}


@given(
    seconds=st.lists(st.floats(0, 60), min_size=1, max_size=40),
    share=st.floats(0.01, 1),
)
def test_the_share_answered_within_a_time_lies_in_the_bucket_of_the_request_that_completes_it(
    seconds: list[float], share: float
) -> None:
    meter = Meter()
    for each in seconds:
        meter.count("delivered", "", each)
    # Beside a whole number of requests rounding decides which of two neighbours completes the share.
    assume(abs(share * len(seconds) - round(share * len(seconds))) > 1e-6)
    completing = sorted(seconds)[math.ceil(share * len(seconds)) - 1]
    place = bisect.bisect_left(SECONDS, completing)
    lower, upper = ((0.0, *SECONDS, SECONDS[-1])[place], (*SECONDS, SECONDS[-1])[place])
    found = meter.within_s(share)
    assert found is not None
    assert lower - 1e-9 <= found <= upper + 1e-9


def test_nothing_is_said_of_the_time_before_the_first_request() -> None:
    assert Meter().within_s(0.95) is None
