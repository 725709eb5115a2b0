import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import IntegrityError

from trackway.sqlite import sqlite3
from trackway.state import StateError, Writing, migrate, open_state, upsert, writing
from trackway.state.engine import HEAD
from trackway.state.tables import cursors, destinations, metadata, pauses, tallies


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where there is no state database yet."""
    if request.param == "sqlite":
        return str(tmp_path / "new" / "state.db")
    known = conninfo_to_dict(request.getfixturevalue("database"))
    return f"postgresql+psycopg://{known['user']}:{known['password']}@/{known['dbname']}?host={known['host']}"


@pytest.fixture
def engine(place: str) -> Iterator[Engine]:
    engine = open_state(place)
    yield engine
    engine.dispose()


def test_a_new_database_has_all_tables_and_keeps_what_is_written(place: str) -> None:
    engine = open_state(place)
    with writing(engine) as connection:
        upsert(connection, destinations, [{"destination": "d", "started_ms": 1}])
    engine.dispose()
    again = open_state(place)
    with again.connect() as connection:
        assert connection.execute(destinations.select()).all() == [("d", 1)]
    again.dispose()


def test_migrations_make_the_tables_that_the_code_uses(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_new_database_is_as_one_that_was_migrated(tmp_path: Path) -> None:
    engine = _migrated(tmp_path / "migrated.db")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    open_state(tmp_path / "new.db").dispose()
    assert _layout(tmp_path / "new.db") == _layout(tmp_path / "migrated.db")


def test_what_an_older_trackway_wrote_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("create table alembic_version (version_num varchar(32) not null primary key)")
    engine = open_state(path)
    with engine.connect() as connection:
        assert connection.execute(text("select version_num from alembic_version")).all() == [(HEAD,)]
        assert connection.execute(destinations.select()).all() == []
    engine.dispose()


def _migrated(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate.upgrade(connection)
    return engine


def _layout(path: Path) -> dict[str, list[object]]:
    """Columns, foreign keys and indexes by table, and what a table's statement says of nothing else."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        found: dict[str, list[object]] = {}
        for table, sql in db.execute("select name, upper(sql) from sqlite_master where type = 'table'").fetchall():
            indexes = db.execute(f"select name, origin, \"unique\" from pragma_index_list('{table}')").fetchall()
            found[table] = [
                db.execute(f"pragma table_xinfo('{table}')").fetchall(),
                sorted(row[2:] for row in db.execute(f"pragma foreign_key_list('{table}')")),
                sorted((index, db.execute(f"pragma index_xinfo('{index[0]}')").fetchall()) for index in indexes),
                [word for word in ("ROWID", "AUTOINCREMENT", "CHECK", "STRICT", "COLLATE", "GENERATED") if word in sql],
            ]
        found["alembic_version"].append(db.execute("select * from alembic_version").fetchall())
    return found


def test_head_is_the_newest_migration() -> None:
    assert migrate.head() == HEAD


def test_commits_are_made_to_survive_power_loss(tmp_path: Path) -> None:
    engine = open_state(tmp_path / "state.db")
    with engine.connect() as connection:
        assert connection.execute(text("pragma journal_mode")).scalar() == "wal"
        assert connection.execute(text("pragma synchronous")).scalar() == 2  # FULL
        with pytest.raises(IntegrityError):
            connection.execute(tallies.insert(), _tally("nobody", 1))
    engine.dispose()


def test_an_error_takes_everything_back(engine: Engine) -> None:
    with contextlib.suppress(RuntimeError), writing(engine) as connection:
        upsert(connection, destinations, [{"destination": "d", "started_ms": 1}])
        raise RuntimeError
    with engine.connect() as connection:
        assert connection.execute(destinations.select()).all() == []


def test_upsert_adds_replaces_and_keeps(engine: Engine) -> None:
    with writing(engine) as connection:
        upsert(connection, destinations, [{"destination": "d", "started_ms": 1}])
        for number in (2, 3):
            upsert(connection, tallies, [_tally("d", number)], add=["count"])
        for offset in (4, 9):
            row = {
                "destination": "d",
                "topic": "events",
                "partition": 0,
                "start_offset": offset,
                "next_offset": offset,
            }
            upsert(connection, cursors, [row], keep=["start_offset"])
        assert connection.execute(tallies.select()).one()[-1] == 5
        assert connection.execute(cursors.select()).one()[-2:] == (4, 9)


@pytest.mark.parametrize("count", [1, 64, 137])
def test_rows_written_together_are_all_there_and_the_last_of_a_key_counts(engine: Engine, count: int) -> None:
    writing_tallies = Writing(tallies, ("destination", "source", "outcome", "reason", "count"), add=("count",))
    writing_pauses = Writing(pauses, ("destination", "at_ms"))
    with writing(engine) as connection:
        upsert(connection, destinations, [{"destination": "d", "started_ms": 1}])
        writing_tallies.write(connection, [("d", "s", "failed", f"r-{number % 50}", number) for number in range(count)])
        writing_pauses.write(connection, [(f"d-{number % 50}", number) for number in range(count)])
    with engine.connect() as connection:
        counted = {row[0]: row[1] for row in connection.execute(select(tallies.c.reason, tallies.c["count"]))}
        paused = {row.destination: row.at_ms for row in connection.execute(select(pauses))}
    assert counted == {f"r-{key}": sum(range(key, count, 50)) for key in range(min(count, 50))}
    assert paused == {f"d-{number % 50}": number for number in range(count)}


def test_writers_wait_for_each_other_even_when_they_read_first(engine: Engine) -> None:
    with writing(engine) as connection:
        upsert(connection, destinations, [{"destination": "d", "started_ms": 1}])
        upsert(connection, tallies, [_tally("d", 0)])

    def add() -> None:
        for _ in range(50):
            with writing(engine) as connection:
                count = connection.execute(tallies.select()).one()[-1]
                upsert(connection, tallies, [_tally("d", count + 1)])

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.execute(tallies.select()).one()[-1] == 200


def test_all_that_a_transaction_reads_is_of_one_moment(engine: Engine) -> None:
    with writing(engine) as connection:
        upsert(connection, destinations, [{"destination": "d", "started_ms": 1}])
    with engine.connect() as reading:
        assert reading.execute(select(destinations.c.destination)).scalars().all() == ["d"]
        with writing(engine) as connection:
            upsert(connection, destinations, [{"destination": "e", "started_ms": 2}])
            upsert(connection, tallies, [_tally("e", 1)])
        assert reading.execute(tallies.select()).all() == []
        assert reading.execute(select(destinations.c.destination)).scalars().all() == ["d"]
    with engine.connect() as reading:
        assert reading.execute(tallies.select()).one()[-1] == 1


def test_opening_a_database_at_head_does_not_import_alembic(tmp_path: Path) -> None:
    open_state(tmp_path / "state.db").dispose()
    program = (
        f"import sys; from trackway.state import open_state; open_state({str(tmp_path / 'state.db')!r});"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_database_of_a_newer_trackway_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    open_state(path).dispose()
    with sqlite3.connect(path) as db:
        db.execute("update alembic_version set version_num = '9999'")
    db.close()
    with pytest.raises(StateError, match=r"revision 9999.*run the newer Trackway"):
        open_state(path)


def test_what_cannot_be_opened_is_named_and_passwords_are_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a database, but long enough to look at" * 100)
    with pytest.raises(StateError, match=r"file cannot be opened"):
        open_state(tmp_path / "file")
    with pytest.raises(StateError) as caught:
        open_state("nonsense:hunter2://")
    assert "hunter2" not in str(caught.value)


def _tally(destination: str, count: int) -> dict[str, object]:
    return {"destination": destination, "source": "s", "outcome": "delivered", "reason": "", "count": count}
