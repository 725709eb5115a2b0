"""Destinations that somebody pauses."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.delivery.harness import QUICK, CleanLog, counts, delivering, sink, started, until, webhook, workspace
from trackway.delivery.service import DeliveryService, UnknownDestination
from trackway.state import open_state


def _states(service: DeliveryService) -> dict[str, str]:
    return {one.destination: one.state for one in service.status()}


async def test_a_paused_destination_gets_nothing_until_it_goes_on_where_it_stood(log: CleanLog, engine: Engine) -> None:
    async with sink() as held, sink() as other:
        hooks = {"held": webhook(held.url), "other": webhook(other.url)}
        service = DeliveryService(workspace(hooks), log.log, engine, options=QUICK)
        async with delivering(service):
            await until(lambda: started(engine, log, "held", "other"))
            first = log.add_numbers(3)
            await until(lambda: counts(engine, log, "held").delivered == 3)
            await service.pause("held")
            await service.pause("held")
            assert _states(service) == {"held": "paused", "other": "running"}
            waiting = log.add_numbers(4)
            await until(lambda: counts(engine, log, "other").delivered == 7)
            assert sorted(held.ids) == sorted(first)
            assert counts(engine, log, "held").pending == 4
            await service.resume("held")
            await service.resume("held")
            await until(lambda: counts(engine, log, "held").delivered == 7)
        assert held.ids == first + waiting


async def test_a_pause_survives_restarts_and_changed_settings(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        space = workspace({"hook": webhook(hook.url)})
        async with delivering(service := DeliveryService(space, log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            await service.pause("hook")
            since_ms = service.status()[0].paused_ms
        sent = log.add_numbers(2)
        async with delivering(service := DeliveryService(space, log.log, engine, options=QUICK)):
            assert _states(service) == {"hook": "paused"}
            assert service.status()[0].paused_ms == since_ms
            await service.configure(workspace({"hook": webhook(hook.url, headers={"X-Tenant": "acme"})}))
            assert _states(service) == {"hook": "paused"}
            assert hook.ids == []
            await service.resume("hook")
            await until(lambda: counts(engine, log).delivered == 2)
        assert hook.ids == sent


async def test_what_another_process_notes_is_followed(log: CleanLog, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    engine = open_state(tmp_path / "data" / "state.db")
    async with sink() as hook:
        (tmp_path / "trackway.yaml").write_text("""
sources: {web: {write_keys: [a]}}
destinations: {hook: {type: webhook, settings: {url: "https://h.example"}}}
""")
        command = [str(Path(sys.executable).with_name("trackway")), "destinations"]

        async def run(*words: str) -> subprocess.CompletedProcess[str]:
            told = [*command, *words, "-w", str(tmp_path)]
            return await asyncio.to_thread(subprocess.run, told, capture_output=True, text=True, check=False)

        space = workspace({"hook": webhook(hook.url)})
        async with delivering(service := DeliveryService(space, log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            assert "hook is paused" in (await run("pause", "hook")).stdout
            await until(lambda: _states(service) == {"hook": "paused"})
            sent = log.add_numbers(2)
            assert "hook goes on" in (await run("resume", "hook")).stdout
            await until(lambda: counts(engine, log).delivered == 2)
            assert hook.ids == sent
            refused = await run("pause", "hok")
            assert refused.returncode == 1
            assert "there is no destination hok that is switched on; there are: hook" in refused.stderr
    engine.dispose()


async def test_pauses_and_changes_at_once_leave_one_worker_or_none(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        space = workspace({"hook": webhook(hook.url)})
        async with delivering(service := DeliveryService(space, log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            changes = [service.pause("hook"), service.configure(space), service.resume("hook"), service.pause("hook")]
            await asyncio.gather(*changes, service.resume("hook"))
            sent = log.add_numbers(5)
            await until(lambda: counts(engine, log).delivered == 5)
        assert sorted(hook.ids) == sorted(sent)


async def test_only_what_is_there_can_be_paused(log: CleanLog, engine: Engine) -> None:
    service = DeliveryService(workspace({}), log.log, engine, options=QUICK)
    with pytest.raises(UnknownDestination, match="no destination nobody"):
        await service.pause("nobody")
