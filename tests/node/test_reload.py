"""trackway.yaml changed under the running product: what is taken over, and that nobody notices who need not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node.load import Load
from tests.processes import collectors, hub, pipeline
from tests.promises.sink import Sink
from tests.running import Trackway, send, start_trackway
from trackway.log import consumers

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def trackway(tmp_path: Path) -> Iterator[Trackway]:
    sources = {"app": {"write_keys": ["wk_app"]}, "old": {"write_keys": ["wk_old"]}}
    private = {"allow_private_addresses": True}
    with start_trackway(tmp_path, sources=sources, delivery=private) as running:
        yield running


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


def shown(trackway: Trackway) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {trackway.token}"}
    return send(f"{trackway.console_url}/api/workspace", method="GET", headers=headers).json()


def wait_for_status(trackway: Trackway, write_key: str, status: int, event: str = "Asked") -> None:
    trackway.wait_for(
        lambda: trackway.post("/v1/track", {"userId": "u", "event": event}, write_key=write_key).status == status,
        what=f"{status} for {write_key}",
        timeout_s=30,
    )


def hook(sink: Sink, **settings: Any) -> dict[str, Any]:
    return {"type": "webhook", "settings": {"url": sink.url, **settings}}


def test_a_reload_under_load_drops_no_request(trackway: Trackway) -> None:
    before = [one.pid for one in (*collectors(trackway), pipeline(trackway), hub(trackway))]
    with Load(trackway) as steady, Load(trackway, write_key="wk_old", connections=1) as ending:
        trackway.wait_for(lambda: steady.answered and ending.answered, what="first answers", timeout_s=30)
        for round_ in range(4):
            trackway.change(
                sources={
                    "web": {"max_batch": 10 + round_, "rate_limit": 100_000 + round_, "dedup_window": f"{round_ + 1}h"},
                    "app": {"write_keys": ["wk_app", f"wk_new_{round_}"]},
                    "old": {"enabled": round_ < 2},
                }
            )
            wait_for_status(trackway, f"wk_new_{round_}", 200)
        trackway.wait_for(lambda: ending.statuses[401], what="the disabled source to be refused", timeout_s=30)
    assert (steady.statuses.keys(), steady.broken) == ({200}, 0)
    assert (ending.statuses.keys(), ending.broken) == ({200, 401}, 0)
    wait_for_status(trackway, "wk_new_2", 401)
    after = [one.pid for one in (*collectors(trackway), pipeline(trackway), hub(trackway))]
    assert after == before, "no process was started anew"
    trackway.settle(60)
    ids = [record.message_id for _, record in trackway.event_records()]
    assert steady.answered | ending.answered <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_dedup_window_changes_while_the_pipeline_runs(trackway: Trackway) -> None:
    def times_in_log(message_id: str) -> int:
        call = {"userId": "u", "event": "Repeated", "messageId": message_id}
        assert [trackway.post("/v1/track", call).status for _ in range(3)] == [200, 200, 200]
        trackway.settle(60)
        return [record.message_id for _, record in trackway.event_records()].count(message_id)

    assert times_in_log("while it is a day") == 1
    trackway.change(sources={"web": {"dedup_window": 0, "write_keys": ["wk_web_for_tests", "wk_now"]}})
    wait_for_status(trackway, "wk_now", 200)
    # The pipeline hears of it when the collector does, but ends its batch first.
    numbers = iter(range(1000))
    trackway.wait_for(
        lambda: times_in_log(f"without one {next(numbers)}") > 1, what="the window to be off", timeout_s=30
    )


def test_destinations_come_change_and_go_without_touching_others(trackway: Trackway, sink: Sink) -> None:
    other = Sink()
    ids = iter(range(1000))

    def post() -> str:
        message_id = f"m-{next(ids)}"
        call = {"userId": "u", "event": "Sent on", "messageId": message_id}
        assert trackway.post("/v1/track", call).status == 200
        return message_id

    def wait_at(one: Sink, message_id: str) -> None:
        trackway.wait_for(lambda: message_id in one.keys, what=f"{message_id} at its destination", timeout_s=30)

    try:
        early = post()
        trackway.settle(60)
        trackway.change(destinations={"hook": hook(sink)})
        trackway.wait_for(lambda: "hook" in _held(trackway), what="the destination to be known", timeout_s=30)
        first = post()
        wait_at(sink, first)
        assert early not in sink.keys, "it begins when it is added"

        trackway.change(destinations={"other": hook(other)})
        trackway.wait_for(lambda: "other" in _held(trackway), what="the second to be known", timeout_s=30)
        second = post()
        wait_at(sink, second)
        wait_at(other, second)

        trackway.change(destinations={"hook": {"name": "Renamed", "settings": {"headers": {"X-Now": "changed"}}}})
        trackway.wait_for(lambda: "Renamed" in _names(trackway), what="the new name", timeout_s=30)
        third = post()
        wait_at(sink, third)
        wait_at(other, third)

        trackway.change(destinations={"hook": {"enabled": False}})
        trackway.wait_for(lambda: "hook" not in _held(trackway), what="the hook to be let go", timeout_s=30)
        # The log lets go of it first; who sends is told next.
        trackway.wait_for(
            lambda: "Renamed" not in _names(trackway, enabled=True), what="the hook to stop", timeout_s=30
        )
        fourth = post()
        wait_at(other, fourth)
        assert sink.keys.keys() == {first, second, third}
        assert other.keys.keys() == {second, third, fourth}
    finally:
        other.close()


def test_warehouses_and_the_console_follow(trackway: Trackway) -> None:
    assert trackway.post("/v1/track", {"userId": "u", "event": "Loaded"}).status == 200
    trackway.settle(60)
    trackway.change(warehouses={"second": {"path": "data/second.duckdb", "load_every": "50ms"}})
    second = trackway.folder / "data" / "second.duckdb"
    trackway.wait_for(second.exists, what="the second warehouse", timeout_s=30)
    trackway.wait_for(lambda: consumers.warehouse("second") in _consumers(trackway), what="its loader", timeout_s=30)

    trackway.change(warehouses={"duckdb": {"enabled": False}, "second": {"enabled": False}})
    trackway.wait_for(lambda: not shown(trackway)["sql"], what="the console to have no SQL", timeout_s=30)
    both = {consumers.warehouse("duckdb"), consumers.warehouse("second")}
    trackway.wait_for(lambda: not both & _consumers(trackway), what="the log to hold nothing for them", timeout_s=30)

    sources = {"shop": {"name": "Shop", "write_keys": ["wk_shop"]}}
    trackway.change(warehouses={"duckdb": {"enabled": True}}, sources={**sources, "old": None})
    trackway.wait_for(lambda: shown(trackway)["sql"], what="the console to have SQL", timeout_s=30)
    assert [one["key"] for one in shown(trackway)["sources"]] == ["web", "app", "shop"]
    wait_for_status(trackway, "wk_shop", 200, event="Opened")
    trackway.settle(60)
    assert trackway.sql("select count(*) > 0 from shop.opened") == [[True]]
    assert trackway.sql("select count(*) from loaded") == [[1]]


def test_a_mistake_is_shown_and_outlives_the_death_of_every_process(trackway: Trackway) -> None:
    good = (trackway.folder / "trackway.yaml").read_text()
    (trackway.folder / "trackway.yaml").write_text(good.replace("write_keys", "write_kees"))
    trackway.wait_for(lambda: shown(trackway)["settings"]["mistake"], what="the console to show it", timeout_s=30)
    assert "write_kees is unknown" in shown(trackway)["settings"]["mistake"]
    for process in (*collectors(trackway), pipeline(trackway), hub(trackway)):
        process.kill()
    # The file cannot be read now; what was in force is.
    wait_for_status(trackway, "wk_app", 200)
    trackway.settle(60)
    assert trackway.output.count("write_kees is unknown") == 1, "it is said once"
    (trackway.folder / "trackway.yaml").write_text(good)
    trackway.wait_for(lambda: not shown(trackway)["settings"]["mistake"], what="it to be mended", timeout_s=30)


def test_a_secret_in_a_file_is_followed(trackway: Trackway, sink: Sink) -> None:
    secret = trackway.folder / "secret"
    secret.write_text("first")
    trackway.change(destinations={"hook": hook(sink, shared_secret={"file": "secret"})})
    trackway.wait_for(lambda: "hook" in _held(trackway), what="the destination to be known", timeout_s=30)
    said = trackway.output.count("is in force")
    secret.write_text("second, longer")
    trackway.wait_for(lambda: trackway.output.count("is in force") > said, what="the new secret", timeout_s=30)
    assert "second, longer" not in trackway.output
    assert trackway.post("/v1/track", {"userId": "u", "event": "Signed", "messageId": "signed"}).status == 200
    trackway.wait_for(lambda: "signed" in sink.keys, what="the event at its destination", timeout_s=30)


def _consumers(trackway: Trackway) -> set[str]:
    with trackway.clean_log() as log:
        return set(log.consumers("events"))


def _held(trackway: Trackway) -> set[str]:
    return {one.removeprefix(consumers.destination("")) for one in _consumers(trackway)}


def _names(trackway: Trackway, *, enabled: bool = False) -> set[str]:
    return {one["name"] for one in shown(trackway)["destinations"] if one["enabled"] or not enabled}
