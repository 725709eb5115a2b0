"""docs/configuration.md has every setting, as the code has it."""

from pathlib import Path

import pytest

from trackway.workspace import load_workspace
from trackway.workspace.describe import Setting, describe
from trackway.workspace.model import Workspace

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
SETTINGS = list(describe(Workspace))


def row(one: Setting) -> str:
    """Return a setting's row on the page."""
    default = "must be given" if one.default is None else "" if one.is_group else f"`{one.default}`"
    changes = "next start" if one.at_start else "at once"
    cells = (f"`{one.key}`", default, changes, one.meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


@pytest.mark.parametrize("one", [one for one in SETTINGS if "." in one.key and not one.key.endswith(".*")],
                         ids=lambda one: one.key)  # fmt: skip
def test_each_setting_has_its_row(one: Setting):
    assert one.meaning, f"{one.key} has no text beneath it in the source"
    assert row(one) in PAGE.splitlines(), f"docs/configuration.md lacks this line under {one.key.partition('.')[0]}"


@pytest.mark.parametrize("one", [one for one in SETTINGS if "." not in one.key], ids=lambda one: one.key)
def test_each_group_has_its_heading(one: Setting):
    assert f"## {one.key}\n\n{one.meaning}\n" in PAGE


def test_the_page_has_no_setting_that_is_gone():
    known = {row(one) for one in SETTINGS}
    assert [line for line in PAGE.splitlines() if line.startswith("| `") and line not in known] == []


def test_the_example_is_a_workspace(tmp_path: Path):
    (tmp_path / "trackway.yaml").write_text(PAGE.partition("```yaml\n")[2].partition("```")[0])
    workspace = load_workspace(tmp_path, environ={"WEBHOOK_SECRET": "s"})
    assert workspace.sources["web"].dedup_window == 7 * 86400
    assert workspace.destinations["backend"].settings["shared_secret"] == "s"
    assert (workspace.log.keep, workspace.log.floor) == (30 * 86400, 2 << 30)
