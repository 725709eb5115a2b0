"""What is noted of changed settings."""

from pathlib import Path

import pytest

from trackway.workspace import Workspace, history, load_workspace
from trackway.workspace.history import Changed

BEFORE = """
sources: {web: {write_keys: [one]}}
privacy: {salt: very-secret}
destinations:
  crm:
    type: webhook
    filters: [{if: event = 'A', drop: true}]
    settings: {url: "https://crm.example/secret-path", concurrency: 4, mappings: {track: {enabled: true}}}
"""


def workspace(folder: Path, text: str) -> Workspace:
    (folder / "trackway.yaml").write_text(text)
    return load_workspace(folder, environ={})


def test_a_changed_filter_is_told_with_before_and_after(tmp_path: Path) -> None:
    before = workspace(tmp_path, BEFORE)
    after = workspace(tmp_path, BEFORE.replace("'A'", "'B'").replace("concurrency: 4", "concurrency: 5"))
    found = {one.key: one for one in history.changes_between(before, after)}
    assert found.keys() == {"destinations.crm.filters[0].if", "destinations.crm.settings.concurrency"}
    changed = found["destinations.crm.filters[0].if"]
    assert (changed.before, changed.after) == ("event = 'A'", "event = 'B'")
    assert found["destinations.crm.settings.concurrency"] == Changed("destinations.crm.settings.concurrency", "4", "5")
    assert history.changes_between(after, after) == []


def test_that_a_secret_changed_is_told_and_the_secret_is_not(tmp_path: Path) -> None:
    before = workspace(tmp_path, BEFORE)
    history.note_start(before)
    changed = BEFORE.replace("very-secret", "new-secret").replace("secret-path", "other-secret")
    history.note_change(before, workspace(tmp_path, changed))
    [entry] = history.read(before.data)
    assert {one.key: (one.before, one.after) for one in entry.changes} == {
        "privacy.salt": ("***", "***"),
        "destinations.crm.settings.url": ("***", "***"),
    }
    kept = b"".join(file.read_bytes() for file in before.data.iterdir())
    for secret in (b"very-secret", b"new-secret", b"secret-path", b"other-secret"):
        assert secret not in kept


def test_what_changed_while_nothing_ran_is_told_at_the_start(tmp_path: Path) -> None:
    history.note_start(workspace(tmp_path, BEFORE))
    assert history.read(tmp_path / "data") == []
    history.note_start(workspace(tmp_path, BEFORE))
    assert history.read(tmp_path / "data") == []
    history.note_start(workspace(tmp_path, BEFORE.replace("enabled: true", "enabled: false")))
    [entry] = history.read(tmp_path / "data")
    assert entry.while_stopped
    assert entry.changes == [Changed("destinations.crm.settings.mappings.track.enabled", "true", "false")]
    later = workspace(tmp_path, "sources: {web: {write_keys: [one]}}\n")
    history.note_start(later)
    gone = {one.key: one.after for one in history.read(later.data)[1].changes}
    assert gone["destinations.crm.type"] is None


def test_the_file_is_bounded_and_a_torn_line_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_MOST_BYTES", 2000)
    one, other = workspace(tmp_path, BEFORE), workspace(tmp_path, BEFORE.replace("'A'", "'B'"))
    for _ in range(20):
        history.note_change(one, other)
        history.note_change(other, one)
    file = one.data / "settings-changes.jsonl"
    assert file.stat().st_size < 3000
    with file.open("ab") as out:
        out.write(b'{"at":"2026-')
    number = len(history.read(one.data))
    history.note_change(one, other)
    assert len(history.read(one.data)) == number + 1
