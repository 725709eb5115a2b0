"""Functions run in a process of their own: whatever they do costs their own event and nothing else."""

import json
import os
import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trackway.functions import process as process_module
from trackway.functions.messages import Reply, Task
from trackway.functions.process import FunctionProcess

GENEROUS_S = 30.0


class Functions:
    """A folder of functions and a process over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 0.0
        self.process = FunctionProcess(folder, clock=lambda: self.now)
        folder.mkdir(exist_ok=True)

    def write(self, name: str, code: str) -> None:
        draft = self.folder / f"{name}.new"
        draft.write_text(textwrap.dedent(code))
        draft.replace(self.folder / f"{name}.py")
        self.now += 1  # time for another look at the files

    def run(self, name: str, *events: dict[str, Any], timeout_s: float = GENEROUS_S, **task: Any) -> list[Reply]:
        tasks = [Task(name, json.dumps({"type": "track", "event": "E"} | event).encode(), **task) for event in events]
        return self.process.run(tasks, timeout_s=timeout_s)


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    functions = Functions(tmp_path / "functions")
    yield functions
    functions.process.close()


def events(reply: Reply) -> list[Any]:
    assert reply.end == "passed", reply
    return [json.loads(one) for one in reply.events]


def test_change_drop_and_split(functions: Functions):
    functions.write(
        "shape",
        """
        def on_track(event, context):
            amount = event["properties"]["amount"]
            if amount == 0:
                context.drop("nothing was sold")
            if amount < 0:
                return [event, {**event, "event": "Refund Issued"}]
            event["properties"]["net"] = round(amount / context.settings["vat"], 2)
            event["properties"]["seen"] = f"{context.source} {context.destination} {context.received_at:%Y-%m-%d %H:%M}"
            return event
        """,
    )
    sold, nothing, refund, page = functions.run(
        "shape",
        *({"properties": {"amount": amount}} for amount in (11.9, 0, -1)),
        {"type": "page"},
        source="shop",
        received_at_ms=1_795_780_800_000,
        settings={"vat": 1.19},
    )
    assert events(sold)[0]["properties"] == {"amount": 11.9, "net": 10.0, "seen": "shop None 2026-11-27 12:00"}
    assert (nothing.end, nothing.reason) == ("dropped", "nothing was sold")
    assert [one["event"] for one in events(refund)] == ["E", "Refund Issued"]
    assert events(page) == [{"type": "page", "event": "E"}]  # no handler for it: it passes as it is


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def on_event(event, context):\n    return event['gone']", "line 2, in on_event\n    return event['gone']"),
        ("def on_event(event, context):\n    event['x'] = 1", "returned None; return the event"),
        ("def on_event(event, context):\n    return 'event'", "returned str; return the event, a dict"),
        ("def on_event(event, context):\n    return []", "no event; to leave it out use context.drop"),
        ("def on_event(event, context):\n    return event | {'type': 'page'}", "changed the event's type"),
        ("def on_event(event, context):\n    event['type'] = 'page'\n    return event", "changed the event's type"),
        ("def on_event(event, context):\n    del event['userId']\n    return event", "neither userId nor anonymousId"),
        (
            "def on_event(event, context):\n    for _ in range(250):\n        event['x'] = {'a': event.get('x')}\n"
            "    return event",
            "nests deeper than 200 levels at /x",
        ),
        ("def on_event(event, context):\n    return event | {'event': ''}", "has no name; set `event`"),
        ("def on_event(event, context):\n    return event | {'userId': 7}", "set userId to no text"),
        ("def on_event(event, context):\n    return event | {'context': []}", "set context to no dict"),
        ("def on_event(event, context):\n    return event | {'x': object()}", "is no JSON"),
        ("def on_event(event, context):\n    raise SystemError('inner')", "SystemError: inner"),
        ("def on_event(event, context)\n    return event", "cannot be used: "),
        ("import not_a_module", "No module named 'not_a_module'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def on_evnt(event, context): ...", "it has none of on_event, on_track"),
    ],
)
def test_a_fault_is_told_with_its_place(functions: Functions, code: str, told: str):
    functions.write("faulty", code)
    [reply] = functions.run("faulty", {"userId": "u"})
    assert (reply.end, reply.reason) == ("failed", "function_failed")
    assert told in reply.detail
    assert "host.py" not in reply.detail


def test_a_crash_costs_its_own_event(functions: Functions):
    functions.write(
        "crash",
        """
        import os
        def on_event(event, context):
            if event["n"] in (1, 3):
                os._exit(1)
            return event
        """,
    )
    replies = functions.run("crash", *({"n": n} for n in range(5)))
    assert [reply.reason or reply.end for reply in replies] == [
        "passed",
        "function_crashed",
        "passed",
        "function_crashed",
        "passed",
    ]


def test_a_killed_process_is_started_again(functions: Functions, monkeypatch: pytest.MonkeyPatch):
    functions.write("pid", "import os\ndef on_event(event, context):\n    return event | {'pid': os.getpid()}")
    [first] = functions.run("pid", {})
    os.kill(events(first)[0]["pid"], signal.SIGKILL)
    replies = [reply for _ in range(2) for reply in functions.run("pid", {})]
    assert events(replies[-1])[0]["pid"] != events(first)[0]["pid"]


def test_a_stall_costs_its_own_event_and_one_that_keeps_stalling_is_suspended(functions: Functions):
    functions.write(
        "stall",
        """
        def on_event(event, context):
            while event["n"] % 2:
                pass
            return event
        """,
    )
    functions.run("stall", {"n": 0})  # started, so that the time is the function's own
    replies = functions.run("stall", *({"n": n} for n in (1, 2)), timeout_s=1)
    assert [reply.reason or reply.end for reply in replies] == ["function_timeout", "passed"]
    replies = functions.run("stall", *({"n": 1} for _ in range(5)), timeout_s=1)
    assert [reply.reason for reply in replies] == ["function_timeout"] * 3 + ["function_suspended"] * 2
    functions.now += process_module.SUSPENDED_S
    assert functions.run("stall", {"n": 2})[0].end == "passed"


def test_a_mended_function_is_asked_at_once(functions: Functions, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process_module, "STRIKES", 1)
    functions.write("stall", "import time\ndef on_event(event, context):\n    time.sleep(600)")
    replies = functions.run("stall", {}, {}, timeout_s=0.2)
    assert [reply.reason for reply in replies] == ["function_timeout", "function_suspended"]
    functions.write("stall", "def on_event(event, context):\n    return event")
    assert functions.run("stall", {})[0].end == "passed"


def test_too_much_memory_is_the_functions_own_fault(functions: Functions):
    functions.write("greedy", "def on_event(event, context):\n    return event | {'x': len(bytearray(8 << 30))}")
    [reply] = functions.run("greedy", {})
    assert (reply.reason, "MemoryError" in reply.detail) == ("function_failed", True)


def test_what_a_function_prints_does_not_mix_with_the_replies(functions: Functions, capfd: pytest.CaptureFixture[str]):
    functions.write(
        "loud",
        "import os\ndef on_event(event, context):\n    print('hello')\n    os.system('echo there')\n    return event",
    )
    assert [reply.end for reply in functions.run("loud", {}, {})] == ["passed", "passed"]
    functions.process.close()
    assert {"hello", "there"} <= set(capfd.readouterr().err.split())


def test_a_changed_file_is_taken_over_and_a_broken_one_is_not(functions: Functions, caplog: pytest.LogCaptureFixture):
    version = "from _words import word\ndef on_event(event, context):\n    return event | {'v': word}"
    functions.write("_words", "word = 'one'")
    functions.write("versioned", version)
    assert events(functions.run("versioned", {})[0])[0]["v"] == "one"
    functions.write("_words", "word = 'second'")  # a helper counts, too
    assert events(functions.run("versioned", {})[0])[0]["v"] == "second"
    functions.write("versioned", "def on_event(event, context) return event")
    assert events(functions.run("versioned", {})[0])[0]["v"] == "second"
    assert "versioned cannot be used" in caplog.text
    assert "it goes on as it was before" in caplog.text
    functions.write("versioned", "def on_event(event, context):\n    return event | {'v': 'third'}")
    assert events(functions.run("versioned", {})[0])[0]["v"] == "third"


def test_large_events_by_the_hundred_pass_in_order(functions: Functions):
    functions.write("same", "def on_event(event, context):\n    return [event, event]")
    large = [{"n": n, "text": "x" * 30_000} for n in range(200)]
    replies = functions.run("same", *large)
    assert [[one["n"] for one in events(reply)] for reply in replies] == [[n, n] for n in range(200)]


def test_nothing_is_left_behind(functions: Functions):
    functions.write("pid", "import os\ndef on_event(event, context):\n    return event | {'pid': os.getpid()}")
    pid = events(functions.run("pid", {})[0])[0]["pid"]
    functions.process = FunctionProcess(functions.folder)  # dropped without a word
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
