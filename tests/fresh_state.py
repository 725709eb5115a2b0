"""State databases for tests: to make the tables takes far longer than to copy them; `tests/state` tests the making."""

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from trackway.state import open_state


def fresh_state(path: Path) -> Engine:
    """Make a state database without rows at `path`, whose folder exists, and open it."""
    path.write_bytes(_empty())
    return open_state(path)


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "state.db")
        open_state(path).dispose()
        return path.read_bytes()
