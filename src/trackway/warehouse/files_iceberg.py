# pyarrow and pyiceberg ship no types, or loose ones.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""The files as Iceberg tables, in a catalogue of pyiceberg's in an SQLite database, for readers that want snapshots.

The catalogue follows the folders: after a load each table that it touched is made to list the files that are in its
folder, in one snapshot. So whatever a crash left undone the next load or opening makes good, and no snapshot has a file
twice. `users` and `accounts` are not in it: theirs is one file that is replaced, which Iceberg does not take.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.files_store import Store
from trackway.warehouse.files_tables import folder_of
from trackway.workspace.model import WarehouseS3

_LEFT_OUT = ("users", "accounts")


class IcebergCatalogue:
    """Follows a warehouse of files."""

    def __init__(self, database: Path, place: Path | str, store: Store, s3: WarehouseS3) -> None:
        """Open the catalogue in the SQLite file `database`, made when it is not there.

        Raises:
            WarehouseError: pyiceberg is not installed.
        """
        try:
            from pyiceberg.catalog.sql import SqlCatalog
        except ImportError as error:
            raise WarehouseError("an Iceberg catalogue needs pyiceberg: pip install 'trackway[iceberg]'") from error
        database.parent.mkdir(parents=True, exist_ok=True)
        self._root = place.as_uri() if isinstance(place, Path) else place.rstrip("/")
        self._store = store
        options = {"uri": f"sqlite:///{database}", "warehouse": f"{self._root}/_trackway/iceberg", **_s3_options(s3)}
        self._catalog: Any = SqlCatalog("trackway", **options)

    def follow(self, tables: Iterable[str]) -> None:
        """Let the catalogue's tables `schema.table` list the files that are there now."""
        for name in tables:
            if name.partition(".")[2] not in _LEFT_OUT:
                self._follow(name)

    def close(self) -> None:
        """Let the database go."""
        self._catalog.close()

    def _follow(self, name: str) -> None:
        import pyarrow.parquet as pq

        files = {f"{self._root}/{found.path}" for found in self._store.list(folder_of(name))}
        if not files:
            return
        table = self._table(name)
        listed = set() if table is None else {row["file_path"] for row in table.inspect.files().to_pylist()}
        if files == listed:
            return
        new = sorted(files - listed)
        schemas = [pq.read_schema(self._open(path)) for path in new]
        if table is None or not self._widen(table, schemas):
            # A column has another type: all files are new ones.
            table, new = self._make(name, sorted(files)), sorted(files)
            listed = set()
        with table.transaction() as change:
            if gone := listed - files:
                with change.update_snapshot().overwrite() as snapshot:
                    for task in table.scan().plan_files():
                        if task.file.file_path in gone:
                            snapshot.delete_data_file(task.file)
            if new:
                change.add_files(new, check_duplicate_files=False)

    def _table(self, name: str) -> Any:
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return self._catalog.load_table(name)
        except NoSuchTableError:
            return None

    def _widen(self, table: Any, schemas: list[Any]) -> bool:
        """Give the table the files' columns; False when one has another type than the table's."""
        from pyiceberg.exceptions import ValidationError

        try:
            for schema in schemas:
                with table.update_schema() as update:
                    update.union_by_name(schema)
        except (ValidationError, ValueError, TypeError):
            return False
        return True

    def _make(self, name: str, files: list[str]) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq
        from pyiceberg.exceptions import NoSuchTableError
        from pyiceberg.transforms import DayTransform

        schema = pa.unify_schemas([pq.read_schema(self._open(path)) for path in files])
        self._catalog.create_namespace_if_not_exists(name.partition(".")[0])
        with contextlib.suppress(NoSuchTableError):
            self._catalog.drop_table(name)
        table = self._catalog.create_table(name, schema=schema)
        with table.update_spec() as update:
            update.add_field("received_at", DayTransform(), "day")
        return table

    def _open(self, path: str) -> Any:
        import pyarrow as pa

        data = self._store.read(path.removeprefix(f"{self._root}/"))
        if data is None:
            raise FileNotFoundError(path)
        return pa.BufferReader(data)


def _s3_options(s3: WarehouseS3) -> dict[str, str]:
    options = {"s3.region": s3.region}
    if s3.endpoint:
        options["s3.endpoint"] = s3.endpoint
    if s3.access_key and s3.secret_key:
        options |= {"s3.access-key-id": s3.access_key.reveal(), "s3.secret-access-key": s3.secret_key.reveal()}
    return options
