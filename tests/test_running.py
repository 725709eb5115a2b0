"""The product as a whole starts, dies, comes back and stops; and the helper that says so can also say no."""

import json
import time
from pathlib import Path

import pytest

from tests.running import Trackway, poll_until, start_trackway

pytestmark = pytest.mark.timeout(60)


def test_a_new_start_finds_everything_again(tmp_path: Path) -> None:
    with start_trackway(tmp_path, collector={"processes": 2}) as trackway:
        for number in range(3):
            call = {"userId": "u1", "event": "Order Completed", "messageId": f"m{number}", "properties": {"n": number}}
            assert trackway.post("/v1/track", call).status == 200
            if number == 0:
                trackway.kill()
                trackway.start()
            elif number == 1:
                trackway.stop()
                trackway.start()
        trackway.settle()
        # Two collectors write two partitions: between those there is no order.
        assert sorted(event["messageId"] for event in trackway.events()) == ["m0", "m1", "m2"]
        assert trackway.sql("select id, n from order_completed order by n") == [["m0", 0], ["m1", 1], ["m2", 2]]
        assert sorted(record.message_id for _, record in trackway.raw_records()) == ["m0", "m1", "m2"]


def test_a_start_that_fails_says_why_at_once(tmp_path: Path) -> None:
    trackway = Trackway(tmp_path, collector={"prot": 1})
    began = time.monotonic()
    with pytest.raises(AssertionError, match=r"collector\.prot is unknown; did you mean port"):
        trackway.start()
    assert time.monotonic() - began < 45
    assert not trackway.running


def test_what_was_refused_and_what_was_left_out_can_be_looked_at(tmp_path: Path) -> None:
    with start_trackway(tmp_path, warehouses={"duckdb": {"enabled": False}}) as trackway:
        for body in ({"userId": "u1", "messageId": "bad"}, {"userId": "u1", "event": "E", "messageId": "twice"}):
            for _ in range(2):
                assert trackway.post("/v1/track", body).status == 200
        trackway.settle()
        assert [event["messageId"] for event in trackway.events()] == ["twice"]
        assert [(record.message_id, record.reason) for record in trackway.dropped()] == [("twice", "duplicate")]
        assert [record.refusal.reason for record in trackway.quarantine()] == ["event_not_defined"] * 2
        assert [json.loads(record.body)["messageId"] for record in trackway.quarantine()] == ["bad"] * 2


def test_waiting_ends_with_the_last_look() -> None:
    with pytest.raises(AssertionError, match=r"waited 0.05 s for Godot; the last look gave \[\]"):
        poll_until(list, what="Godot", timeout_s=0.05)
