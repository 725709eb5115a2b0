"""How often what was blocked: counted by name, bounded, and shown by the command and the API."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogue.test_running import ask
from tests.fresh_state import fresh_state
from tests.running import poll_until, start_trackway
from trackway.catalogue import blocked
from trackway.catalogue.blocked import BlockedEntry, BlockedLedger
from trackway.events.records import DroppedRecord, Place


def dropped(name: str, at_ms: int, *, reason: str = "blocked") -> tuple[DroppedRecord, Place]:
    return DroppedRecord("web", "track", "m", at_ms, Place(0, 0), reason, name=name), Place(0, 0)


def test_what_is_blocked_is_counted_by_name_over_restarts(tmp_path: Path) -> None:
    engine = fresh_state(tmp_path / "state.db")
    BlockedLedger(engine).take([dropped("A", 5), dropped("A", 9), dropped("B", 7, reason="duplicate")], {0: 3})
    BlockedLedger(engine).take([dropped("A", 2)], {0: 4})
    expected = BlockedEntry(source="web", type="track", name="A", count=3, first_ms=2, last_ms=9)
    assert BlockedLedger(engine).read() == [expected] == BlockedLedger(engine).read(source="web", event="A")
    assert BlockedLedger(engine).read(event="B") == []
    assert BlockedLedger(engine).positions() == {0: 4}
    engine.dispose()


def test_made_up_names_take_a_bounded_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocked, "MAX_NAMES", 2)
    engine = fresh_state(tmp_path / "state.db")
    for _ in range(2):
        BlockedLedger(engine).take([dropped(str(number), 1) for number in range(9)], {0: 9})
    assert {one.name: one.count for one in BlockedLedger(engine).read()} == {"0": 2, "1": 2, "": 14}
    engine.dispose()


def test_a_blocked_event_is_counted_traced_and_nowhere_else(tmp_path: Path) -> None:
    with start_trackway(tmp_path, sources={"web": {"write_keys": ["test"], "block": ["Mouse Moved"]}}) as running:
        running.post("/v1/track", {"userId": "u1", "event": "Mouse Moved", "messageId": "m-1"})
        running.post("/v1/track", {"userId": "u1", "event": "Order Placed"})
        running.settle()
        assert [event["event"] for event in running.events()] == ["Order Placed"]
        found = poll_until(
            lambda: ask(running, "/api/catalogue")["blocked"], what="the blocked event's count", timeout_s=30
        )
        assert [(one["source"], one["name"], one["count"]) for one in found] == [("web", "Mouse Moved", 1)]
        [line] = [one for one in ask(running, "/api/ledger")["sources"] if one["source"] == "web"]
        assert line["dropped"] == {"blocked": 1}
        [story] = ask(running, "/api/trace/m-1")["stories"]
        assert "Mouse Moved" in json.dumps(story)
        command = [Path(sys.executable).with_name("trackway"), "catalogue", "-w", tmp_path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert "Mouse Moved (track of web) is blocked: 1 left out" in done.stderr
