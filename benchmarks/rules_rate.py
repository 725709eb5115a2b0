"""Filters, tracking plan and privacy: events a second of processor time, beside decoding the same events alone.

`python -m benchmarks.rules_rate [--json] [--events N]`. One thread. The plan has 200 events of 10 properties each, and
the events are as planned; those of `plan_violated` are not. `privacy_mask_and_hash` includes decoding.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from benchmarks._harness import Measurement, report
from trackway.events import fql
from trackway.events.records import Place, RawRecord
from trackway.pipeline.draft import Draft
from trackway.pipeline.stages.privacy import Privacy
from trackway.workspace.governance import PrivacyRule
from trackway.workspace.plans import Plan, PlanCheck, Row, Rule
from trackway.workspace.query import FieldPath

_EVENTS = 200
_DIFFERENT = 1_000
"""Few enough to stay in the processor's caches, as a batch of the pipeline nearly does."""
_QUERIES = {
    "filter_simple": "type = 'track'",
    "filter_and": "type = 'track' and event = 'Event 7'",
    "filter_mixed": "type = 'track' and event != 'Order Completed' and properties.total > 10 and contains(userId, '7')",
}
_RULES = [PrivacyRule(path=FieldPath("context.ip"), do="mask"), PrivacyRule(path=FieldPath("userId"), do="hash")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    options = parser.parse_args()
    report(measure(options.events), json=options.json)


def measure(count: int) -> list[Measurement]:
    """Return the rate of each, and of decoding as the reference."""
    bodies = [msgspec.json.encode(_event(number)) for number in range(_DIFFERENT)]
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    events = [decode(body) for body in bodies]
    bad = [event | {"properties": event["properties"] | {"p1": 5, "odd": 1}} for event in events]
    reference = _rate(decode, bodies, count)
    check, privacy = PlanCheck(_plan()), Privacy(_RULES, "salt")
    filters = {name: fql.compile(query).matches for name, query in _QUERIES.items()}
    rates = {name: _rate(matches, events, count) for name, matches in filters.items()}
    rates["plan_valid"] = _rate(check.judge, events, count)
    rates["plan_violated"] = _rate(check.judge, bad, count // 10)
    rates["privacy_mask_and_hash"] = _rate(lambda body: privacy.run([_draft(decode(body))]), bodies, count // 10)
    return [
        Measurement(name=name, figure=figure, unit="events/s", reference=reference) for name, figure in rates.items()
    ]


def _rate(judge: Callable[[Any], object], things: Sequence[Any], count: int) -> float:
    """Return how many things a second of processor time `judge` takes."""
    rounds = max(1, count // len(things))
    start = time.process_time()
    for _ in range(rounds):
        for thing in things:
            judge(thing)
    return rounds * len(things) / (time.process_time() - start)


def _draft(event: dict[str, Any]) -> Draft:
    return Draft(RawRecord("web", "track", "m", 0, b""), Place(0, 0), event, 0, [])


def _plan() -> Plan:
    rows = (
        *(Row(path=("properties", f"p{number}"), types=("string",), required=number < 3) for number in range(7)),
        Row(path=("properties", "total"), types=("number", "null")),
        Row(path=("properties", "currency"), types=("string",), enum=("USD", "EUR", "GBP")),
        Row(path=("properties", "coupon"), types=("string",), pattern="^[A-Z0-9]+$"),
    )
    rules = [Rule(type="track", event=f"Event {n}", rows=rows, tables=("properties",)) for n in range(_EVENTS)]
    return Plan(name="benchmark", rules=tuple(rules))


def _event(number: int) -> dict[str, Any]:
    return {
        "type": "track",
        "event": f"Event {number % _EVENTS}",
        "messageId": f"m-{number}",
        "userId": f"user-{number % 9973}",
        "properties": {f"p{n}": f"value {n} of {number}" for n in range(7)}
        | {"total": number / 4, "currency": "EUR", "coupon": "SPRING26"},
        "context": {"ip": "203.0.113.7", "userAgent": "Mozilla/5.0 (X11; Linux x86_64)", "locale": "en-GB"},
        "timestamp": "2026-11-20T10:00:00.000Z",
    }


if __name__ == "__main__":
    main()
