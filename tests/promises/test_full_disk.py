"""P1, P8: the whole product on a real disk that fills up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import Trackway, send, start_trackway


def answers(trackway: Trackway, path: str) -> int:
    return send(trackway.collector_url + path, method="GET").status


@pytest.mark.timeout(180)
def test_below_the_floor_events_are_refused_and_those_that_were_taken_arrive(mount: Callable[[str], Path]):
    disk = mount("400m")
    (disk / "workspace").mkdir()
    with start_trackway(disk / "workspace", log={"floor": "200 MiB"}) as trackway:
        for number in range(50):
            assert (
                trackway.post("/v1/track", {"userId": "u", "event": "Before", "messageId": f"a{number}"}).status == 200
            )
        ballast = disk / "ballast"
        with ballast.open("wb") as file:
            for _ in range(230):
                file.write(b"x" * (1 << 20))
        trackway.wait_for(lambda: answers(trackway, "/readyz") == 503, what="the collector to refuse", timeout_s=30)
        refused = trackway.post("/v1/track", {"userId": "u", "event": "Refused", "messageId": "refused"})
        assert refused.status == 429 and int(refused.headers["retry-after"]) > 0
        # What is left below the floor is for those who work off what was taken.
        trackway.settle(60)
        assert trackway.sql("select count(*) from before") == [[50]]
        ballast.unlink()
        trackway.wait_for(lambda: answers(trackway, "/readyz") == 200, what="the collector to recover", timeout_s=30)
        assert trackway.post("/v1/track", {"userId": "u", "event": "After", "messageId": "b"}).status == 200
        trackway.settle(60)
        assert sorted(event["messageId"] for event in trackway.events()) == sorted(
            ["b", *(f"a{number}" for number in range(50))]
        )
