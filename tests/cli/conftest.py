from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.serving import Collector


@pytest.fixture
def collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A running collector; commands find its workspace."""
    running = Collector(tmp_path / "workspace")
    monkeypatch.setenv("TRACKWAY_WORKSPACE", str(running.folder))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands in this process."""
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()
