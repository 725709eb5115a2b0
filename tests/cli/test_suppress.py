"""`trackway suppress`."""

import json
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from trackway.cli import app


def run(folder: Path, *arguments: str, code: int = 0, input: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["suppress", *arguments, "-w", str(folder)], input=input)
    assert result.exit_code == code, result.output
    return result


def test_adding_listing_and_removing(tmp_path: Path):
    (tmp_path / "trackway.yaml").write_text("sources: {web: {write_keys: [wk]}}")
    (tmp_path / "ids.txt").write_text("u-3\n\n u-4 \n")
    assert "2 suppressed; 0 were before." in run(tmp_path, "add", "u-1", "u-2").output
    assert "2 suppressed; 1 were before." in run(tmp_path, "add", "u-1", "-f", str(tmp_path / "ids.txt")).output
    assert "1 suppressed" in run(tmp_path, "add", "-", input="u-5\n").output
    listed = [json.loads(line)["userId"] for line in run(tmp_path, "list", "--json").stdout.splitlines()]
    assert listed == ["u-1", "u-2", "u-3", "u-4", "u-5"]
    assert "1 taken off the list; 1 were not on it." in run(tmp_path, "remove", "u-2", "u-9").output
    assert [line.split()[1] for line in run(tmp_path, "list").stdout.splitlines()] == ["u-1", "u-3", "u-4", "u-5"]
    assert "name the user ids" in run(tmp_path, "add", code=1).output
    assert "cannot be read" in run(tmp_path, "add", "-f", str(tmp_path / "none"), code=1).output
