"""Totals over time, and how everything stands."""

import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web
from msgspec import structs
from sqlalchemy import func, select

from tests.delivery.harness import QUICK, clean_log, counts, delivering, sink, started, until, webhook, workspace
from trackway.delivery.service import DeliveryService
from trackway.events import canary
from trackway.events.records import CLEAN_TOPICS, EVENTS
from trackway.log.sqlite import SqliteLog
from trackway.node.monitoring import samples
from trackway.node.monitoring.monitor import Monitor
from trackway.node.monitoring.samples import KEPT, DestinationTotals, SourceTotals, Totals
from trackway.node.monitoring.series import RANGES, history, since
from trackway.pipeline.tallies import MARK, SourceTally, encode_tallies
from trackway.state.tables import samples as table

T0 = 1_795_700_000_000


def _totals(events: int, *, failed: int = 0, requests: int = 0, errors: int = 0, pending: int = 0) -> Totals:
    hook = DestinationTotals(
        delivered=events, failed=failed, requests=requests, errors=errors, pending=pending, lag_s=1.5
    )
    return Totals(sources={"web": SourceTotals(events=events)}, destinations={"hook": hook}, data_bytes=events * 10)


def test_rates_are_the_differences_of_totals(engine) -> None:
    for number in range(4):
        totals = _totals(number * 100, requests=number * 10, errors=number, pending=number)
        samples.keep(engine, totals, T0 + number * 10_000)
    found = history(engine, "15m", T0 + 30_000)
    (web,), (hook,) = found.sources, found.destinations
    assert web.events[-4:] == [None, 10.0, 10.0, 10.0]
    assert hook.errors[-3:] == [0.1, 0.1, 0.1]
    assert hook.pending[-3:] == [1.0, 2.0, 3.0]
    assert found.times[-1] == found.to_s
    assert {len(web.events), len(hook.lag_s), len(found.times)} == {91}


def test_a_silence_is_a_gap_and_loses_no_count(engine) -> None:
    samples.keep(engine, _totals(100), T0)
    samples.keep(engine, _totals(200), T0 + 300_000)
    samples.keep(engine, _totals(300), T0 + 310_000)
    events = history(engine, "15m", T0 + 310_000).sources[0].events
    assert [rate for rate in events if rate is not None] == [10.0]


def test_what_began_at_0_again_with_the_process_is_no_negative_number(engine) -> None:
    samples.keep(engine, _totals(100, requests=500, errors=50, failed=9), T0)
    samples.keep(engine, _totals(110, requests=20, errors=5, failed=2), T0 + 10_000)
    hook = history(engine, "15m", T0 + 10_000).destinations[0]
    assert (hook.errors[-1], hook.failed[-1]) == (0.25, 0.0)
    assert [since(500, 20), since(20, 30)] == [20, 10]


@pytest.mark.parametrize("name", RANGES)
def test_every_span_shows_what_happened_in_it(engine, name: str) -> None:
    chosen = RANGES[name]
    steps = [T0 - chosen.step_s * 1000 * back for back in (4, 3, 2, 1, 0)]
    for number, at_ms in enumerate(steps):
        samples.keep(engine, _totals(number * 1000), at_ms)
    found = history(engine, name, T0)
    shown = [rate for rate in found.sources[0].events if rate is not None]
    assert len(shown) == 4
    assert sum(rate * chosen.step_s for rate in shown) == pytest.approx(4000, rel=1e-3)
    assert len(found.times) == chosen.span_s // chosen.step_s + 1


def test_rows_are_bounded_and_old_ones_go_by_width(engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "KEPT", dict.fromkeys(KEPT, 5))
    for number in range(50):
        samples.keep(engine, _totals(number), T0 + number * 3_600_000)
    with engine.connect() as connection:
        widths = dict(connection.execute(select(table.c.step_s, func.count()).group_by(table.c.step_s)).all())
    assert max(widths.values()) <= 5
    assert widths[3600] == 5


async def test_the_monitor_tells_lag_errors_and_room(tmp_path: Path, engine) -> None:
    async def refuse(request: web.Request, body: bytes) -> web.Response:
        return web.Response(status=400)

    with clean_log(tmp_path / "log") as log:
        async with sink() as hook, sink() as picky:
            picky.answer = refuse
            hooks = {"hook": webhook(hook.url), "picky": webhook(picky.url), "off": webhook() | {"enabled": False}}
            space = structs.replace(workspace(hooks), folder=tmp_path)
            space.data.mkdir()
            (space.data / "file").write_bytes(b"x" * 1000)
            async with delivering(service := DeliveryService(space, log.log, engine, options=QUICK)):
                await until(lambda: started(engine, log, "hook", "picky"))
                monitor = Monitor(space, log.log, engine, service.status)
                samples.keep(engine, monitor.totals(), time.time_ns() // 1_000_000 - 20_000)
                await service.pause("hook")
                log.add_numbers(3)
                await until(lambda: counts(engine, log, "picky").failed == {"400": 3})
                health = monitor.health()
    held, refused = health.destinations
    assert (held.destination, held.pending, refused.destination) == ("hook", 3, "picky")
    assert 0 < held.lag_s < 600
    assert (refused.requests, refused.errors, refused.failed) == (3, 3, 3)
    assert health.disk.data_bytes == 1000
    assert health.disk.free_bytes > 0
    assert health.disk.days_left is None
    assert health.recent_s == pytest.approx(20, abs=15)


async def test_the_monitor_takes_samples_by_itself(tmp_path: Path, engine) -> None:
    with clean_log(tmp_path / "log") as log:
        space = structs.replace(workspace({}), folder=tmp_path)
        space.data.mkdir()
        monitor = Monitor(space, log.log, engine, list)
        monitor.start()
        await until(lambda: samples.read(engine, 10, 0, 1 << 52))
        await asyncio.to_thread(monitor.stop)
    assert monitor.history("30d").range == "30d"
    with pytest.raises(KeyError):
        monitor.history("2h")


def test_a_canary_is_nobodys_traffic(tmp_path: Path, engine) -> None:
    log = SqliteLog(tmp_path / "log", CLEAN_TOPICS)
    with log.writer(0) as writer:
        tallies = {"web": SourceTally(events=4), canary.SOURCE: SourceTally(events=1)}
        writer.append({EVENTS: [b"x"] * 5}, {MARK: encode_tallies(tallies)})
    space = structs.replace(workspace({}), folder=tmp_path)
    space.data.mkdir()
    assert list(Monitor(space, log, engine, list).totals().sources) == ["web"]
    log.close()
