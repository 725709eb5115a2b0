"""Changed files: what is taken over, what waits, and what a mistake does."""

import os
from pathlib import Path

import pytest

from trackway.workspace import load_workspace
from trackway.workspace.watch import WorkspaceWatch

FILE = "trackway.yaml"
FIRST = "sources: {web: {write_keys: [one]}}\n"


def write(folder: Path, text: str, name: str = FILE) -> None:
    """Replace a file as editors do, so that it changes in any case."""
    (folder / "new").write_text(text)
    (folder / "new").replace(folder / name)


def watch_of(folder: Path, text: str = FIRST) -> WorkspaceWatch:
    write(folder, text)
    watch = WorkspaceWatch(load_workspace(folder))
    assert watch.look() is None
    return watch


def test_a_change_is_found_once(tmp_path: Path):
    watch = watch_of(tmp_path)
    write(tmp_path, FIRST.replace("one", "two"))
    found = watch.look()
    assert found is not None and found.sources["web"].write_keys == ["two"]
    watch.took(found)
    assert watch.look() is None and watch.workspace is found


def test_a_file_that_only_looks_changed_is_none(tmp_path: Path):
    watch = watch_of(tmp_path)
    write(tmp_path, "# a remark\n" + FIRST)
    assert watch.look() is None


def test_what_changed_between_reading_and_watching_is_found(tmp_path: Path):
    write(tmp_path, FIRST)
    watch = WorkspaceWatch(load_workspace(tmp_path))
    write(tmp_path, FIRST.replace("one", "two"))
    assert watch.look() is not None


@pytest.mark.parametrize("text", ["sources: {web: {write_keyz: [two]}}", "sources: [", "", "\xff"])
def test_a_mistake_keeps_the_old_settings_until_it_is_mended(tmp_path: Path, text: str):
    watch = watch_of(tmp_path)
    write(tmp_path, text)
    assert watch.look() is None and FILE in watch.mistake
    assert watch.look() is None and watch.workspace.sources["web"].write_keys == ["one"]
    write(tmp_path, FIRST)
    assert watch.look() is None and watch.mistake == ""


def test_a_file_that_is_gone_for_a_moment_changes_nothing(tmp_path: Path):
    watch = watch_of(tmp_path)
    (tmp_path / FILE).unlink()
    assert watch.look() is None and watch.mistake == ""
    write(tmp_path, FIRST.replace("one", "two"))
    assert watch.look() is not None


def test_what_is_refused_is_not_offered_again_until_it_changes(tmp_path: Path):
    from trackway.errors import TrackwayError

    watch = watch_of(tmp_path)
    write(tmp_path, FIRST.replace("one", "two"))
    assert watch.look() is not None
    watch.refused(TrackwayError("not here"))
    assert watch.look() is None and watch.mistake == "not here"
    write(tmp_path, FIRST)
    assert watch.look() is None and watch.mistake == ""


def test_a_secret_in_a_file_of_its_own_is_watched_from_when_it_is_named(tmp_path: Path):
    watch = watch_of(tmp_path)
    hook = "destinations: {hook: {type: webhook, settings: {url: 'https://h.example', shared_secret: {file: key}}}}"
    write(tmp_path, FIRST + hook)
    assert watch.look() is None and "key cannot be read" in watch.mistake
    for secret in ("first", "second"):
        write(tmp_path, secret, "key")
        found = watch.look()
        assert found is not None and found.destinations["hook"].settings["shared_secret"] == secret
        watch.took(found)
        watch.look()


def test_what_is_read_at_the_start_waits_and_the_rest_does_not(tmp_path: Path):
    watch = watch_of(tmp_path)
    write(tmp_path, FIRST + "collector: {port: 9000, max_body: 1 MiB}\nlog: {segment_size: 1 MiB}\n")
    found = watch.look()
    assert found is not None and watch.waiting == ("collector.port", "log.segment_size")
    assert (found.collector.port, found.collector.max_body) == (8080, 1 << 20)
    watch.took(found)
    write(tmp_path, FIRST + "collector: {max_body: 1 MiB}\n")
    assert watch.look() is None and watch.waiting == ()


def test_overrides_of_the_environment_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACKWAY__LOG__KEEP", "3h")
    watch = watch_of(tmp_path)
    write(tmp_path, FIRST + "log: {keep: 9h, keep_size: 1 GiB}")
    found = watch.look()
    assert found is not None and (found.log.keep, found.log.keep_size) == (10_800, 1 << 30)


def test_an_untouched_file_is_read_again_when_told_to(tmp_path: Path):
    watch = watch_of(tmp_path)
    stat = (tmp_path / FILE).stat()
    (tmp_path / FILE).write_text(FIRST.replace("one", "two"))
    os.utime(tmp_path / FILE, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert watch.look() is None
    assert watch.look(anyway=True) is not None
