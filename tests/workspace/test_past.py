"""What a destination was at some time, from what was noted of changes."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.workspace import Workspace, history, load_workspace
from trackway.workspace.past import destination_at

_TIMES = [f"2026-11-2{day}T10:00:00.000Z" for day in range(1, 9)]
_DAY_MS = 86_400_000
_FIRST_MS = 1_795_255_200_000
"""2026-11-21T10:00Z."""


def workspace(folder: Path, destination: dict[str, Any]) -> Workspace:
    text = yaml.safe_dump({"sources": {"web": {"write_keys": ["k"]}}, "destinations": {"crm": destination}})
    (folder / "trackway.yaml").write_text(text)
    return load_workspace(folder, environ={})


def crm(**given: Any) -> dict[str, Any]:
    return {"type": "webhook", "settings": {"url": "https://crm.example/secret", **given}}


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each entry be noted a day after the one before it."""
    times = iter(_TIMES)
    append = history._append  # pyright: ignore[reportPrivateUsage]

    def dated(file: Path, line: bytes) -> None:
        head, _, rest = line.partition(b'","changes"')
        append(file, head[: head.index(b'"at":"') + 6] + next(times).encode() + b'","changes"' + rest)

    monkeypatch.setattr(history, "_append", dated)


@pytest.mark.usefixtures("days")
def test_a_destination_is_as_it_was_before_each_change(tmp_path: Path) -> None:
    mapping = {"track": {"fields": {"a.b": "$.c", "url": "https://x.example"}}}
    states = [
        crm(concurrency=1),
        crm(concurrency=2) | {"filters": [{"if": "event = 'A'", "drop": True}], "trigger": "type = 'track'"},
        crm(concurrency=2, mappings=mapping),
        crm(concurrency=3, mappings={"track": {"enabled": False}}),
    ]
    loaded = [workspace(tmp_path, one) for one in states]
    for before, after in pairwise(loaded):
        history.note_change(before, after)
    entries = history.read(tmp_path / "data")
    now = loaded[-1].destinations["crm"]
    for number, one in enumerate(loaded[:-1]):
        past = destination_at(entries, "crm", now, _FIRST_MS + number * _DAY_MS - 1)
        assert past is not None
        assert (past.destination, past.until, past.unknown) == (one.destinations["crm"], _TIMES[number], [])
    assert destination_at(entries, "crm", now, _FIRST_MS + 2 * _DAY_MS) is None
    assert destination_at(entries, "other", now, 0) is None


def test_a_hidden_value_is_todays_and_is_said_to_be_unknown_if_it_changed(tmp_path: Path) -> None:
    first = workspace(tmp_path, crm(concurrency=1, headers={"X-Old": "o"}))
    second = workspace(tmp_path, {"type": "webhook", "settings": {"url": "https://new.example", "concurrency": 2}})
    history.note_change(first, second)
    past = destination_at(history.read(tmp_path / "data"), "crm", second.destinations["crm"], 0)
    assert past is not None
    assert past.destination.settings == {"url": "https://new.example", "concurrency": 1, "headers": {}}
    assert past.unknown == ["destinations.crm.settings.headers.X-Old", "destinations.crm.settings.url"]
    assert b"secret" not in (tmp_path / "data" / "settings-changes.jsonl").read_bytes()


def test_what_changed_while_nothing_ran_is_known_too(tmp_path: Path) -> None:
    history.note_start(workspace(tmp_path, crm(concurrency=1)))
    now = workspace(tmp_path, crm(concurrency=2))
    history.note_start(now)
    past = destination_at(history.read(tmp_path / "data"), "crm", now.destinations["crm"], 0)
    assert past is not None
    assert past.destination == workspace(tmp_path, crm(concurrency=1)).destinations["crm"]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.dictionaries(st.text("ab.", min_size=1, max_size=3), inner, min_size=1, max_size=3),
    max_leaves=5,
)
_SETTINGS = st.dictionaries(st.sampled_from(["mappings", "a", "a.b", "b"]), _VALUES, max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.lists(_SETTINGS, min_size=2, max_size=4))
def test_whatever_is_shown_comes_back(tmp_path_factory: pytest.TempPathFactory, states: list[dict[str, Any]]) -> None:
    folder = tmp_path_factory.mktemp("past")
    loaded = [workspace(folder, {"type": "webhook", "settings": one}) for one in states]
    for before, after in pairwise(loaded):
        history.note_change(before, after)
    entries = history.read(folder / "data")
    first, last = loaded[0].destinations["crm"], loaded[-1].destinations["crm"]
    past = destination_at(entries, "crm", last, 0)
    changed = any(one != first for one in (w.destinations["crm"] for w in loaded))
    assert (past.destination if past else last) == (first if changed else last)
