"""Filters, consent and the trigger of a destination, from the workspace's settings to a real server."""

import json

from aiohttp import web
from sqlalchemy import Engine

from tests.delivery.harness import (
    QUICK,
    CleanLog,
    counts,
    delivering,
    event,
    ids_of,
    sink,
    started,
    until,
    webhook,
    workspace,
)
from trackway.delivery.service import DeliveryService


async def test_a_destination_gets_what_its_filters_consent_and_trigger_leave(log: CleanLog, engine: Engine) -> None:
    refused = {"consent": {"categoryPreferences": {"ads": False}}}
    async with sink() as hook:
        settings = webhook(hook.url) | {
            "trigger": "type = 'track' and properties.n != 4",
            "consent": ["ads"],
            "filters": [
                {"if": "properties.n = 1", "drop": True},
                {"if": "properties.n = 2", "drop_properties": {"properties": ["card"]}},
            ],
        }
        async with delivering(DeliveryService(workspace({"hook": settings}), log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            log.add([event(number, properties={"n": number, "card": "4111"}) for number in (1, 2, 3, 4)])
            log.add([event(5, context=refused)])
            await until(lambda: counts(engine, log).pending == 0 and counts(engine, log).accepted == 5)
    bodies = {json.loads(body)["messageId"]: json.loads(body)["properties"] for _, body in hook.requests}
    assert bodies == {"m-2": {"n": 2}, "m-3": {"n": 3, "card": "4111"}}
    assert counts(engine, log).discarded == {
        "FILTERED_BY_RULES": 1,
        "NO_MATCHING_MAPPING": 1,
        "FILTERED_BY_END_USER_CONSENT": 1,
    }


async def test_what_is_tried_again_is_filtered_again_in_what_it_holds(log: CleanLog, engine: Engine) -> None:
    tried: list[bytes] = []

    def refuse_twice(request: web.Request, body: bytes) -> web.Response:
        if ids_of(body) == ["m-1"]:
            tried.append(body)
            return web.Response(status=500 if len(tried) < 6 else 200)
        return web.Response()

    async with sink() as hook:
        hook.answer = refuse_twice
        settings = webhook(hook.url) | {"filters": [{"drop_properties": {"properties": ["card"]}}]}
        async with delivering(DeliveryService(workspace({"hook": settings}), log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            log.add([event(number, properties={"card": "4111"}) for number in range(1, 30)])
            await until(lambda: counts(engine, log).delivered == 29)
    assert len(tried) == 6
    assert not any(b"4111" in body for _, body in hook.requests)
