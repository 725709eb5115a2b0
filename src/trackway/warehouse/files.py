"""A warehouse of Parquet files, in a folder or a bucket.

`files_commits` tells how a load is there as a whole or not at all, `files_tables` what the files are, `files_query` how
they are asked. The position in the log stands in each commit.
"""

import contextlib
import logging
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, RLock

import duckdb
import msgspec

from trackway.events.records import EVENTS, EventRecord
from trackway.warehouse.chunks import REST, build
from trackway.warehouse.columns import Kind
from trackway.warehouse.contract import LoadReport, QueryResult, WarehouseError, check_schemas
from trackway.warehouse.files_commits import Commits, last_commit
from trackway.warehouse.files_iceberg import IcebergCatalogue
from trackway.warehouse.files_query import FILES_RULES, Questions
from trackway.warehouse.files_store import STORE_ERRORS, Store, open_reading, open_store
from trackway.warehouse.files_tables import Shape, Tables
from trackway.warehouse.files_upkeep import FilesRebuild, Recount, scratch
from trackway.warehouse.history import History, Step, silent
from trackway.warehouse.layout import Layouts, cutoff
from trackway.warehouse.loading import ClosedByWith, LoadAccount
from trackway.warehouse.naming import RESERVED_COLUMNS, schema_name
from trackway.warehouse.rows import Shapes, room_for
from trackway.warehouse.upkeep import NO_COPY, Rebuilt, TableCount
from trackway.workspace.model import WarehouseS3

_EXPIRE_EVERY_S = 3600.0
_log = logging.getLogger(__name__)


class FilesWarehouse(ClosedByWith):
    """A `Warehouse` of files at a folder, or at `s3://bucket/prefix`; it is opened when it is first needed."""

    def __init__(
        self,
        place: Path | str,
        sources: Sequence[str] = (),
        *,
        name: str = "files",
        s3: WarehouseS3 | None = None,
        layouts: Layouts | None = None,
        iceberg: Path | None = None,
        given: Mapping[str, Mapping[str, Kind]] | None = None,
        most_columns: int = 5000,
        most_tables: int = 5000,
    ) -> None:
        """Take where the files are; the rest is as for the other warehouses.

        `iceberg` is the SQLite file of a catalogue that has them as Iceberg tables, too.

        Raises:
            WarehouseError: two sources would share a schema.
        """
        check_schemas(sources, FILES_RULES)
        self._place, self._sources, self._name = place, sources, name
        self._s3, self._layouts = s3 or WarehouseS3(), layouts or Layouts()
        self._given, self._most_columns, self._most_tables = given or {}, most_columns, most_tables
        self._shapes = Shapes(FILES_RULES)
        self._store: Store | None = None
        self._commits: Commits | None = None
        self._tables: Tables | None = None
        self._iceberg_file = iceberg
        self._iceberg: IcebergCatalogue | None = None
        self._unlisted: set[str] = set()
        """Tables that the Iceberg catalogue has yet to follow."""
        self._lock = RLock()
        """Held by a load, and by what no load may come between."""
        self._interrupted = Event()
        self._expired_at = -_EXPIRE_EVERY_S
        self._reader = FilesReader(place, sources, name=name, s3=self._s3)

    def _open(self) -> tuple[Commits, Tables]:
        """Return what there is, looked up again after a failure."""
        with self._lock:
            return self._look_up()

    def _look_up(self) -> tuple[Commits, Tables]:
        if self._store is None:
            self._store = open_store(self._place, self._s3)
        if self._commits is None or self._tables is None:
            self._commits = Commits(self._store)
            state = self._commits.state()
            self._tables = Tables(self._store, state, self._layouts, self._given, self._most_columns)
            self._unlisted |= self._tables.shapes.keys()
            if self._iceberg_file is not None and self._iceberg is None:
                self._iceberg = IcebergCatalogue(self._iceberg_file, self._place, self._store, self._s3)
            self._list_in_iceberg()
        return self._commits, self._tables

    def positions(self, topic: str) -> dict[int, int]:
        """Return the next offset to load, by partition; see the contract."""
        with self._lock, self._explained("does not tell its position"):
            commits, _ = self._open()
            return dict(commits.head.positions.get(topic, {}))

    def load(self, records: Sequence[EventRecord], topic: str, positions: Mapping[int, int]) -> LoadReport:
        """Write the rows of `records` and remember `positions` in one commit; see the contract."""
        self._interrupted.clear()
        account = LoadAccount(len(records))
        with self._lock, self._explained("did not take this load"):
            commits, tables = self._open()
            tables.start_load()
            room = room_for(tables, self._most_tables)
            batch = build(
                records,
                FILES_RULES,
                self._name,
                shapes=self._shapes,
                has_room=room,
                options=self._layouts.named,
                go_on=self._stop_if_interrupted,
            )
            staging = commits.stage()
            for chunk in batch.chunks:
                self._stop_if_interrupted()
                tables.write(chunk, account.at, staging, commits.head.number + 1)
                account.count(chunk)
            if self._layouts.any_kept and account.began - self._expired_at > _EXPIRE_EVERY_S:
                tables.expire(account.at, staging)
                self._expired_at = account.began
            known = commits.head.positions
            touched = {_table_of(path) for path in (*(move.path for move in staging.moves), *staging.removed)}
            commits.commit(staging, known | {topic: known.get(topic, {}) | dict(positions)}, tables.new_state())
            self._unlisted |= touched & tables.shapes.keys()
            self._list_in_iceberg()
        return account.report(batch, tables)

    def _stop_if_interrupted(self) -> None:
        if self._interrupted.is_set():
            raise WarehouseError(f"the load into {self._name} was interrupted")

    def _list_in_iceberg(self) -> None:
        """Let the catalogue follow; what is committed stays so whatever comes of it, and the next load tries again."""
        if self._iceberg is None:
            return
        try:
            self._iceberg.follow(sorted(self._unlisted))
            self._unlisted = set()
        except Exception as error:  # noqa: BLE001 - a catalogue that fails in any way must not hold loads up
            _log.warning("the Iceberg catalogue of warehouse %s is behind its files: %s", self._name, error)

    @contextlib.contextmanager
    def _explained(self, what: str) -> Generator[None]:
        try:
            yield
        except BaseException as error:
            with self._lock:  # not while a load is under way
                self._commits = self._tables = None
            if isinstance(error, duckdb.Error):
                raise WarehouseError(f"the warehouse {self._name} {what}: {error}") from error
            if isinstance(error, STORE_ERRORS):
                said = " ".join(str(error).split())
                raise WarehouseError(f"the warehouse {self._name} {what}: {self._place}: {said}") from error
            raise

    def recount(self, history: History, step: Step) -> list[TableCount]:
        """Count each table against the events that were loaded; see `upkeep.Maintained`. Loads wait at the end."""
        with self._explained("cannot be counted"), scratch(self._place, self._s3) as (connection, root):
            counting = Recount(connection, root, history, self._name)
            counting.read(self.positions(EVENTS), step)
            with self._lock:
                counting.read(self.positions(EVENTS), step)
                return self._layouts.counted(counting.compare(self._open()[1], self._cutoffs()))

    def _cutoffs(self) -> dict[str, datetime]:
        """By table, the time of receipt before which rows go."""
        now = datetime.now(UTC)
        names = self._open()[1].shapes
        moments = {name: cutoff(self._layouts.named(*name.split(".", 1)), now) for name in names}
        return {name: moment.replace(tzinfo=None) for name, moment in moments.items() if moment is not None}

    def rebuild(self, table: str, history: History, step: Step) -> Rebuilt:
        """Make a table anew from the log; see `upkeep.Maintained`. Loads wait while its files are written."""
        with self._lock, self._explained("cannot be rebuilt"):
            name = self._full_name(table)
            types = self._open()[1].shapes.get(name, Shape()).types
        return self._rebuild(name, types, history, step)

    def retype(self, table: str, column: str, kind: Kind | None, history: History, step: Step) -> Rebuilt:
        """Give a column a type, None its values', and rebuild the table; see `upkeep.Maintained`."""
        if column in RESERVED_COLUMNS or column == REST:
            raise WarehouseError(f"{column} is a column of Trackway's own: its type cannot be changed")
        with self._lock, self._explained("cannot be retyped"):
            name = self._full_name(table)
            shape = self._open()[1].shapes.get(name, Shape())
        if column not in shape.columns:
            raise WarehouseError(f"{name} has no column {column}; DESCRIBE {name} lists them")
        types = {one: stored for one, stored in shape.types.items() if one != column}
        return self._rebuild(name, types if kind is None else types | {column: kind}, history, step)

    def _rebuild(self, name: str, types: Mapping[str, Kind], history: History, step: Step) -> Rebuilt:
        self._layouts.must_load(name)
        with self._explained("cannot be rebuilt"), scratch(self._place, self._s3) as (connection, root):
            rebuild = FilesRebuild(
                connection,
                root,
                name,
                warehouse=self._name,
                options=self._layouts.named,
                parts=self._open,
                types=types,
                given={**self._given.get(name, {}), **types},
                most_columns=self._most_columns,
                sort=self._layouts.named(*name.split(".", 1)).sort,
            )
            rebuilt = rebuild.run(history, self._pause_loads, step)
        with self._lock:
            self._unlisted.add(name)
            self._list_in_iceberg()
        return rebuilt

    @contextlib.contextmanager
    def _pause_loads(self) -> Generator[None]:
        with self._lock:
            yield

    def _full_name(self, table: str) -> str:
        """`table` with its schema: the first, in the workspace's order, that has one of that name."""
        if "." in table:
            return table
        for source in self._sources:
            name = f"{schema_name(source, FILES_RULES)}.{table}"
            if name in self._open()[1].shapes:
                return name
        raise WarehouseError(f"there is no table {table}; SHOW ALL TABLES lists what there is")

    def snapshot(self, path: Path, *, begin: Step = silent, step: Step = silent) -> None:
        """Refuse: other programs read the files themselves.

        Raises:
            WarehouseError: always.
        """
        raise WarehouseError(f"{self._name} {NO_COPY['files']}")

    def query(self, sql: str, *, limit: int = 1000, timeout_s: float = 30.0, stop: Event | None = None) -> QueryResult:
        """Answer one reading statement; see the contract."""
        return self._reader.query(sql, limit=limit, timeout_s=timeout_s, stop=stop)

    def interrupt(self) -> None:
        """Make a running `load` fail; see the contract."""
        self._interrupted.set()

    def close(self) -> None:
        """Let the next loader in."""
        if self._iceberg is not None:
            self._iceberg.close()
            self._iceberg = None
        if self._store is not None:
            self._store.close()
        self._store = self._commits = self._tables = None


def _table_of(path: str) -> str:
    schema, table = path.split("/")[:2]
    return f"{schema}.{table}"


class FilesReader(ClosedByWith):
    """Asks files that somebody else may be loading."""

    def __init__(
        self, place: Path | str, sources: Sequence[str] = (), *, name: str = "files", s3: WarehouseS3 | None = None
    ) -> None:
        self._place, self._sources, self._name = place, sources, name
        self._s3 = s3 or WarehouseS3()

    def query(self, sql: str, *, limit: int = 1000, timeout_s: float = 30.0, stop: Event | None = None) -> QueryResult:
        """Answer one reading statement; see `Reader.query`."""
        try:
            store = open_reading(self._place, self._s3)
            state = store.read(head.state) if (head := last_commit(store)) is not None and head.state else None
        except STORE_ERRORS as error:
            said = " ".join(str(error).split())
            raise WarehouseError(f"the warehouse {self._name} cannot be read: {self._place}: {said}") from error
        shapes = msgspec.json.decode(state, type=dict[str, Shape]) if state else {}
        questions = Questions(self._place, store, self._s3, shapes, self._sources)
        return questions.ask(sql, limit=limit, timeout_s=timeout_s, stop=stop)

    def close(self) -> None:
        """Nothing is kept open between questions."""
