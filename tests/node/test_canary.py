"""The canary says where the path is blocked: each part of it is blocked on purpose."""

import base64
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from tests.delivery.test_running import run_json
from tests.promises.sink import Sink
from tests.running import poll_until, start_trackway
from trackway.collector.sources import Sources
from trackway.console.metrics import render
from trackway.events import canary
from trackway.events.records import CLEAN_TOPICS, EVENTS, QUARANTINE, RAW
from trackway.log import consumers
from trackway.log.sqlite import SqliteLog
from trackway.node.canary import Canary, CanaryReport, last_report
from trackway.pipeline.tallies import POSITION
from trackway.workspace.model import Canary as Settings
from trackway.workspace.model import Source, Workspace


class Way:
    """A collector, a pipeline and readers, each of which works only when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.raw, self.clean = SqliteLog(folder / "raw", (RAW,)), SqliteLog(folder / "clean", CLEAN_TOPICS)
        self.status = 200
        self.topic: str | None = EVENTS
        """Where the pipeline puts what comes; None: it stands still."""
        self.readers = [consumers.warehouse("duckdb"), consumers.destination("hook"), consumers.CATALOGUE]
        self.working = set(self.readers)
        self.headers: list[str] = []
        self._known: list[str] = []
        for name in [*self.readers, "replay:1"]:
            with self.clean.reader(EVENTS, consumer=name, start="earliest") as reader:
                reader.commit()

    async def take(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers["Authorization"])
        if self.status == 200:
            with self.raw.writer(0) as writer:
                writer.append({RAW: [b"x"]})
            if self.topic is not None:
                self._process((await request.json())["messageId"], self.topic)
        return web.Response(status=self.status)

    def _process(self, message_id: str, topic: str) -> None:
        with self.clean.writer(0) as writer:
            position = msgspec.msgpack.encode(self.raw.heads(RAW))
            writer.append({topic: [message_id.encode()]}, {POSITION: position})
        self._known.append(message_id)
        for name in self.working:
            with self.clean.reader(EVENTS, consumer=name, start="earliest") as reader:
                reader.poll()
                reader.commit()

    def found(self, message_id: str) -> list[str]:
        return [self.topic] if self.topic and message_id in self._known else []


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    way = Way(tmp_path)
    yield way
    way.raw.close()
    way.clean.close()


async def fly(way: Way, folder: Path, *, patience: float = 20.0) -> CanaryReport:
    app = web.Application()
    app.router.add_post("/v1/track", way.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    workspace = Workspace(sources={"web": Source(write_keys=["k"])}, folder=folder, canary=Settings(patience=patience))
    workspace.data.mkdir(exist_ok=True)
    one = Canary(workspace, way.raw, way.clean, url=f"http://{host}:{port}", write_key="secret", found=way.found)
    try:
        return await one.fly()
    finally:
        await runner.cleanup()


async def test_a_free_path_is_passed_and_each_hop_timed(way: Way, tmp_path: Path) -> None:
    report = await fly(way, tmp_path)
    assert (report.state, report.error, report.stuck) == ("passed", "", [])
    assert list(report.hops) == ["collector", "pipeline", "event", *sorted(way.readers)]
    assert all(seconds >= 0 for seconds in report.hops.values() if seconds is not None)
    assert way.headers == ["Basic " + base64.b64encode(b"secret:").decode()]
    assert last_report(tmp_path / "data") == report


@pytest.mark.parametrize("stuck", ["warehouse:duckdb", "destination:hook"])
async def test_a_reader_that_stands_still_is_named(way: Way, tmp_path: Path, stuck: str) -> None:
    way.working.remove(stuck)
    report = await fly(way, tmp_path, patience=0.2)
    assert (report.state, report.stuck) == ("late", [stuck])


async def test_a_pipeline_that_stands_still_is_named(way: Way, tmp_path: Path) -> None:
    way.topic = None
    report = await fly(way, tmp_path, patience=0.2)
    assert (report.state, report.stuck) == ("late", ["pipeline", "event"])


async def test_a_canary_that_becomes_no_event_says_what_became_of_it(way: Way, tmp_path: Path) -> None:
    way.topic = QUARANTINE
    report = await fly(way, tmp_path)
    assert (report.state, report.error) == ("failed", "it became no event, but a record of quarantine")


async def test_a_collector_that_refuses_or_is_gone_is_told(way: Way, tmp_path: Path) -> None:
    way.status = 429
    report = await fly(way, tmp_path)
    assert (report.state, report.error) == ("failed", "the collector answered 429")
    workspace = Workspace(sources={}, folder=tmp_path)
    nobody = Canary(workspace, way.raw, way.clean, url="http://127.0.0.1:9", write_key="k", found=way.found)
    assert "does not answer" in (await nobody.fly()).error
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(render([await nobody.metrics()]).decode())
        for sample in family.samples
    }
    assert (found["trackway_canary_state", "failed"], found["trackway_canary_state", "passed"]) == (1, 0)


def test_only_our_own_processes_can_send_one() -> None:
    workspace = Workspace(sources={"web": Source(write_keys=["k"])})
    sources = Sources(workspace, lambda: 0.0, canary_key="secret")
    found = sources.by_key("secret")
    assert found is not None
    assert (found.name, found.allows(None), found.allows(b"https://shop.example")) == (canary.SOURCE, True, False)
    assert Sources(workspace, lambda: 0.0).by_key("") is None


def test_the_whole_product_lets_it_pass_and_keeps_it_from_everybody(tmp_path: Path) -> None:
    sink = Sink(lambda event: 200)
    options = {
        "destinations": {"hook": {"type": "webhook", "settings": {"url": sink.url}}},
        "delivery": {"allow_private_addresses": True},
        "canary": {"enabled": True, "every": "1s"},
    }
    try:
        with start_trackway(tmp_path, **options) as trackway:
            trackway.post("/v1/track", {"userId": "u1", "event": "Signed Up"})
            trackway.wait_for(
                lambda: (report := last_report(tmp_path / "data")) and report.state == "passed",
                what="a canary that has passed",
                timeout_s=60,
            )
            poll_until(lambda: sink.keys, what="the event at the destination")
            [ledger] = run_json(tmp_path, "ledger")
            assert ledger["balances"]
            assert set(ledger["canary"]["hops"]) >= {"collector", "pipeline", "event", "warehouse:duckdb"}
            [story] = run_json(tmp_path, "trace", ledger["canary"]["message_id"])
            assert story["source"] == canary.SOURCE
            trackway.change(canary={"enabled": False})
            trackway.settle()
            schemas = {row[0] for row in trackway.sql("select distinct table_schema from information_schema.tables")}
            assert schemas == {"web", "_trackway"}
            assert len(sink.keys) == 1
            assert {entry["source"] for entry in run_json(tmp_path, "catalogue")} <= {"web"}
    finally:
        sink.close()
