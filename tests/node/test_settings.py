"""The supervisor's keeper of the settings: who is told what, and how often."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.running import poll_until
from trackway.errors import TrackwayError
from trackway.events.records import EVENTS
from trackway.log import consumers
from trackway.node.logs import open_clean_log
from trackway.node.orders import News, Orders, of_line, to_line
from trackway.node.settings import SettingsKeeper
from trackway.workspace import Secret, load_workspace


class Desk:
    """A keeper on a folder, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write()
        self.said: list[str] = []
        self.news: list[News] = []
        self.keeper = SettingsKeeper(load_workspace(folder), changed=self.news.append, say=self.said.append)

    def write(self, text: str = "", **groups: Any) -> None:
        settings = yaml.safe_dump({"sources": {"web": {"write_keys": ["k"]}}, **groups})
        (self.folder / "new").write_text(text or settings)
        (self.folder / "new").replace(self.folder / "trackway.yaml")

    def wait_for(self, part: str) -> None:
        poll_until(lambda: part in "\n".join(self.said), what=part, timeout_s=30)

    def held(self) -> dict[str, dict[int, int]]:
        log = open_clean_log(self.keeper.news.workspace)
        try:
            return log.consumers(EVENTS)
        finally:
            log.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    desk.keeper.start()
    yield desk
    desk.keeper.stop()


def hook(**more: Any) -> dict[str, Any]:
    return {"hook": {"type": "webhook", "settings": {"url": "https://h.example/", **more}}}


def test_a_change_is_passed_on_with_its_destinations_known_to_the_log(desk: Desk) -> None:
    assert desk.held() == {}
    desk.write(destinations=hook())
    desk.wait_for("has changed")
    assert desk.news[-1].workspace.destinations.keys() == {"hook"}
    assert consumers.destination("hook") in desk.held()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"text": "sources: {web: {write_kes: [k]}}"}, "sources.web.write_kes is unknown"),
        ({"destinations": hook(urll="x")}, "destinations.hook.settings.urll is unknown; did you mean url?"),
        ({"destinations": {"hook": {"type": "webhok"}}}, "did you mean webhook?"),
        ({"collector": {"trusted_proxies": ["10.0.0.0/99"]}}, "collector.trusted_proxies"),
    ],
    ids=["unknown key", "destination's settings", "destination's type", "proxy"],
)
def test_a_mistake_is_said_once_and_changes_nothing(desk: Desk, change: dict[str, Any], told: str) -> None:
    desk.write(**change)
    desk.wait_for(told)
    for _ in range(3):
        desk.keeper.reload()
    desk.write(sources={"web": {"write_keys": ["k", "l"]}})
    desk.wait_for("is in force")
    assert [told in line for line in desk.said] == [True, False]
    assert [bool(one.mistake) for one in desk.news] == [True, False]
    assert told in desk.news[0].mistake and desk.news[0].workspace.sources["web"].write_keys == ["k"]


def test_what_waits_for_a_restart_is_named_in_one_line(desk: Desk) -> None:
    desk.write(console={"port": 9999, "token": "t"}, collector={"processes": 3})
    desk.wait_for("waits for the next start")
    assert desk.said == [
        "trackway.yaml: collector.processes, console.port, console.token: changed, which waits for the next start"
    ]
    assert desk.news[-1].workspace.console.port == 8081


def test_a_wrong_destination_is_refused_at_the_start(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write(destinations=hook(urll="x"))
    with pytest.raises(TrackwayError, match=r"destinations\.hook\.settings\.urll is unknown"):
        SettingsKeeper(load_workspace(tmp_path), changed=desk.news.append, say=desk.said.append)


def test_settings_reach_a_child_whole(tmp_path: Path) -> None:
    text = "sources: {web: {write_keys: [k]}}\nconsole: {token: s3cret}\nlog: {keep: 3h}"
    (tmp_path / "trackway.yaml").write_text(text)
    orders = Orders("hub", News(load_workspace(tmp_path), "a mistake", ("log.keep",)), (3, 4), 1)
    line = to_line(orders)
    assert line.count(b"\n") == 1 and line.endswith(b"\n") and b"s3cret" not in line
    found = of_line(line)
    assert found == orders and found.news.workspace.console.token == Secret("s3cret")
