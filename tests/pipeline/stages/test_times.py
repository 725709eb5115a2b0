"""The four times: bounded, and remarked on."""

from typing import Any

import pytest

from tests.pipeline.drafts import RECEIVED_MS, draft
from trackway.events.clock_skew import format_ms
from trackway.pipeline.stages.times import Times
from trackway.workspace.model import Pipeline
from trackway.workspace.units import Duration

RECEIVED = "2026-11-20T10:00:01.000Z"


def timed(event: dict[str, Any], settings: Pipeline | None = None):
    one = draft({"event": "E", **event})
    Times(settings).run([one])
    assert one.event["receivedAt"] == RECEIVED and one.event["timestamp"] == format_ms(one.timestamp_ms)
    return one


@pytest.mark.parametrize(("event", "timestamp", "findings"), [
    ({}, RECEIVED, []),
    ({"timestamp": "2026-11-20T09:59:00.000Z", "sentAt": "2026-11-20T10:00:00.500Z"}, "2026-11-20T09:59:00.500Z", []),
    ({"timestamp": "1989-12-31T23:59:59Z"}, RECEIVED, [
        ("timestamp_before_earliest", "/timestamp", "1989-12-31T23:59:59.000Z")]),
    ({"timestamp": "1990-01-01T00:00:00Z"}, "1990-01-01T00:00:00.000Z", [("late", "/timestamp", "1164016801 s")]),
    ({"timestamp": "2026-11-21T10:00:01Z"}, "2026-11-21T10:00:01.000Z", []),
    ({"timestamp": "2026-11-21T10:00:01.001Z"}, RECEIVED, [
        ("timestamp_in_future", "/timestamp", "2026-11-21T10:00:01.001Z")]),
    ({"timestamp": "2026-11-19T10:00:01Z"}, "2026-11-19T10:00:01.000Z", []),
    ({"timestamp": "2026-11-19T10:00:00Z"}, "2026-11-19T10:00:00.000Z", [("late", "/timestamp", "86401 s")]),
    ({"timestamp": "2026-11-20T07:00:00Z", "sentAt": "2026-11-20T07:00:01Z"}, "2026-11-20T10:00:00.000Z", [
        ("clock_skewed", "/sentAt", "-10800 s")]),
    ({"timestamp": "2030-01-01T00:00:00Z", "sentAt": "2030-01-01T00:00:01Z"}, "2026-11-20T10:00:00.000Z", [
        ("clock_skewed", "/sentAt", "+98287200 s")]),
    ({"sentAt": "2026-11-20T10:30:00Z"}, RECEIVED, []),
])  # fmt: skip
def test_implausible_times_are_bounded_and_late_ones_marked(event: dict[str, Any], timestamp: str, findings: list[Any]):
    one = timed(event)
    assert one.event["timestamp"] == timestamp
    assert [(found.code, found.pointer, found.detail) for found in one.findings] == findings
    assert one.event["originalTimestamp"] == event.get("timestamp", event.get("sentAt", RECEIVED))


def test_the_bounds_are_settings():
    settings = Pipeline(
        earliest_year=2026, future_limit=Duration(60), skew_limit=Duration(86_400), late_after=Duration(10)
    )
    assert timed({"timestamp": "2025-12-31T00:00:00Z"}, settings).timestamp_ms == RECEIVED_MS
    assert timed({"timestamp": "2026-11-20T10:02:00Z"}, settings).timestamp_ms == RECEIVED_MS
    assert [one.code for one in timed({"timestamp": "2026-11-20T09:59:50Z"}, settings).findings] == ["late"]
    skewed = timed({"timestamp": "2026-11-20T07:00:00Z", "sentAt": "2026-11-20T07:00:01Z"}, settings)
    assert skewed.findings == []
