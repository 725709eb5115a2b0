"""`trackway settings`: meaning, default, value and origin of each setting, and no secret among them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trackway.cli.settings import settings
from trackway.errors import TrackwayError

FILE = """\
sources:
  web:
    write_keys: [wk]
    dedup_window: 2h
destinations:
  hook:
    type: webhook
    settings: {url: "https://h.example", shared_secret: hunter2}
console:
  token: {env: THE_TOKEN}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THE_TOKEN", "t0p-secret")
    (tmp_path / "trackway.yaml").write_text(FILE)
    return tmp_path


def explain(folder: Path, key: str) -> dict[str, Any]:
    done = CliRunner().invoke(settings, ["explain", key, "--workspace", str(folder), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_setting_is_explained_whole(folder: Path):
    assert explain(folder, "sources.web.dedup_window") == {
        "key": "sources.web.dedup_window",
        "meaning": "How long a repeated `messageId` counts as the same event.",
        "kind": "duration",
        "default": "24h",
        "value": "2h",
        "set_in": "trackway.yaml:4",
        "taken_over": "at once",
    }


@pytest.mark.parametrize(
    ("key", "value", "set_in", "taken_over"),
    [
        ("log.keep", "7 days", "default", "at once"),
        ("collector.port", "8080", "default", "at the next start"),
        ("console.token", "***", "trackway.yaml:10, from the environment variable THE_TOKEN", "at the next start"),
        ("destinations.hook.type", "webhook", "trackway.yaml:7", "at once"),
        ("destinations.hook.settings", "url, shared_secret", "trackway.yaml:8", "at once"),
        ("sources.shop.enabled", None, "nowhere", "at once"),
        ("sources", "web", "trackway.yaml:1", "at once"),
    ],
)
def test_where_a_value_comes_from(folder: Path, key: str, value: str | None, set_in: str, taken_over: str):
    found = explain(folder, key)
    assert (found["value"], found["set_in"], found["taken_over"]) == (value, set_in, taken_over)


def test_the_environment_wins(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACKWAY__SOURCES__WEB__DEDUP_WINDOW", "90s")
    found = explain(folder, "sources.web.dedup_window")
    variable = "the environment variable TRACKWAY__SOURCES__WEB__DEDUP_WINDOW"
    assert (found["value"], found["set_in"]) == ("90s", variable)


def test_an_unknown_key_has_a_hint(folder: Path):
    with pytest.raises(TrackwayError, match=r"there is no setting log\.kep; did you mean log\.keep\?"):
        explain(folder, "log.kep")


def test_people_see_no_secret_and_the_members_of_a_group(folder: Path):
    for key, member in (
        ("destinations.hook", "destinations.*.sources"),
        ("console", "console.port"),
        ("log", "log.keep"),
    ):
        done = CliRunner().invoke(settings, ["explain", key, "-w", str(folder)], terminal_width=200)
        assert done.exit_code == 0 and member in done.stdout
        assert "hunter2" not in done.stdout and "t0p-secret" not in done.stdout


def test_the_settings_of_a_destinations_type_are_explained_too(tmp_path: Path):
    hook = "type: webhook\n    settings: {url: 'https://h.example/x?key=k-123456', shared_secret: s-1}"
    text = f"sources: {{web: {{write_keys: [w]}}}}\ndestinations:\n  hook:\n    {hook}\n"
    (tmp_path / "trackway.yaml").write_text(text)
    url = explain(tmp_path, "destinations.hook.settings.url")
    assert url["value"] == "https://h.example/x?key=***" and "secrets belong into" in url["meaning"]
    assert explain(tmp_path, "destinations.hook.settings.shared_secret")["value"] == "***"
    assert explain(tmp_path, "destinations.hook.settings.timeout") | {"meaning": ""} == {
        "key": "destinations.hook.settings.timeout",
        "meaning": "",
        "kind": "duration",
        "default": '"5s"',
        "value": None,
        "set_in": "default",
        "taken_over": "at once",
    }


def test_all_are_listed():
    done = CliRunner().invoke(settings, ["list", "--json"], catch_exceptions=False)
    keys = [json.loads(line)["key"] for line in done.stdout.split("\n") if line]
    assert {"sources.*.write_keys", "collector.max_body", "log.floor", "delivery.allow_private_addresses"} <= set(keys)
    assert len(keys) == len(set(keys))
