import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.delivery.harness import CleanLog, clean_log
from tests.fresh_state import fresh_state


@pytest.fixture
def tmp_path(memory_path: Path) -> Path:
    """In memory: here logs and books are written thousands of times, and a disk would be waited for each time."""
    return memory_path


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CleanLog]:
    with clean_log(tmp_path / "log") as found:
        yield found


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    found = fresh_state(tmp_path / "state.db")
    yield found
    found.dispose()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else can take meanwhile: it is bound, and not listened to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
