"""What a rule says of how everything stands. Pure, but for the query of a rule that has one.

A rule speaks of several subjects, such as each destination. It says of each that it is so, that it is not, or nothing
(None), where that cannot be told yet: then what was said last holds on.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from trackway.delivery.refusals import in_words
from trackway.node.alerting.facts import Facts
from trackway.node.monitoring.samples import DestinationTotals, SourceTotals
from trackway.node.monitoring.series import since
from trackway.workspace.alerting import AlertRule
from trackway.workspace.units import Duration


class Said(NamedTuple):
    """What a rule says of a subject."""

    subject: str
    """A source's, destination's or warehouse's key; `""` for a rule about the whole."""
    holds: bool | None
    title: str = ""
    text: str = ""
    path: str = "/"
    """The console's page that shows more."""


def judge(rule: AlertRule, facts: Facts) -> list[Said]:
    """Return what `rule` says now. A rule with a query may raise what the warehouse raises."""
    return list(_KINDS[rule.when](rule, facts))


def holds_for_s(rule: AlertRule) -> float:
    """Return how long a rule has to hold before it is worth a message; rules that count over a time need not."""
    return rule.over_s if rule.when in ("destination_down", "warehouse_failing") else 0.0


def _no_events(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    for key, seen in _sources(rule, facts):
        name, within = facts.workspace.display_name(key), Duration(rule.over_s).written()
        yield Said(
            key,
            None if seen is None else seen.events == 0,
            f"{name}: no events for {within}",
            f"The source {key} has sent nothing that became an event for {within}.",
            f"/sources/{key}",
        )


def _events(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    for key, seen in _sources(rule, facts):
        count, within = seen.events if seen else 0, Duration(rule.over_s).written()
        yield Said(
            key,
            None if seen is None else _outside(rule, count),
            f"{facts.workspace.display_name(key)}: {count:,} events in {within}",
            f"The source {key} sent {count:,} events in {within}; {_bound(rule)}.",
            f"/sources/{key}",
        )


def _quarantined(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    for key, seen in _sources(rule, facts):
        calls = seen.events + seen.quarantined if seen else 0
        share = seen.quarantined / calls if seen and calls else 0.0
        yield Said(
            key,
            None if seen is None else _outside(rule, share),
            f"{facts.workspace.display_name(key)}: {share:.1%} of calls quarantined",
            f"Of {calls:,} calls of the source {key} in {Duration(rule.over_s).written()}, {share:.1%} were refused "
            "and wait in quarantine. `trackway quarantine group` says why.",
            f"/quarantine?source={key}",
        )


def _destination_down(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    now = facts.now.totals.destinations if facts.now else {}
    for status in facts.destinations:
        if rule.destination not in (None, status.destination):
            continue
        worker, pending = status.worker, now.get(status.destination, DestinationTotals()).pending
        down: bool | None = False
        why = ""
        if status.state == "crashed":
            down, why = True, f"its worker broke and starts again by itself: {status.error}"
        elif worker is not None and worker.breaker != "closed":
            detail = f": {worker.detail}" if worker.detail else ""
            why = f"its last requests ended with {worker.reason}{detail}" if worker.reason else "it does not answer"
            down = True
            if worker.refused:
                why = f"it {in_words(worker.reason, worker.detail)}; correct its settings in trackway.yaml"
        elif status.state == "stopped" or (status.state == "running" and pending and status.requests == status.errors):
            down = None  # not begun, or just begun: nobody knows yet
        yield Said(
            status.destination,
            down,
            f"{status.destination}: destination is down",
            f"The destination {status.destination} ({status.type}) is down: {why}. {pending:,} events wait in "
            "the log, none is lost.",
            f"/destinations/{status.destination}",
        )


def _behind(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    for key in _wanted(rule.destination, [one.destination for one in facts.destinations]):
        found = facts.now.totals.destinations.get(key) if facts.now else None
        lag_s, pending = (found.lag_s, found.pending) if found else (0.0, 0)
        yield Said(
            key,
            None if found is None else lag_s > rule.over_s,
            f"{key}: {_span(lag_s)} behind",
            f"The oldest event that the destination {key} has not got is {_span(lag_s)} old; {pending:,} wait.",
            f"/destinations/{key}",
        )


def _success_rate(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    for key, seen in _deliveries(rule, facts):
        rate = 1 - seen.errors / seen.requests if seen and seen.requests else 1.0
        yield Said(
            key,
            None if seen is None else seen.requests > 0 and _outside(rule, rate),
            f"{key}: {rate:.1%} of requests succeed",
            f"Of the {seen.requests if seen else 0:,} requests to the destination {key} in "
            f"{Duration(rule.over_s).written()}, {rate:.1%} were answered with success.",
            f"/destinations/{key}",
        )


def _failed(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    for key, seen in _deliveries(rule, facts):
        failed = seen.failed if seen else 0
        yield Said(
            key,
            None if seen is None else _outside(rule, failed),
            f"{key}: {failed:,} events failed",
            f"The destination {key} refused {failed:,} events for good in {Duration(rule.over_s).written()}. "
            "They are kept: `trackway failed group` says why, `trackway failed release` tries them again.",
            f"/destinations/{key}",
        )


def _warehouse_failing(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    for key in _wanted(rule.warehouse, list(facts.warehouses)):
        status = facts.warehouses[key]
        begins = status.error is None and not status.loads and status.lag > 0
        yield Said(
            key,
            None if begins else status.error is not None,
            f"{key}: warehouse loads fail",
            f"The warehouse {key} takes no rows: {status.error or ''}. {status.lag:,} events wait in the log.",
            "/warehouse",
        )


def _ledger(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    told = ", ".join(f"{name} by {by:+,}" for name, by in facts.differences.items())
    text = f"Two places disagree about what became of events: {told}. That is a defect; `trackway ledger` says more."
    yield Said("", bool(facts.differences), "The ledger does not balance", text)


def _disk(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    disk = facts.disk
    full = disk.free_bytes < disk.floor_bytes
    title = "The disk is full" if full else f"The disk is full in {disk.days_left or 0:.1f} days"
    text = (
        "No events are taken, clients are told to come back, until there is more room than `log.floor` asks for."
        if full
        else f"{disk.free_bytes / 2**30:.1f} GiB are free. Make room, or keep less: `log.keep`, `log.keep_size`."
    )
    yield Said("", full or (disk.days_left is not None and _outside(rule, disk.days_left)), title, text)


def _canary(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    report = facts.canary
    stuck = report is not None and report.state in ("late", "failed")
    where = (report.error or f"it has not passed {', '.join(report.stuck)}") if report else ""
    unknown = report is None or report.state == "under_way" or not facts.workspace.canary.enabled
    text = f"An event of Trackway's own did not get through: {where}. `trackway ledger` and the server's log say more."
    yield Said("", None if unknown else stuck, "Events are stuck on their way", text)


def _sql(rule: AlertRule, facts: Facts) -> Iterator[Said]:
    value = facts.ask(rule.query or "", rule.warehouse)
    number = float(value) if value is not None else 0.0
    yield Said(
        "", _outside(rule, number), f"a query answers {number:g}", f"{rule.query}: {number:g}; {_bound(rule)}.", "/sql"
    )


_KINDS: dict[str, Callable[[AlertRule, Facts], Iterator[Said]]] = {
    "no_events": _no_events,
    "events": _events,
    "quarantined": _quarantined,
    "destination_down": _destination_down,
    "behind": _behind,
    "success_rate": _success_rate,
    "failed": _failed,
    "warehouse_failing": _warehouse_failing,
    "ledger": _ledger,
    "disk": _disk,
    "canary": _canary,
    "sql": _sql,
}


def _sources(rule: AlertRule, facts: Facts) -> Iterator[tuple[str, SourceTotals | None]]:
    """Yield what came of each source's calls in the time of the rule; None where nothing is known."""
    past = facts.before(rule.over_s)
    for key in _wanted(rule.source, [name for name, one in facts.workspace.sources.items() if one.enabled]):
        if facts.now is None or past is None:
            yield key, None
            continue
        now, then = (one.totals.sources.get(key, SourceTotals()) for one in (facts.now, past))
        yield (
            key,
            SourceTotals(
                events=max(0, now.events - then.events), quarantined=max(0, now.quarantined - then.quarantined)
            ),
        )


def _deliveries(rule: AlertRule, facts: Facts) -> Iterator[tuple[str, DestinationTotals | None]]:
    """Yield what happened at each destination in the time of the rule; None where nothing is known."""
    past = facts.before(rule.over_s)
    for key in _wanted(rule.destination, [one.destination for one in facts.destinations]):
        if facts.now is None or past is None:
            yield key, None
            continue
        now, then = (one.totals.destinations.get(key, DestinationTotals()) for one in (facts.now, past))
        yield (
            key,
            DestinationTotals(
                failed=max(0, now.failed - then.failed),
                requests=since(then.requests, now.requests),
                errors=since(then.errors, now.errors),
            ),
        )


def _wanted(named: str | None, known: list[str]) -> list[str]:
    return known if named is None else [one for one in known if one == named]


def _outside(rule: AlertRule, number: float) -> bool:
    above, below = rule.bounds
    return (above is not None and number > above) or (below is not None and number < below)


def _bound(rule: AlertRule) -> str:
    above, below = rule.bounds
    told = [f"at most {above:g}" if above is not None else "", f"at least {below:g}" if below is not None else ""]
    return f"{' and '.join(one for one in told if one)} is expected"


def _span(seconds: float) -> str:
    return Duration(round(seconds)).written()
