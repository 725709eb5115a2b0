"""What people do with single destinations."""

import json
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from sqlalchemy import Engine

from tests.delivery.harness import (
    QUICK,
    SECRET,
    CleanLog,
    counts,
    delivering,
    sink,
    started,
    until,
    webhook,
    workspace,
)
from trackway.delivery.replay import orders
from trackway.delivery.service import DeliveryService, UnknownDestination
from trackway.errors import TrackwayError
from trackway.events.records import Place
from trackway.node.desk import Desk
from trackway.testing.destinations import Case, check_case

POSTHOG = {"type": "posthog", "settings": {"api_key": "phc_secret_1", "host": "http://127.0.0.1:9"}}
EVENT = {
    "type": "track", "event": "Order Completed", "messageId": "m-1", "userId": "u-1",
    "timestamp": "2026-11-20T10:00:00.000Z", "properties": {"total": 12.5},
}  # fmt: skip


def _desk(log: CleanLog, engine: Engine, hooks: dict) -> tuple[Desk, DeliveryService]:
    space = workspace(hooks)
    service = DeliveryService(space, log.log, engine, options=QUICK)
    return Desk(space, log.log, engine, service), service


def test_settings_are_shown_without_secrets(log: CleanLog, engine: Engine) -> None:
    desk, _ = _desk(log, engine, {"hook": webhook(headers={"X-Key": "another-secret"}), "ph": POSTHOG})
    for key in ("hook", "ph"):
        shown = msgspec.json.encode(desk.detail(key), enc_hook=str).decode()
        for secret in (SECRET, "another-secret", "phc_secret_1"):
            assert secret not in shown
    settings = {one.name: one for one in desk.detail("hook").settings}
    assert settings["url"].value == "http://sink.example/hook"
    assert settings["headers"].value == {"X-Key": "***"}
    assert (settings["timeout"].given, settings["timeout"].value) == (False, None)


def test_mappings_in_force_are_a_table_that_marks_what_was_changed(log: CleanLog, engine: Engine) -> None:
    mappings = {"track": {"fields": {"event_type": "$.properties.label"}}}
    changed = POSTHOG | {"settings": POSTHOG["settings"] | {"mappings": mappings}}
    desk, _ = _desk(log, engine, {"ph": changed})
    named = {mapping.name: mapping for mapping in desk.detail("ph").mappings}
    marked = [field for field in named["track"].fields if field.changed]
    assert [(field.field, field.source) for field in marked] == [("event_type", "$.properties.label")]
    assert marked[0].usual != marked[0].source


def test_a_preview_shows_the_request_without_secrets(log: CleanLog, engine: Engine) -> None:
    desk, _ = _desk(log, engine, {"hook": webhook(headers={"X-Key": "another-secret"}), "ph": POSTHOG})
    for key in ("hook", "ph"):
        preview = desk.preview(key, EVENT)
        assert preview.requests
        assert not any(secret in json.dumps(preview.requests) for secret in (SECRET, "another-secret", "phc_secret_1"))
    assert desk.preview("hook", EVENT).requests[0]["body"]["event"] == "Order Completed"


@pytest.mark.parametrize("key", ["hook", "ph"])
def test_a_test_case_of_an_event_holds_and_has_no_secret(log: CleanLog, engine: Engine, key: str) -> None:
    hooks = {"hook": webhook(headers={"X-Key": "another-secret"}), "ph": POSTHOG}
    desk, _ = _desk(log, engine, hooks)
    text = msgspec.json.encode(desk.case(key, EVENT))
    assert not any(secret in text.decode() for secret in (SECRET, "another-secret", "phc_secret_1"))
    check_case(hooks[key]["type"], msgspec.json.decode(text, type=Case))


async def test_dead_letters_are_grouped_and_released(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        hook.answer = lambda request, body: web.Response(status=422, text='{"error": "no such field"}')
        desk, service = _desk(log, engine, {"hook": webhook(hook.url)})
        async with delivering(service):
            await until(lambda: started(engine, log, "hook"))
            sent = log.add_numbers(3)
            await until(lambda: sum(counts(engine, log).failed.values()) == 3)
            (group,) = desk.groups("hook")
            assert (group.reason, group.events) == ("422", 3)
            assert "no such field" in group.sample.answer
            assert {letter.message_id for letter in desk.letters("hook", "422", 10)} == set(sent)
            hook.answer = lambda request, body: web.Response()
            assert desk.release("hook", message_id=sent[0]).released == 1
            await until(lambda: counts(engine, log).delivered == 1)
            assert desk.release("hook", reason="422").released == 2
            await until(lambda: counts(engine, log).delivered == 3)
            assert desk.groups("hook") == []


async def test_one_event_is_ordered_once_more(log: CleanLog, engine: Engine) -> None:
    desk, _ = _desk(log, engine, {"hook": webhook()})
    log.add_numbers(2)
    number = desk.resend("hook", Place(0, 1))
    replay = orders.read(engine, number)
    assert (replay.destination, replay.order.spans, replay.order.again) == ("hook", {0: (1, 2)}, True)
    with pytest.raises(TrackwayError, match="no longer has this event"):
        desk.resend("hook", Place(0, 99))


async def test_a_connection_is_tested(log: CleanLog, engine: Engine) -> None:
    desk, _ = _desk(log, engine, {"hook": webhook()})
    assert (await desk.check("hook")).status == "UNKNOWN"


def test_what_is_not_in_the_file_is_unknown(log: CleanLog, engine: Engine, tmp_path: Path) -> None:
    desk, _ = _desk(log, engine, {})
    for ask in (desk.detail, desk.groups, desk.release, lambda key: desk.resend(key, Place(0, 0))):
        with pytest.raises(UnknownDestination):
            ask("nobody")
