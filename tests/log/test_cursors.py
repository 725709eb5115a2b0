"""The file of the consumers' positions, opened by several at once."""

import threading
from pathlib import Path

from trackway.log.contract import LogUnavailable
from trackway.log.cursors import Cursors
from trackway.sqlite import sqlite3


def test_who_opens_a_new_file_waits_for_others_who_do(tmp_path: Path):
    """Switching to a write-ahead log does not wait for who writes: SQLite says at once that the file is locked."""
    path = tmp_path / "cursors.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE something(id)")
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO something VALUES(1)")
    cursors = Cursors(path)
    failed: list[LogUnavailable] = []

    def register() -> None:
        try:
            cursors.register("events", "hook")
        except LogUnavailable as error:
            failed.append(error)

    opening = threading.Thread(target=register)
    opening.start()
    opening.join(0.3)  # ends at once when it does not wait
    assert not failed
    other.execute("COMMIT")
    opening.join()
    assert not failed
    assert cursors.consumers("events") == {"hook": {}}
    cursors.close()
    other.close()
