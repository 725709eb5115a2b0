"""P1, P5, P6: the whole product is killed at random moments under load, and nothing acknowledged is lost or doubled."""

import contextlib
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.promises.sink import Sink
from tests.running import Trackway, basic_auth
from trackway.events.records import CLEAN_TOPICS, EVENTS, RAW


class Client(threading.Thread):
    """Sends events until told to stop: singly and in batches, each again until it is answered 200."""

    def __init__(self, trackway: Trackway, number: int) -> None:
        super().__init__(daemon=True)
        self.acknowledged: set[str] = set()
        self.refused: list[str] = []
        self._trackway = trackway
        self._number = number
        self._stopping = threading.Event()
        self._chance = random.Random(number)

    def run(self) -> None:
        sent = 0
        while not self._stopping.is_set():
            count = self._chance.choice([1, 1, 1, 10, 40])
            ids = [f"client{self._number}-{sent + n}" for n in range(count)]
            sent += count
            # A client gives up after some tries; whether the server has such an event or not, not twice.
            for _ in range(self._chance.choice([1, 3, 50])):
                if self._stopping.is_set():
                    return
                if self._send(ids):
                    self.acknowledged.update(ids)
                    break
                self._stopping.wait(0.05)

    def stop(self) -> None:
        self._stopping.set()
        self.join(20)

    def _send(self, ids: list[str]) -> bool:
        calls = [
            {"type": "track", "messageId": one, "userId": f"u{self._number}", "event": f"Event {len(ids)}"}
            for one in ids
        ]
        path, value = ("/v1/track", calls[0]) if len(calls) == 1 else ("/v1/batch", {"batch": calls})
        parts = urlsplit(self._trackway.collector_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        headers = {"Authorization": basic_auth(self._trackway.write_key), "Content-Type": "application/json"}
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("POST", path, json.dumps(value), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                self.refused.append(f"{answer.status} for {ids[0]}")
            return answer.status == 200
        return False


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("batch_events", [1, 25])
def test_everything_acknowledged_arrives_once_however_often_the_product_is_killed(
    tmp_path: Path, sink: Sink, batch_events: int
):
    chance = random.Random(batch_events)
    settings = {"url": sink.url, "batch": {"events": batch_events}}
    trackway = Trackway(
        tmp_path,
        destinations={"hook": {"type": "webhook", "settings": settings}},
        delivery={"allow_private_addresses": True},
        log={"segment_size": "200 KiB"},
    )
    clients = [Client(trackway, number) for number in range(4)]
    try:
        trackway.start()
        for client in clients:
            client.start()
        for _ in range(4):
            moment = time.monotonic() + chance.uniform(0.2, 1.5)
            trackway.wait_for(lambda at=moment: time.monotonic() >= at, what="the moment to kill")
            trackway.kill()
            trackway.start()
        for client in clients:
            client.stop()
        trackway.settle(60)
        events = [record.message_id for _, record in trackway.event_records()]
        acknowledged = set().union(*(client.acknowledged for client in clients))
        assert len(acknowledged) > 200, "too little traffic to prove anything"
        assert [client.refused for client in clients] == [[]] * 4

        assert len(events) == len(set(events)), "an event stands twice in the log"
        assert acknowledged <= set(events), "an acknowledged event is missing from the log"
        rows = trackway.table("select id, count(*) from tracks group by id having count(*) <> 1").rows
        assert rows == [], "an event stands twice in the warehouse"
        assert trackway.sql("select count(*) from tracks") == [[len(events)]]
        assert _ids_in_warehouse(trackway, len(events)) == set(events)

        _wait_for_webhook(trackway, sink, set(events))
        assert sink.keys.keys() == set(events)
        doubled = {one: keys for one, keys in sink.keys.items() if len(keys) > 1}
        assert not doubled, "an event came again under another idempotency key"
        _assert_no_holes(trackway)
        _assert_each_raw_call_ended_once(trackway)
        trackway.stop()
    finally:
        for client in clients:
            client.stop() if client.is_alive() else None
        trackway.kill()


def _wait_for_webhook(trackway: Trackway, sink: Sink, events: set[str]) -> None:
    try:
        trackway.wait_for(lambda: events <= sink.keys.keys(), what="the webhook to get every event", timeout_s=60)
    except AssertionError as error:
        missing = sorted(events - sink.keys.keys())
        offsets = [place for place, record in trackway.event_records() if record.message_id in missing]
        error.add_note(f"{len(missing)} of {len(events)} are missing, from {offsets[:1]} to {offsets[-1:]}")
        raise


def _ids_in_warehouse(trackway: Trackway, count: int) -> set[str]:
    page = 10_000
    return {
        row[0]
        for start in range(0, count, page)
        for row in trackway.sql(f"select id from tracks order by id limit {page} offset {start}", limit=page)
    }


def _assert_no_holes(trackway: Trackway) -> None:
    for opened, topics in ((trackway.raw_log(), (RAW,)), (trackway.clean_log(), CLEAN_TOPICS)):
        with opened as log:
            for topic in topics:
                for partition, head in log.heads(topic).items():
                    offset = 0
                    for part in log.read(topic, partition, 0, max_records=head):
                        assert part.first == offset, f"a hole in {topic} before {part.first}"
                        offset = part.next
                    assert offset == head


def _assert_each_raw_call_ended_once(trackway: Trackway) -> None:
    ends = [record.raw for _, record in trackway.event_records()]
    ends += [record.raw for record in (*trackway.quarantine(), *trackway.dropped())]
    assert len(ends) == len(set(ends))
    assert set(ends) == {place for place, _ in trackway.raw_records()}
    with trackway.clean_log() as log:
        assert sum(log.heads(EVENTS).values()) == len(trackway.event_records())
