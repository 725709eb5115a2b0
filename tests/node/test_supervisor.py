"""Processes that die, and a supervisor that is told to stop or to read its settings."""

import json
import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.node.load import Load
from tests.processes import collectors, hub, pipeline
from tests.running import Trackway, basic_auth, poll_until, start_trackway

pytestmark = pytest.mark.timeout(180)


def test_a_collector_killed_under_load_costs_only_its_own_connections(tmp_path: Path) -> None:
    with start_trackway(tmp_path, collector={"processes": 2}) as trackway:
        trackway.wait_for(lambda: len(collectors(trackway)) == 2, what="both collectors", timeout_s=30)
        others = [pipeline(trackway).pid, hub(trackway).pid]
        with Load(trackway, connections=6) as load:
            for _ in range(3):
                answered = len(load.answered)
                trackway.wait_for(lambda at=answered: len(load.answered) > at + 50, what="load", timeout_s=30)
                victim, other = collectors(trackway)
                broken = load.broken
                victim.kill()
                trackway.wait_for(
                    lambda one=other, dead=victim: _replaced(collectors(trackway), dead, one),
                    what="the killed one to be replaced, and the other to be there still",
                    timeout_s=30,
                )
                assert load.broken - broken <= 6, "a connection broke more than once"
        assert load.statuses.keys() == {200}
        assert [pipeline(trackway).pid, hub(trackway).pid] == others
        trackway.settle(60)
        ids = [record.message_id for _, record in trackway.event_records()]
        assert set(ids) >= load.answered
        assert len(ids) == len(set(ids)), "what was sent again counts once"


def _replaced(found: list[psutil.Process], dead: psutil.Process, other: psutil.Process) -> bool:
    return len(found) == 2 and other in found and dead not in found


def test_what_dies_again_and_again_is_started_with_growing_pauses(tmp_path: Path) -> None:
    with start_trackway(tmp_path) as trackway:
        for times in range(1, 4):
            process = pipeline(trackway)
            process.kill()
            trackway.wait_for(
                lambda count=times: trackway.output.count("pipeline: killed by SIGKILL") == count,
                what="its death to be told",
                timeout_s=30,
            )
            trackway.wait_for(lambda: _has_pipeline(trackway), what="the next one", timeout_s=30)
            assert trackway.post("/v1/track", {"userId": "u", "event": "Meanwhile"}).status == 200
        pauses = [line.split()[-2] for line in trackway.output.splitlines() if "starting it again in" in line]
        assert pauses == ["0.2", "0.4", "0.8"]
        trackway.settle(60)
        assert len(trackway.event_records()) == 3


def test_a_request_in_flight_is_answered_before_the_end(tmp_path: Path) -> None:
    with start_trackway(tmp_path) as trackway:
        body = json.dumps({"userId": "u", "event": "Half sent"}).encode()
        head = (
            f"POST /v1/track HTTP/1.1\r\nHost: t.example\r\nAuthorization: {basic_auth(trackway.write_key)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        parts = urlsplit(trackway.collector_url)
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
            connection.sendall(head + body[:10])
            poll_until(lambda: _has_read_all(connection), what="the collector to read the first half", timeout_s=30)
            os.kill(trackway.pid, signal.SIGTERM)
            trackway.wait_for(lambda: "Stopping" in trackway.output, what="the stop to begin", timeout_s=30)
            connection.sendall(body[10:])
            answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        poll_until(lambda: not trackway.running, what="the end", timeout_s=30)
        assert len(trackway.raw_records()) == 1


def test_sighup_has_the_settings_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "trackway.yaml"
    with start_trackway(tmp_path) as trackway:
        times = file.stat()
        # The same size, number and time: nothing but reading it tells that it has changed.
        file.write_text(file.read_text().replace("wk_web_for_tests", "wk_web_for_sighs"))
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        os.kill(trackway.pid, signal.SIGHUP)
        trackway.wait_for(
            lambda: (
                trackway.post("/v1/track", {"userId": "u", "event": "A"}, write_key="wk_web_for_sighs").status == 200
            ),
            what="the new key",
            timeout_s=30,
        )
        assert trackway.running


def _has_pipeline(trackway: Trackway) -> bool:
    try:
        return pipeline(trackway).is_running()
    except (psutil.Error, ValueError):
        return False


def _has_read_all(connection: socket.socket) -> bool:
    """Return whether the other end's process has taken all that it was sent."""
    ours = connection.getsockname()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(f":{ours:04X}") and fields[3] == "01":
            return fields[4].endswith(":00000000")
    return False
