"""Refresh tokens that a vendor changes with each use: the newest one is kept, on disk, and used by everybody."""

import asyncio
import json
import stat
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from msgspec import structs
from sqlalchemy import Engine, select

from tests.delivery.harness import QUICK, CleanLog, Sink, counts, delivering, sink, started, until, workspace
from trackway.delivery.kept_secrets import KeptSecrets
from trackway.delivery.service import DeliveryService
from trackway.destinations import kit, registry
from trackway.state import open_state
from trackway.state.tables import attempts, kept_secrets
from trackway.workspace.model import Workspace

OWN = """
from msgspec import Struct
from trackway.destinations import kit
NAME, LIMITS = "Own", kit.Limits(concurrency=8)
class Settings(Struct):
    url: str
    refresh_token: kit.Secret
def exchange(settings, rows, cache):
    grant = kit.Grant(url=settings.url + "/token", client_id="c", client_secret="client-secret",
                      refresh_token=settings.refresh_token.reveal())
    def make(token):
        headers = {"Authorization": "Bearer " + token}
        return kit.Request(method="POST", url=settings.url, headers=headers, body=bytes(rows[0].value))
    return kit.with_token(grant, cache, rows, make, lambda answer, count: kit.by_status(answer, count=count))
"""


class Vendor:
    """Takes each refresh token once, and one access token for a number of events."""

    def __init__(self, first: str = "first-refresh-token") -> None:
        self.refresh_token = first
        self.access_token = ""
        self.renewals = self.refused = 0
        self.each = 5
        """Events that an access token is good for."""
        self.left = 0
        self.delivered: list[str] = []

    async def __call__(self, request: web.Request, body: bytes) -> web.Response:
        if request.path.endswith("/token"):
            return await self._renew(parse_qs(body.decode()))
        if request.headers["Authorization"] != f"Bearer {self.access_token}" or self.left == 0:
            return web.Response(status=401, text="token expired")
        self.left -= 1
        self.delivered.append(json.loads(body)["messageId"])
        return web.Response(text="ok")

    async def _renew(self, form: dict[str, list[str]]) -> web.Response:
        [offered] = form["refresh_token"]
        if offered != self.refresh_token:
            self.refused += 1
            return web.json_response(
                {"error": "invalid_grant", "error_description": f"{offered} is used up"}, status=400
            )
        self.renewals += 1
        self.left = self.each
        self.refresh_token = f"rotated-refresh-{self.renewals}"
        self.access_token = f"access-{self.renewals}"
        told = {"access_token": self.access_token, "refresh_token": self.refresh_token, "expires_in": 3600}
        await asyncio.sleep(0)  # others ask meanwhile
        return web.json_response(told)


def space(folder: Path, server: Sink, refresh_token: str = "first-refresh-token") -> Workspace:
    (folder / "destinations").mkdir(exist_ok=True)
    (folder / "destinations" / "own.py").write_text(OWN)
    settings = {"url": server.url, "refresh_token": refresh_token}
    return structs.replace(workspace({"own": {"type": "own", "settings": settings}}), folder=folder)


def answers(engine: Engine) -> str:
    with engine.connect() as connection:
        return "".join(row.answer for row in connection.execute(select(attempts)))


async def test_each_refresh_token_is_used_once_and_kept_over_restarts(
    log: CleanLog, engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with sink() as server:
        server.answer = vendor = Vendor()
        for turn in range(1, 4):
            async with delivering(DeliveryService(space(tmp_path, server), log.log, engine, options=QUICK)):
                await until(lambda: started(engine, log, "own"))
                log.add_numbers(40)
                await until(lambda sent=40 * turn: counts(engine, log, "own").delivered == sent)
        assert vendor.renewals >= 120 // vendor.each
        assert vendor.refused == 0
        assert len(set(vendor.delivered)) == 120
        with engine.connect() as connection:
            row = connection.execute(select(kept_secrets)).one()
            shown = repr(connection.execute(select(attempts)).all()) + caplog.text
        assert (row.destination, row.secret) == ("own", vendor.refresh_token)
        assert not [word for word in ("rotated-refresh", "first-refresh", "access-") if word in shown]


async def test_other_settings_begin_anew_and_refused_tokens_are_not_shown(
    log: CleanLog, engine: Engine, tmp_path: Path
) -> None:
    async with sink() as server:
        server.answer = vendor = Vendor()
        service = DeliveryService(space(tmp_path, server), log.log, engine, options=QUICK)
        async with delivering(service):
            await until(lambda: started(engine, log, "own"))
            log.add_numbers(3)
            await until(lambda: counts(engine, log, "own").delivered == 3)
            # The vendor has forgotten all that it gave: somebody signs in anew.
            kept, vendor.refresh_token, vendor.left = vendor.refresh_token, "second-refresh-token", 0
            log.add_numbers(3)
            await until(lambda: (worker := service.status()[0].worker) and worker.refused)
            await until(lambda: "*** is used up" in answers(engine))
            assert kept not in answers(engine)
            await service.configure(space(tmp_path, server, "second-refresh-token"), grace_s=0.2)
            await until(lambda: counts(engine, log, "own").delivered == 6)


async def test_processes_share_what_is_kept(log: CleanLog, engine: Engine, tmp_path: Path) -> None:
    """A second process uses the refresh token that the first has got, also where it had read an older one."""
    async with sink() as server:
        server.answer = vendor = Vendor()
        services = [DeliveryService(space(tmp_path, server), log.log, engine, options=QUICK) for _ in range(3)]
        for number, service in enumerate(services, 1):
            async with delivering(service):
                await until(lambda: started(engine, log, "own"))
                log.add_numbers(2)
                await until(lambda sent=number: counts(engine, log, "own").delivered == 2 * sent)
            vendor.left = 0
        assert (vendor.renewals, vendor.refused) == (3, 0)


def test_one_that_was_overtaken_takes_the_newest(tmp_path: Path) -> None:
    """Two processes ask at the same time: the one that is refused finds what the other has kept."""
    folder = tmp_path / "destinations"
    folder.mkdir()
    (folder / "own.py").write_text(OWN)
    engine = open_state(tmp_path / "state.db")
    hidden: list[str] = []
    settings = {"url": "https://x.example", "refresh_token": "r-1"}
    destinations = [registry.load("own", settings, where="", folder=tmp_path) for _ in range(2)]
    stores = [KeptSecrets.of(one, engine, "own", hidden.append) for one in destinations]
    row = kit.Row.of(kit.Event.from_json(b"{}"), 1)
    exchanges = [one.exchange([row]) for one in destinations]
    asked = [next(steps) for steps in exchanges]
    assert asked[0].content() == asked[1].content()
    exchanges[0].send(kit.Response(status=200, body=b'{"access_token": "a", "refresh_token": "r-2"}'))
    assert stores[0].changed
    stores[0].write()
    assert not stores[0].changed
    again = exchanges[1].send(kit.Response(status=400, body=b"invalid_grant"))
    assert parse_qs(again.content().decode())["refresh_token"] == ["r-2"]
    assert set(hidden) == {"r-2"}
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600
    engine.dispose()
