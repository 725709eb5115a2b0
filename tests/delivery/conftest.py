from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.delivery.harness import CleanLog, clean_log
from tests.fresh_state import fresh_state


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CleanLog]:
    with clean_log(tmp_path / "log") as found:
        yield found


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    found = fresh_state(tmp_path / "state.db")
    yield found
    found.dispose()
