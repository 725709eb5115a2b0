import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.services import ROOT
from trackway.cli import app
from trackway.cli.reasons import KINDS, as_markdown
from trackway.events.reasons import all_reasons, meaning_of

_SOURCE = ROOT / "src" / "trackway"
_FINAL = re.compile(
    r'(?:refuse|quarantine|drop|Rejected|Skipped|Retry|find)\(\s*"([A-Za-z_]\w*)"|End\(\s*"(?:discarded|failed)",\s*"(\w+)"'
)
"""How the code writes down an end with its code."""


def test_the_page_of_reasons_is_what_the_command_writes() -> None:
    page = (ROOT / "docs" / "reasons.md").read_text("utf-8")
    assert page == as_markdown(all_reasons()), "run `trackway reasons --markdown > docs/reasons.md`"


def test_every_code_is_listed_once_for_each_kind_with_a_sentence() -> None:
    found = [(reason.kind, reason.code) for reason in all_reasons()]
    assert len(found) == len(set(found))
    assert {kind for kind, _ in found} == set(KINDS)
    assert all(reason.meaning.endswith(".") for reason in all_reasons())


def _written() -> list[tuple[str, str]]:
    """Codes in the source, with the files that they stand in; a destination's own are its own affair."""
    files = [path for path in _SOURCE.rglob("*.py") if not {"catalog", "testing", "cli"} & set(path.parts)]
    return [
        (code, str(path.relative_to(ROOT)))
        for path in files
        for match in _FINAL.finditer(path.read_text("utf-8"))
        if not (code := match[1] or match[2]).endswith("_")
    ]


def test_no_code_of_ours_writes_an_end_that_is_not_listed() -> None:
    written = _written()
    assert len(written) > 15, "the search finds nothing any more"
    unknown = [(code, path) for code, path in written if not meaning_of(code)]
    assert not unknown


def test_one_code_is_explained_and_a_near_miss_is_hinted(runner: CliRunner) -> None:
    told = runner.invoke(app, ["reasons", "duplicate", "--json"])
    assert json.loads(told.stdout)["kind"] == "dropped"
    assert "status 400" in runner.invoke(app, ["reasons", "400"]).stdout
    wrong = runner.invoke(app, ["reasons", "duplicates"])
    assert wrong.exit_code == 1
    assert "did you mean duplicate?" in wrong.stderr


@pytest.fixture(autouse=True)
def _no_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
