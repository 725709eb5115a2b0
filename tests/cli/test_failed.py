"""`trackway failed` over a workspace whose server is not running."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from tests.delivery.harness import OK, QUICK, FakeTransport, delivering, event, ids_of, until
from trackway.cli import app
from trackway.delivery.ledger import DestinationCounts, destination_counts
from trackway.delivery.service import DeliveryService
from trackway.destinations.kit import Response
from trackway.events.records import EVENTS, encode
from trackway.log.sqlite import SqliteLog
from trackway.node.logs import open_clean_log
from trackway.state import open_state
from trackway.workspace import Workspace, load_workspace

SETTINGS = """
sources: {web: {write_keys: [k]}}
destinations:
  hook: {type: webhook, settings: {url: "http://sink.example/hook", headers: {X-Key: s3cr3t-1}}}
"""
BAD = {"m-1": 400, "m-2": 400, "m-4": 422}


class Shop:
    """A workspace with a log and a state."""

    def __init__(self, folder: Path) -> None:
        (folder / "trackway.yaml").write_text(SETTINGS)
        self.folder = folder
        self.settings: Workspace = load_workspace(folder)
        self.log: SqliteLog = open_clean_log(self.settings)
        self.engine: Engine = open_state(self.settings.data / "state.db")

    def counts(self) -> DestinationCounts:
        return next(iter(destination_counts(self.engine, self.log)), DestinationCounts(destination=""))

    async def deliver(self, bad: dict[str, int], add: int = 0) -> None:
        network = FakeTransport(
            lambda request: (
                Response(status=bad[found[0]], body=b"wrong name") if (found := ids_of(request))[0] in bad else OK
            )
        )
        service = DeliveryService(self.settings, self.log, self.engine, transport=lambda _: network, options=QUICK)
        async with delivering(service):
            await until(lambda: self.counts().destination)
            if add:
                with self.log.writer(0) as writer:
                    writer.append({EVENTS: [encode(event(number)) for number in range(add)]})
            await until(lambda: self.counts().pending == 0)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["failed", *arguments, "--workspace", str(self.folder)], env={"COLUMNS": "200"})

    def json(self, *arguments: str) -> list[Any]:
        ran = self.run(*arguments, "--json")
        assert ran.exit_code == 0, ran.output
        return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    asyncio.run(shop.deliver(BAD, add=6))
    yield shop
    shop.log.close()
    shop.engine.dispose()


def test_failed_events_are_listed_grouped_and_shown(shop: Shop) -> None:
    assert {(one["message_id"], one["reason"], one["position"]) for one in shop.json("list")} == {
        ("m-1", "400", "events/0/1"),
        ("m-2", "400", "events/0/2"),
        ("m-4", "422", "events/0/4"),
    }
    assert [(one["destination"], one["reason"], one["events"]) for one in shop.json("group")] == [
        ("hook", "400", 2),
        ("hook", "422", 1),
    ]
    for name in ("m-4", "events/0/4"):
        told = shop.run("show", name).stdout
        assert "POST http://sink.example/hook" in told and "wrong name" in told and "status 422" in told
        assert "s3cr3t-1" not in told
    assert "wrong name" in shop.run("group").stdout and "m-4" in shop.run("list", "--reason", "422").stdout


def test_a_release_is_asked_about_and_leads_to_another_try(shop: Shop) -> None:
    assert shop.json("release", "--reason", "400", "--dry-run") == [{"found": 2, "released": 0}]
    assert shop.json("release", "m-4", "events/0/1") == [{"released": 2, "replayed": 0, "expired": 0}]
    counts = shop.counts()
    assert (counts.failed, counts.retrying, counts.difference) == ({"400": 1}, 2, 0)
    asyncio.run(shop.deliver({"m-1": 410}))
    counts = shop.counts()
    assert (counts.delivered, counts.failed, counts.difference) == (4, {"400": 1, "410": 1}, 0)
    assert "Have 2 tried again?" in shop.run("release", "--all").output
    assert shop.run("release", "--all", "--yes").exit_code == 0
    assert shop.counts().failed == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["release"], "say which"),
        (["release", "nobody"], "no failed event fits"),
        (["show", "m-0"], "trackway trace"),
        (["list", "--destination", "hok"], "there are: hook"),
    ],
    ids=["nothing chosen", "unknown id", "delivered", "unknown destination"],
)
def test_a_mistake_is_told(shop: Shop, arguments: list[str], said: str) -> None:
    told = shop.run(*arguments)
    assert told.exit_code != 0
    assert said in told.output
