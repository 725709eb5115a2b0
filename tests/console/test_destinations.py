"""The API of single destinations: who may call it, and what it says."""

from typing import Any

import aiohttp
import pytest
from msgspec import Struct

from tests.console.harness import TOKEN, ConsoleServer
from tests.running import poll_until
from trackway.delivery.service import UnknownDestination
from trackway.errors import TrackwayError
from trackway.events.records import Place

ACTS: dict[str, Any] = {
    "release": {"reason": "400"}, "pause": {}, "resume": {}, "check": {}, "resend": {"partition": 0, "offset": 1},
    "preview": {"event": {"type": "track"}}, "case": {"event": {"type": "track"}},
}  # fmt: skip


class Group(Struct):
    reason: str
    events: int


class FakeDestinations:
    """Remembers what it was asked to do; knows `crm` alone."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []

    def _do(self, key: str, *what: Any) -> dict[str, Any]:
        if key != "crm":
            raise UnknownDestination(f"there is no destination {key}")
        self.done.append((key, *what))
        return {"did": what[0]}

    def detail(self, key: str) -> Any:
        return self._do(key, "detail")

    def groups(self, key: str) -> Any:
        self._do(key, "groups")
        return [Group(reason="400", events=3)]

    def letters(self, key: str, reason: str, limit: int) -> Any:
        return [self._do(key, "letters", reason, limit)]

    def release(self, key: str, *, reason: str = "", message_id: str = "", advance: Any = None) -> Any:
        advance(2)
        return self._do(key, "release", reason, message_id)

    async def pause(self, key: str) -> None:
        self._do(key, "pause")

    async def resume(self, key: str) -> None:
        self._do(key, "resume")

    async def check(self, key: str) -> Any:
        return self._do(key, "check")

    def resend(self, key: str, place: Place) -> int:
        self._do(key, "resend", place)
        if place.offset == 404:
            raise TrackwayError("the log no longer has this event")
        return 7

    def preview(self, key: str, event: Any) -> Any:
        return self._do(key, "preview", event)

    def case(self, key: str, event: Any) -> Any:
        return self._do(key, "case", event)


@pytest.fixture
def desk(console: ConsoleServer) -> FakeDestinations:
    console.destinations = FakeDestinations()
    console.restart()
    return console.destinations


@pytest.mark.parametrize("act", ACTS)
async def test_acts_need_the_token_our_own_origin_and_json(desk, console, stranger, act: str) -> None:
    path = f"/api/destinations/crm/{act}"
    own = {"Origin": console.url}
    assert (await stranger.post(path, json=ACTS[act], headers=own)).status == 401
    await stranger.get(f"/login?token={TOKEN}", allow_redirects=False)
    for foreign in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        refused = await stranger.post(path, json=ACTS[act], headers=foreign)
        assert (refused.status, (await refused.json())["code"]) == (403, "foreign_origin")
    form = await stranger.post(path, data={"reason": "400"}, headers=own)
    assert form.status == 415
    assert (await stranger.get(path)).status == 404
    assert (await stranger.post(path, json={**ACTS[act], "more": 1}, headers=own)).status == 400
    assert desk.done == []
    assert (await stranger.post(path, json=ACTS[act], headers=own)).status == (202 if act == "release" else 200)
    poll_until(lambda: ("crm", act) in [done[:2] for done in desk.done], what="the act")
    assert [done[:2] for done in desk.done if done[1] != "groups"] == [("crm", act)]


async def test_questions_are_answered_and_unknown_ones_say_so(desk, http: aiohttp.ClientSession) -> None:
    assert await (await http.get("/api/destinations/crm")).json() == {"did": "detail"}
    assert await (await http.get("/api/destinations/crm/groups")).json() == {"groups": [{"reason": "400", "events": 3}]}
    await http.get("/api/destinations/crm/letters", params={"reason": "400", "limit": "5"})
    assert desk.done[-1] == ("crm", "letters", "400", 5)
    for path in ("", "/groups", "/letters"):
        answer = await http.get(f"/api/destinations/nobody{path}")
        assert (answer.status, (await answer.json())["code"]) == (404, "unknown_destination")
    gone = await http.post("/api/destinations/crm/resend", json={"partition": 0, "offset": 404})
    assert (gone.status, (await gone.json())["message"]) == (400, "the log no longer has this event")
    assert (await http.post("/api/destinations/crm/resend", json={"partition": -1, "offset": 0})).status == 400
