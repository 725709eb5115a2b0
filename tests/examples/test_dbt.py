"""The dbt project of examples/ on a simulated shop's events: it builds, its own tests pass, its figures are right."""

import os
import shutil
import subprocess
from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec
import pytest

from tests.services import ROOT, miss
from trackway.cli.shop import Event, Plan, simulate
from trackway.events.clock_skew import format_ms
from trackway.events.records import EVENTS, EventRecord, Place
from trackway.warehouse.duckdb import DuckDBWarehouse

pytestmark = pytest.mark.xdist_group("dbt")  # one worker makes what they share

DBT = ROOT / ".stamps" / "dbt-env" / "bin" / "dbt"
START_MS = 1_767_225_600_000
SLOWER = 1440 * 2
"""The play's day, a minute long, becomes two days."""
INACTIVITY_MS = 30 * 60_000


class Call(NamedTuple):
    person: str
    at_ms: int
    kind: str
    name: str
    properties: dict[str, Any]


class Built(NamedTuple):
    """What dbt made, and the calls that it was made of."""

    path: Path
    calls: list[Call]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.path, read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dbt")
    records = [record for event in _play() if (record := _record(event)) is not None]
    said = _run_dbt(_make_project(folder, records), "build")
    assert "ERROR=0 SKIP=0" in said
    return Built(folder / "shop.duckdb", [_call(record) for record in records])


def _make_project(folder: Path, records: list[EventRecord]) -> Path:
    """Load `records` into a warehouse in `folder`, and return a copy of the project beside it."""
    if not DBT.exists():
        miss("dbt", "run `make setup`")
    with DuckDBWarehouse(folder / "warehouse.duckdb", ["web"]) as warehouse:
        warehouse.load(records, EVENTS, {0: len(records)})
    project = folder / "project"
    shutil.copytree(ROOT / "examples" / "dbt", project, ignore=shutil.ignore_patterns("target", "logs", "*.duckdb"))
    return project


def _run_dbt(project: Path, *command: str) -> str:
    environ = os.environ | {
        "TRACKWAY_WAREHOUSE": str(project.parent / "warehouse.duckdb"),
        "DBT_DATABASE": str(project.parent / "shop.duckdb"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_USE_COLORS": "false",
    }
    whole = [str(DBT), *command, "--profiles-dir", ".", "--no-version-check"]
    done = subprocess.run(whole, cwd=project, env=environ, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _play() -> list[Event]:
    return list(simulate(Plan(seed=5, start_ms=START_MS, write_key="wk", rate=60.0, duration_s=60.0)))


def _record(event: Event) -> EventRecord | None:
    body = event.json
    if event.reason or body["type"] == "alias":
        return None
    moment = START_MS + int(event.due_s * 1000 * SLOWER)
    return EventRecord(
        source="web",
        type=body["type"],
        message_id=body["messageId"],
        name=body.get("event") or body.get("name") or "",
        user_id=body.get("userId"),
        anonymous_id=body.get("anonymousId"),
        received_at_ms=moment,
        timestamp_ms=moment,
        raw=Place(0, 0),
        body=msgspec.json.encode(body | {"timestamp": format_ms(moment)}),
    )


def _call(record: EventRecord) -> Call:
    properties = msgspec.json.decode(record.body).get("properties") or {}
    person = record.user_id or record.anonymous_id or ""
    return Call(person, record.timestamp_ms, record.type, record.name, properties)


def test_revenue_is_what_the_orders_add_up_to(built: Built):
    expected: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for call in built.calls:
        if call.name in ("Order Completed", "Order Refunded"):
            first, amount = (0, "revenue") if call.name == "Order Completed" else (2, "total")
            sums = expected[format_ms(call.at_ms)[:10], call.properties["currency"]]
            sums[first] += 1
            sums[first + 1] += _money(call, amount)
    rows = built.rows("SELECT day::varchar, currency, orders, revenue, refunds, refunded, net FROM revenue_by_day")
    assert {(day, currency): values for day, currency, *values, _ in rows} == expected
    assert all(net == revenue - refunded for *_, revenue, _, refunded, net in rows)
    assert len(expected) >= 2 and sum(row[2] for row in rows) >= 20


def _money(call: Call, name: str) -> Decimal:
    return Decimal(str(call.properties[name]))


def test_sessions_end_with_half_an_hour_of_silence(built: Built):
    moments: dict[str, list[int]] = defaultdict(list)
    for call in built.calls:
        if call.kind in ("track", "page"):
            moments[call.person].append(call.at_ms)
    expected = {
        person: 1 + sum(later - earlier > INACTIVITY_MS for earlier, later in pairwise(sorted(times)))
        for person, times in moments.items()
    }
    found = dict(built.rows("SELECT person_id, count(*) FROM sessions GROUP BY ALL"))
    assert found == expected
    assert max(expected.values()) > 1


def test_the_funnel_counts_people_who_took_the_steps_in_order(built: Built):
    steps = ["Product Viewed", "Product Added", "Checkout Started", "Order Completed"]
    reached: dict[str, int] = {}
    expected: list[int] = []
    for number, step in enumerate(steps):
        first: dict[str, int] = {}
        for call in built.calls:
            since = reached.get(call.person) if number else call.at_ms
            if call.name == step and call.kind == "track" and since is not None and call.at_ms >= since:
                first[call.person] = min(call.at_ms, first.get(call.person, call.at_ms))
        reached = first
        expected.append(len(first))
    rows = built.rows("SELECT name, people FROM funnel ORDER BY step")
    assert rows == list(zip(steps, expected, strict=True))
    assert expected[-1] > 0


def test_tables_that_are_not_there_yet_leave_the_models_to_be_built(tmp_path: Path):
    records = [record for event in _play() if (record := _record(event)) is not None]
    records = [record for record in records if record.type == "track" and record.name != "Order Refunded"]
    assert "ERROR=0 SKIP=0" in _run_dbt(_make_project(tmp_path, records), "build")
    built = Built(tmp_path / "shop.duckdb", [])
    assert built.rows("SELECT sum(pages), sum(calls) FROM sessions") == [(0, len(records))]
    assert built.rows("SELECT sum(refunds) FROM revenue_by_day") == [(0,)]


def test_what_another_thread_has_cached_so_far_hides_no_table(tmp_path: Path):
    records = [record for event in _play() if (record := _record(event)) is not None]
    project = _make_project(tmp_path, records)
    (project / "macros" / "half_cached.sql").write_text(
        "{% macro half_cached() %}"
        "{% do adapter.cache_added(source('events', 'tracks')) %}"
        "{{ print('pages: ' ~ exists('pages')) }}"
        "{% endmacro %}"
    )
    assert "pages: True" in _run_dbt(project, "run-operation", "half_cached")
