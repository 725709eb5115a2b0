"""What a replay's dry run tells of what was sent before."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Engine

from tests.delivery.harness import QUICK, CleanLog, counts, delivering, started, until, workspace
from trackway.delivery.replay.orders import Order
from trackway.delivery.service import DeliveryService
from trackway.destinations.kit import Request, Response
from trackway.events.records import EVENTS
from trackway.node.replay_preview import Preview, preview
from trackway.node.tracing.changes import Change
from trackway.workspace import history
from trackway.workspace.model import Workspace

NAMED = {"track": {"fields": {"event_type": "Old: {{event}}"}}}


class Amplitude:
    """Takes everything, or refuses it."""

    def __init__(self, status: int = 200) -> None:
        self._answer = Response(status=status, body=json.dumps({"code": status}).encode())
        self.sent: list[Any] = []

    async def send(self, request: Request) -> Response:
        self.sent += json.loads(request.content())["events"]
        await asyncio.sleep(0)
        return self._answer

    async def close(self) -> None:
        pass


def made(folder: Path, mappings: dict[str, Any], **more: Any) -> Workspace:
    own = {"api_key": "secret", "mappings": mappings}
    found = workspace({"hook": {"type": "amplitude", "settings": own, **more}})
    return replace(found, folder=folder)


async def deliver(engine: Engine, log: CleanLog, found: Workspace, numbers: int, status: int = 200) -> list[Any]:
    amplitude = Amplitude(status)
    service = DeliveryService(found, log.log, engine, options=QUICK, transport=lambda _: amplitude)
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(numbers)
        await until(lambda: counts(engine, log).pending == 0, "the live destination")
    return amplitude.sent


def look(engine: Engine, log: CleanLog, found: Workspace, **more: Any) -> Preview:
    spans = {partition: (0, head) for partition, head in log.log.heads(EVENTS).items()}
    return preview(found, log.log, log.log, engine, "hook", Order(spans=spans, **more), samples=1)


def change(before: Workspace, after: Workspace) -> None:
    """Note a change of the settings, later than all requests so far."""
    now_ms = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == now_ms:
        pass
    history.note_change(before, after)


async def test_what_was_delivered_is_shown_as_it_was_sent_and_against_what_would_be(
    engine: Engine, log: CleanLog, tmp_path: Path
):
    before, after = made(tmp_path, NAMED), made(tmp_path, {})
    sent = await deliver(engine, log, before, 3)
    change(before, after)
    found = look(engine, log, after, again=True)
    assert (found.to_send, found.sent_otherwise) == (3, 3)
    [sample] = found.samples
    assert sample.sent is not None
    [row] = map(json.loads, sample.sent.rows)
    assert row == next(one for one in sent if one["insert_id"] == row["insert_id"])
    assert sample.sent.differs == [Change("/0/event_type", "Old: Tested", "Tested")]
    assert sample.sent.settings_until == history.read(after.data)[0].at


async def test_without_a_change_nothing_differs(engine: Engine, log: CleanLog, tmp_path: Path):
    found = made(tmp_path, NAMED)
    await deliver(engine, log, found, 2)
    change(found, replace(found, sources={**found.sources, "more": found.sources["web"]}))
    told = look(engine, log, found, again=True)
    assert (told.to_send, told.sent_otherwise) == (2, 0)
    assert told.samples[0].sent is not None
    assert (told.samples[0].sent.differs, told.samples[0].sent.settings_until) == ([], "")


async def test_what_was_refused_is_shown_with_what_was_sent_in_vain(engine: Engine, log: CleanLog, tmp_path: Path):
    before, after = made(tmp_path, NAMED), made(tmp_path, {})
    await deliver(engine, log, before, 1, status=400)
    change(before, after)
    await deliver(engine, log, after, 1, status=400)
    found = look(engine, log, after)
    assert (found.to_send, found.sent_otherwise) == (2, 1)
    [sample] = found.samples
    assert sample.then is not None and sample.sent is not None
    assert (sample.then.outcome, [one.pointer for one in sample.sent.differs]) == ("failed", ["/0/event_type"])


async def test_what_was_not_sent_has_nothing_to_differ_from(engine: Engine, log: CleanLog, tmp_path: Path):
    before = made(tmp_path, {}, trigger="type = 'page'")
    after = made(tmp_path, {})
    assert await deliver(engine, log, before, 1) == []
    change(before, after)
    found = look(engine, log, after)
    assert (found.to_send, found.sent_otherwise) == (1, 0)
    assert found.samples[0].sent is None
