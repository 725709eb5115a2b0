"""P3: what `trackway ledger` says is what another program counts from the files, under load and after every kill."""

import contextlib
import http.client
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.promises.sink import Sink
from tests.running import Trackway, poll_until, send

_ORACLE = Path(__file__).with_name("ledger_oracle.py")
_COMMAND = Path(sys.executable).with_name("trackway")
_KILLS = 2
_MOST_CALLS = 600
"""Of a client: on a slow machine the load would otherwise outgrow the deadlines."""


class Client(threading.Thread):
    """Sends good, refused and repeated calls, and some that only some destinations are to get."""

    def __init__(self, trackway: Trackway, number: int) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        self._trackway = trackway
        self._number = number
        self._stopping = threading.Event()
        self._chance = random.Random(number)

    def run(self) -> None:
        while not self._stopping.is_set() and self.sent < _MOST_CALLS:
            batch = [self._call() for _ in range(self._chance.choice([1, 5, 20]))]
            key = self._chance.choice(sorted(self._trackway.write_keys.values()))
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._trackway.post("/v1/batch", {"batch": batch}, write_key=key)
            self._stopping.wait(0.1)

    def stop(self) -> None:
        self._stopping.set()
        self.join(20)

    def _call(self) -> dict[str, Any]:
        self.sent += 1
        number = self._chance.randrange(max(1, self.sent - 30), self.sent + 1)
        call: dict[str, Any] = {
            "type": "track",
            "messageId": f"c{self._number}-{number}",
            "userId": f"u{self._number}",
            "event": "Tested",
            "properties": {"n": number},
        }
        if number % 11 == 0:
            del call["event"]
        if number % 5 == 0:
            call["integrations"] = {"Webhook": False}
        return call


def _answer(event: dict[str, Any]) -> int:
    return 400 if event["properties"]["n"] % 7 == 0 else 200


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink(_answer)
    yield sink
    sink.close()


@pytest.mark.timeout(400)
def test_the_ledger_is_what_an_oracle_counts_under_load_and_after_every_kill(tmp_path: Path, sink: Sink) -> None:
    trackway = _trackway(tmp_path, sink)
    chance = random.Random(7)
    clients = [Client(trackway, number) for number in range(3)]
    released = 0
    try:
        trackway.start()
        for client in clients:
            client.start()
        for _ in range(_KILLS):
            moment = time.monotonic() + chance.uniform(0.2, 1.2)
            poll_until(lambda at=moment: time.monotonic() >= at, what="the moment to look")
            _look_while_it_runs(trackway)
            _run(trackway, "replay", "--to-destination", "hook", "--again", "--rate", "1000", "--no-wait")
            released += _mend(trackway)
            trackway.kill()
            assert _numbers(_ledger(trackway)) == _numbers_of_oracle(_oracle(trackway))
            trackway.start()
        for client in clients:
            client.stop()
        trackway.settle(60)
        trackway.wait_for(lambda: _has_nothing_open(trackway), what="the webhook to have everything", timeout_s=60)
        trackway.stop()
        oracle = _oracle(trackway)
        assert _numbers(_ledger(trackway)) == _numbers_of_oracle(oracle)
        _assert_every_kind_of_end_occurred(oracle)
        _assert_the_sink_agrees(oracle, sink)
        _assert_replays_agree(trackway, oracle, sink)
        assert sum(sum(line["released"].values()) for line in _ledger(trackway)["sources"]) == released > 0
    finally:
        for client in clients:
            client.stop() if client.is_alive() else None
        trackway.kill()


def _trackway(folder: Path, sink: Sink) -> Trackway:
    return Trackway(
        folder,
        sources={"app": {"write_keys": ["wk_app_for_tests"]}},
        destinations={
            "hook": {"type": "webhook", "settings": {"url": sink.url}},
            "web-only": {"type": "webhook", "sources": ["web"], "settings": {"url": sink.url}},
        },
        delivery={"allow_private_addresses": True},
        log={"segment_size": "200 KiB"},
    )


def _look_while_it_runs(trackway: Trackway) -> None:
    """What only grows must lie between what the oracle counts before and after; the ledger itself balances."""
    before = _growing(_numbers_of_oracle(_oracle(trackway)))
    told = _ledger(trackway)
    after = _growing(_numbers_of_oracle(_oracle(trackway)))
    assert told["balances"], told["differences"]
    for name, number in _growing(_numbers(told)).items():
        assert before.get(name, 0) <= number <= after.get(name, 0), name


def _ledger(trackway: Trackway) -> dict[str, Any]:
    return _run(trackway, "ledger")[0]


def _run(trackway: Trackway, *arguments: str) -> list[Any]:
    command = [str(_COMMAND), *arguments, "--json", "--workspace", str(trackway.folder)]
    ran = subprocess.run(command, capture_output=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def _mend(trackway: Trackway) -> int:
    """Let some calls out of quarantine, and return how many."""
    chosen = [one["position"] for one in _run(trackway, "quarantine", "list", "--limit", "20")]
    return _run(trackway, "quarantine", "fix", *chosen, "--set", "/event=Mended")[-1]["released"] if chosen else 0


def _assert_replays_agree(trackway: Trackway, oracle: dict[str, Any], sink: Sink) -> None:
    told = _run(trackway, "replay", "list")
    assert [replay["state"] for replay in told] == ["done"] * _KILLS
    for replay in told:
        counted = oracle["replays"].get(str(replay["id"]), {"delivered": 0, "twice": 0, "ids": []})
        assert (replay["difference"], replay["pending"], replay["delivered"]) == (0, 0, counted["delivered"])
        assert counted["twice"] == 0
        assert set(counted["ids"]) <= sink.keys.keys()
    assert any(replay["delivered"] for replay in told)


def _oracle(trackway: Trackway) -> dict[str, Any]:
    ran = subprocess.run([sys.executable, str(_ORACLE), str(trackway.folder)], capture_output=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["ended_twice"] == found["ended_without_raw"] == 0
    return found


def _has_nothing_open(trackway: Trackway) -> bool:
    """Asks the running product; to start `trackway ledger` for each look would take longer than what is waited for."""
    headers = {"Authorization": f"Bearer {trackway.token}"}
    answer = send(f"{trackway.console_url}/api/ledger", method="GET", headers=headers, timeout_s=60.0)
    assert answer.status == 200, answer.body
    told = answer.json()
    return not told["replays"] and sum(line["pending"] for line in told["destinations"]) == 0


def _numbers(told: dict[str, Any]) -> dict[tuple[str, ...], int]:
    """The ledger as one flat table without zeros: (group, name, end, reason) to number."""
    found: dict[tuple[str, ...], int] = {("raw",): told["accepted"], ("waiting",): told["waiting"]}
    for line in told["sources"]:
        found["source", line["source"], "events", ""] = line["events"]
        for end in ("quarantined", "dropped"):
            found |= {("source", line["source"], end, reason): number for reason, number in line[end].items()}
    for line in told["destinations"]:
        name = line["destination"]
        found["destination", name, "accepted", ""] = line["accepted"]
        found |= {("destination", name, end, ""): line[end] for end in ("delivered", "pending")}
        for end in ("discarded", "failed"):
            found |= {("destination", name, end, reason): number for reason, number in line[end].items()}
    return {name: number for name, number in found.items() if number}


def _numbers_of_oracle(counted: dict[str, Any]) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {("raw",): counted["raw"], ("waiting",): counted["raw"] - counted["ended"]}
    for end, by_source in counted["sources"].items():
        for source, reasons in by_source.items():
            found |= {("source", source, end, reason): number for reason, number in reasons.items()}
    for name, line in counted["destinations"].items():
        found["destination", name, "accepted", ""] = line["accepted"]
        for end, reasons in line["ends"].items():
            found |= {("destination", name, end, reason): number for reason, number in reasons.items()}
    return {name: number for name, number in found.items() if number}


def _growing(numbers: dict[tuple[str, ...], int]) -> dict[tuple[str, ...], int]:
    return {name: number for name, number in numbers.items() if "waiting" not in name and "pending" not in name}


def _assert_every_kind_of_end_occurred(oracle: dict[str, Any]) -> None:
    ends = {name[2:] for name in _numbers_of_oracle(oracle) if len(name) == 4}
    assert ends >= {
        ("quarantined", "event_not_defined"),
        ("dropped", "duplicate"),
        ("delivered", ""),
        ("discarded", "FILTERED_BY_INTEGRATIONS_OBJECT"),
        ("discarded", "SOURCE_NOT_CONNECTED"),
        ("failed", "400"),
    }


def _assert_the_sink_agrees(oracle: dict[str, Any], sink: Sink) -> None:
    delivered = {one for line in oracle["destinations"].values() for one in line["delivered_ids"]}
    replayed = {one for found in oracle["replays"].values() for one in found["ids"]}
    assert delivered | replayed == sink.keys.keys() - sink.refused
    assert len(delivered) > 100, "too little traffic to prove anything"
