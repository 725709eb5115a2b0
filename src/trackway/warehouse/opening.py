"""The warehouse that settings ask for; the only place that knows all kinds."""

from pathlib import Path
from typing import Any

from trackway.warehouse.contract import Reader, Warehouse, WarehouseError
from trackway.warehouse.naming import Rules
from trackway.workspace.model import Warehouse as Settings
from trackway.workspace.model import Workspace


def open_warehouse(workspace: Workspace, name: str) -> Warehouse:
    """Return the workspace's warehouse of this name, for loading.

    Raises:
        WarehouseError: it cannot be opened. That a database server is not there is found out later, when it is needed.
    """
    # These bring pyarrow, which those who only ask for `rules_of`, or read, do not wait for.
    from trackway.warehouse.layout import Layouts
    from trackway.warehouse.planned import planned_types

    settings, sources = workspace.warehouses[name], list(workspace.sources)
    options: Any = {
        "name": name,
        "layouts": Layouts(settings.tables),
        "given": planned_types(workspace, rules_of(settings)),
        "most_columns": settings.most_columns,
        "most_tables": settings.most_tables,
    }
    if settings.type == "postgres":
        from trackway.warehouse.postgres import PostgresWarehouse

        return PostgresWarehouse(_conninfo(settings, name), sources, **options)
    if settings.type == "files":
        from trackway.warehouse.files import FilesWarehouse

        iceberg = None if settings.iceberg is None else workspace.folder / settings.iceberg
        return FilesWarehouse(files_place(workspace, settings), sources, s3=settings.s3, iceberg=iceberg, **options)
    from trackway.warehouse.duckdb import DuckDBWarehouse

    return DuckDBWarehouse(_path(workspace, settings), sources, **options)


def open_reader(workspace: Workspace, name: str) -> Reader:
    """Return the workspace's warehouse of this name, for asking only, while no server runs on the workspace.

    Raises:
        WarehouseError: it cannot be opened.
    """
    settings, sources = workspace.warehouses[name], list(workspace.sources)
    if settings.type == "postgres":
        from trackway.warehouse.postgres import PostgresReader

        return PostgresReader(_conninfo(settings, name), sources, name=name)
    if settings.type == "files":
        from trackway.warehouse.files import FilesReader

        return FilesReader(files_place(workspace, settings), sources, name=name, s3=settings.s3)
    from trackway.warehouse.duckdb_questions import open_readonly

    return open_readonly(_path(workspace, settings), sources)


def rules_of(settings: Settings) -> Rules:
    """Return what the warehouse asks of names."""
    if settings.type == "postgres":
        from trackway.warehouse.postgres_rules import POSTGRES_RULES

        return POSTGRES_RULES
    if settings.type == "files":
        from trackway.warehouse.files_query import FILES_RULES

        return FILES_RULES
    from trackway.warehouse.duckdb_rules import duckdb_rules

    return duckdb_rules(Path(settings.path).stem)


def files_place(workspace: Workspace, settings: Settings) -> Path | str:
    """Return where files are: a folder, or the address of a bucket."""
    return settings.path if settings.path.startswith("s3://") else workspace.folder / settings.path


def _path(workspace: Workspace, settings: Settings) -> Path:
    return workspace.folder / settings.path


def _conninfo(settings: Settings, name: str) -> str:
    from psycopg import Error
    from psycopg.conninfo import make_conninfo

    url = settings.url.reveal() if settings.url else ""
    password = {"password": settings.password.reveal()} if settings.password else {}
    try:
        return make_conninfo(url, **password)
    except Error:
        raise WarehouseError(
            f"trackway.yaml: warehouses.{name}.url is no address of a PostgreSQL database, such as "
            "postgresql://trackway@db.example:5432/analytics"
        ) from None
