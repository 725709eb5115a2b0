"""`trackway destinations`: every type is listed, described and tried; own ones are made, or come with a package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trackway.cli import app
from trackway.destinations import registry

MODULE = '''"""Beacon, a destination from elsewhere.

Source:   https://beacon.example/docs, read 2026-11-26.
"""

from msgspec import Struct

from trackway.destinations import kit

NAME = "Beacon"
LIMITS = kit.Limits(events=10)
ACTIONS = {"send": kit.Action(fields={"who": kit.Field.text(kit.at("userId"))}, row=kit.row(who=kit.field("who")))}
MAPPINGS = {"track": kit.Mapping(action="send", trigger='type = "track"')}


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to."""

    key: kit.Secret
    """Beacon: Project > Keys."""


def request(settings, rows):
    """Return a request."""
    headers = {"Authorization": settings.key.reveal()}
    return kit.Request(method="POST", url="https://beacon.example/", headers=headers, json=[row.value for row in rows])
'''
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "trackway-beacon"
version = "1.0"

[project.entry-points."trackway.destinations"]
beacon = "trackway_beacon"

[tool.hatch.build.targets.wheel]
only-include = ["trackway_beacon.py"]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "trackway.yaml").write_text("sources: {}\n")
    return folder


def run(workspace: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["destinations", *words, "-w", str(workspace)])


def test_all_types_are_listed(workspace: Path) -> None:
    found = [json.loads(line) for line in run(workspace, "list", "--json").stdout.splitlines()]
    assert [one["type"] for one in found] == registry.known()
    assert len(found) >= 12
    assert all(one["name"] and one["summary"] for one in found)
    assert "Google Analytics 4" in run(workspace, "list").stdout


@pytest.mark.parametrize("kind", registry.known())
def test_each_type_is_described_and_keeps_its_promises(workspace: Path, kind: str) -> None:
    told = json.loads(run(workspace, "describe", kind, "--json").stdout)
    assert told["type"] == kind
    assert told["settings"]
    shown = run(workspace, "describe", kind)
    assert shown.exit_code == 0
    assert told["settings"][0]["name"] in shown.stdout
    tried = run(workspace, "try", kind)
    assert tried.exit_code == 0, tried.output
    assert tried.stdout.count("OK") >= 3


def test_a_type_of_ones_own_is_made_tried_and_checked(workspace: Path) -> None:
    made = run(workspace, "new", "lighthouse")
    assert made.exit_code == 0, made.output
    assert Path(made.stdout.strip()).is_relative_to(workspace)
    assert run(workspace, "try", "lighthouse").exit_code == 0
    assert "lighthouse" in run(workspace, "list").stdout
    case = next((workspace / "destinations").rglob("*.json"))
    settings = json.loads(case.read_text())["settings"]
    destinations = {"mine": {"type": "lighthouse", "settings": settings}}
    (workspace / "trackway.yaml").write_text(json.dumps({"sources": {}, "destinations": destinations}))
    checked = run(workspace, "check", "mine", "--json")
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.stdout)["status"] == "UNKNOWN"


def test_a_type_of_ones_own_is_previewed(workspace: Path) -> None:
    run(workspace, "new", "lighthouse")
    event = {"type": "track", "messageId": "m-1", "userId": "u-1", "event": "Lit"}
    files = {"settings": workspace / "settings.yaml", "events": workspace / "events.jsonl"}
    files["settings"].write_text("type: lighthouse\nsettings: {api_key: k}\n")
    files["events"].write_text(json.dumps({"id": "one", "event": event}))
    given = [part for name, file in files.items() for part in (f"--{name}", str(file))]
    shown = CliRunner().invoke(app, ["preview", "lighthouse", *given, "--workspace", str(workspace)])
    assert shown.exit_code == 0, shown.output
    assert [request["method"] for request in json.loads(shown.stdout)["requests"]] == ["POST"]


def test_a_broken_case_is_shown_and_fails_the_try(workspace: Path) -> None:
    run(workspace, "new", "lighthouse")
    case = next((workspace / "destinations").rglob("*.json"))
    told = json.loads(case.read_text())
    told["events"][0]["type"] = "alias" if told["events"][0]["type"] != "alias" else "track"
    case.write_text(json.dumps(told))
    tried = run(workspace, "try", "lighthouse")
    assert tried.exit_code == 1
    assert "FAIL" in tried.stdout


def test_a_type_comes_with_an_installed_package(tmp_path: Path, workspace: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "trackway_beacon.py").write_text(MODULE)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    build = [*pip, "--no-deps", "--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run(build, check=True, timeout=120, capture_output=True)
    (workspace / "beacon.yaml").write_text("type: beacon\nsettings: {key: k-1}\n")
    (workspace / "events.jsonl").write_text('{"type": "track", "messageId": "m-1", "userId": "u-1", "event": "E"}\n')

    def trackway(*words: str) -> str:
        command = [sys.executable, "-c", "from trackway.cli import app; app()", *words]
        paths = os.pathsep.join(filter(None, (str(target), os.environ.get("PYTHONPATH"))))
        found = subprocess.run(
            command, cwd=workspace, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=120
        )
        assert found.returncode == 0, found.stderr
        return found.stdout

    listed = [json.loads(line) for line in trackway("destinations", "list", "--json", "-w", ".").splitlines()]
    assert {"type": "beacon", "name": "Beacon", "summary": "Beacon, a destination from elsewhere."} in listed
    shown = json.loads(trackway("preview", "beacon", "--settings", "beacon.yaml", "--events", "events.jsonl"))
    [request] = shown["requests"]
    assert request["headers"]["Authorization"] == "k-1"
    assert request["body"] == [{"who": "u-1"}]


def test_a_word_of_python_is_no_type(workspace: Path) -> None:
    found = CliRunner().invoke(app, ["destinations", "new", "import", "--workspace", str(workspace)])
    assert found.exit_code == 1 and "it is a word of Python" in found.stderr
