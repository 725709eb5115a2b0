"""What is the files' own: what other readers see, small files, two writers, buckets, loaders that die."""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import msgspec
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from pyiceberg.catalog.sql import SqlCatalog

from tests.running import poll_until
from tests.warehouse.backends import rows_of, value_of
from tests.warehouse.children import child, load_files
from tests.warehouse.making import RECEIVED_MS, Loading, event
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, encode
from trackway.log.sqlite import SqliteLog
from trackway.warehouse import files_tables
from trackway.warehouse.contract import QueryError, QueryRefused, WarehouseError
from trackway.warehouse.files import FilesReader, FilesWarehouse
from trackway.warehouse.files_iceberg import IcebergCatalogue
from trackway.warehouse.history import History
from trackway.warehouse.layout import Layouts
from trackway.workspace.model import WarehouseS3, WarehouseTable
from trackway.workspace.secret import Secret
from trackway.workspace.units import Duration

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses power, and a sync for each file of each tiny load takes long."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def s3() -> Iterator[WarehouseS3]:
    """A server that speaks S3, with a bucket `lake`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    ).create_bucket(Bucket="lake")
    yield WarehouseS3(endpoint=endpoint, allow_http=True, access_key=Secret("key"), secret_key=Secret("secret"))
    server.stop()


def seen(number: int, *, days: int = 0, **properties: Any) -> EventRecord:
    record = event(event="Seen", message_id=f"m{number:04}", properties={"n": number} | properties)
    return msgspec.structs.replace(record, received_at_ms=RECEIVED_MS + days * DAY_MS + number)


def glob(place: Path, table: str) -> list[dict[str, Any]]:
    """Read a table as DuckDB, Spark and Athena do: all files below its folder, which name the day."""
    files = f"{place}/{table}/**/*.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT * FROM read_parquet('{files}', hive_partitioning = true) ORDER BY id")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.usefixtures("unsynced")
class TestFolders:
    def test_other_readers_find_days_sorted_rows_and_types(self, tmp_path: Path):
        layouts = Layouts({"seen": WarehouseTable(sort=["amount"])})
        with FilesWarehouse(tmp_path / "lake", ["shop"], layouts=layouts) as warehouse:
            Loading(warehouse)(
                seen(1, amount=3.5), seen(2, amount=1.25), seen(3, days=1, amount=2.0), event("identify", userId="u")
            )
        rows = glob(tmp_path / "lake", "shop/seen")
        assert [(row["n"], str(row["day"])) for row in rows] == [
            (1, "2026-01-01"),
            (2, "2026-01-01"),
            (3, "2026-01-02"),
        ]
        assert rows[0]["received_at"].isoformat() == "2026-01-01T00:00:00.001000+00:00"
        [first] = (tmp_path / "lake" / "shop" / "seen" / "day=2026-01-01").iterdir()
        file = pq.ParquetFile(first)
        assert file.read()["amount"].to_pylist() == [1.25, 3.5]
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"
        assert len(glob(tmp_path / "lake", "shop/users")) == 1

    def test_small_files_become_one(self, tmp_path: Path):
        with FilesWarehouse(tmp_path / "lake", ["shop"]) as warehouse:
            load = Loading(warehouse)
            for number in range(40):
                load(seen(number, **{f"p{number % 3}": number}))
            files = list((tmp_path / "lake" / "shop" / "seen" / "day=2026-01-01").iterdir())
            assert len(files) <= files_tables.COMPACT_FILES
            assert [row["n"] for row in rows_of(warehouse, "seen")] == list(range(40))
            assert [row["n"] for row in glob(tmp_path / "lake", "shop/seen")] == list(range(40))

    def test_a_reader_of_the_folder_never_sees_a_row_twice(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(files_tables, "COMPACT_FILES", 3)
        place, done, twice = tmp_path / "lake", threading.Event(), Counter[str]()
        reads: list[int] = []

        def read() -> None:
            while not done.is_set():
                try:
                    ids = Counter(row["id"] for row in glob(place, "shop/seen"))
                except duckdb.Error:
                    continue  # a file that was listed is gone: several became one
                twice.update({key: count for key, count in ids.items() if count > 1})
                reads.append(len(ids))

        with FilesWarehouse(place, ["shop"]) as warehouse:
            load = Loading(warehouse)
            load(seen(0))
            reader = threading.Thread(target=read)
            reader.start()
            for number in range(1, 40):
                load(seen(number, v=number if number < 20 else f"text {number}"))
            poll_until(lambda: len(reads) > 3, what="the reader to have read", timeout_s=60)
            done.set()
            reader.join(60)
        assert twice == {}
        assert len(glob(place, "shop/seen")) == 40

    def test_a_large_table_is_not_written_anew(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(files_tables, "WIDEN_BYTES", 0)
        with FilesWarehouse(tmp_path / "lake", ["shop"]) as warehouse:
            load = Loading(warehouse)
            load(seen(1, v=1))
            report = load(seen(2, v="x"))
            assert report.diverted == {"shop.seen.v": 1} and report.columns_widened == {}
            assert [value_of(row, "v") for row in rows_of(warehouse, "seen")] == [1, "x"]

    def test_old_days_go(self, tmp_path: Path):
        layouts = Layouts({"*": WarehouseTable(keep=Duration(7 * 24 * 3600))})
        now = datetime.now(UTC)
        with FilesWarehouse(tmp_path / "lake", ["shop"], layouts=layouts) as warehouse:
            records = [
                msgspec.structs.replace(
                    event(event="Seen", message_id=f"m{days}"),
                    received_at_ms=int((now - timedelta(days=days)).timestamp() * 1000),
                )
                for days in (0, 6, 9)
            ]
            Loading(warehouse)(*records)
        with FilesWarehouse(tmp_path / "lake", ["shop"], layouts=layouts) as warehouse:
            warehouse.load([event("identify", userId="u")], EVENTS, {0: 4})
            assert [row["id"] for row in rows_of(warehouse, "seen")] == ["m0", "m6"]
            assert len(rows_of(warehouse, "users")) == 1

    def test_questions_reach_nothing_else(self, tmp_path: Path):
        (tmp_path / "secret.csv").write_text("a\n1\n")
        with FilesWarehouse(tmp_path / "lake", ["shop"]) as warehouse:
            Loading(warehouse)(seen(1))
            for sql in (
                f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
                f"SELECT * FROM '{tmp_path}/lake/../secret.csv'",
                "SELECT * FROM seen JOIN nope USING (id)",
            ):
                with pytest.raises(QueryError):
                    warehouse.query(sql)
            with pytest.raises(QueryRefused):
                warehouse.query(f"COPY seen TO '{tmp_path}/lake/x.parquet'")
            tables = warehouse.query("SELECT table_schema, table_name FROM information_schema.tables ORDER BY 2").rows
            assert tables == [["shop", "seen"], ["shop", "tracks"]]
            assert warehouse.query("WITH s AS (SELECT n FROM shop.seen) SELECT max(n) FROM s").rows == [[1]]

    def test_two_loaders_on_one_folder_are_refused(self, tmp_path: Path):
        with FilesWarehouse(tmp_path / "lake") as one:
            assert one.positions(EVENTS) == {}
            with pytest.raises(WarehouseError, match="another Trackway loads into"):
                FilesWarehouse(tmp_path / "lake").positions(EVENTS)
            assert FilesReader(tmp_path / "lake").query("SELECT 1").rows == [[1]]


@pytest.mark.xdist_group("s3")
class TestBuckets:
    def test_a_bucket_is_as_a_folder(self, s3: WarehouseS3):
        place = "s3://lake/first/part"
        with FilesWarehouse(place, ["shop"], s3=s3) as warehouse:
            load = Loading(warehouse)
            for number in range(4):
                load(
                    seen(number, v=number if number < 2 else f"text {number}"),
                    event("identify", userId=f"u{number % 3}"),
                )
        with FilesWarehouse(place, ["shop"], s3=s3) as warehouse:
            assert warehouse.positions(EVENTS) == {0: 8}
            rows = rows_of(warehouse, "seen")
            assert [row["v"] for row in rows] == [str(n) if n < 2 else f"text {n}" for n in range(4)]
            assert [row["id"] for row in rows_of(warehouse, "users")] == ["u0", "u1", "u2"]
            assert len(rows_of(warehouse, "identifies")) == 4

    def test_a_bucket_is_recounted_and_rebuilt(self, s3: WarehouseS3, tmp_path: Path):
        log = SqliteLog(tmp_path / "log", CLEAN_TOPICS)
        records = [seen(n, days=n % 2, v=n) for n in range(4)] + [event("identify", userId="u", traits={"v": "x"})]
        with log.writer(0) as writer:
            writer.append({EVENTS: [encode(record) for record in records]})
        with FilesWarehouse("s3://lake/third/it's", ["shop"], s3=s3) as warehouse:
            warehouse.load(records, EVENTS, {0: 5})
            for table in ("seen", "users"):
                before = rows_of(warehouse, table)
                warehouse.rebuild(table, History(log), lambda count: None)
                assert rows_of(warehouse, table) == before
            counts = warehouse.recount(History(log), lambda count: None)
        assert {one.table: (one.rows, one.differences) for one in counts} == {
            "shop.seen": (4, 0), "shop.tracks": (4, 0), "shop.users": (1, 0), "shop.identifies": (1, 0),
        }  # fmt: skip
        log.close()

    def test_of_two_loaders_the_slower_writes_nothing(self, s3: WarehouseS3):
        place = "s3://lake/second"
        with FilesWarehouse(place, ["shop"], s3=s3) as one, FilesWarehouse(place, ["shop"], s3=s3) as other:
            one.load([seen(1)], EVENTS, {0: 1})
            assert other.positions(EVENTS) == {0: 1}
            with pytest.raises(WarehouseError, match="another Trackway loads into these files"):
                one.load([seen(2)], EVENTS, {0: 2})
            other.load([seen(2)], EVENTS, {0: 2})
            assert [row["n"] for row in rows_of(other, "seen")] == [1, 2]
            assert one.positions(EVENTS) == {0: 2}

    def test_a_bucket_that_is_not_there_says_so(self, s3: WarehouseS3):
        with pytest.raises(WarehouseError, match=r"s3://nope/x: .*does not exist|s3://nope/x: .*not found"):
            FilesWarehouse("s3://nope/x", name="lake", s3=s3).positions(EVENTS)


def iceberg(database: Path, place: Path | str, table: str, s3: WarehouseS3 | None = None) -> list[dict[str, Any]]:
    """Read a table as any Iceberg reader does that has the catalogue."""
    options = {"uri": f"sqlite:///{database}", "warehouse": str(place)}
    if s3 is not None and s3.access_key and s3.secret_key:
        options |= {"s3.endpoint": s3.endpoint or "", "s3.access-key-id": s3.access_key.reveal()}
        options |= {"s3.secret-access-key": s3.secret_key.reveal(), "s3.region": s3.region}
    catalog = SqlCatalog("trackway", **options)
    try:
        return sorted(catalog.load_table(table).scan().to_arrow().to_pylist(), key=lambda row: row["id"])
    finally:
        catalog.close()


class TestIceberg:
    @pytest.mark.usefixtures("unsynced")
    def test_the_catalogue_has_what_the_folders_have(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(files_tables, "COMPACT_FILES", 3)
        place, database = tmp_path / "lake", tmp_path / "data" / "iceberg.db"
        with FilesWarehouse(place, ["shop"], iceberg=database) as warehouse:
            load = Loading(warehouse)
            for number in range(7):
                value = number if number < 4 else f"text {number}"
                load(seen(number, days=number % 2, v=value, **{f"p{number % 3}": 1}), event("identify", userId="u"))
                rows = iceberg(database, place, "shop.seen")
                assert [(row["n"], row["v"]) for row in rows] == [
                    (row["n"], row["v"]) for row in rows_of(warehouse, "seen")
                ]
        assert len(iceberg(database, place, "shop.tracks")) == 7

    @pytest.mark.usefixtures("unsynced")
    def test_what_a_crash_left_undone_is_made_good(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        place, database = tmp_path / "lake", tmp_path / "iceberg.db"
        with FilesWarehouse(place, ["shop"], iceberg=database) as warehouse:
            load = Loading(warehouse)
            load(seen(0))
            with monkeypatch.context() as patch:
                patch.setattr(IcebergCatalogue, "follow", lambda *_: 1 / 0)
                load(seen(1))
            assert len(iceberg(database, place, "shop.seen")) == 1
        with FilesWarehouse(place, ["shop"], iceberg=database) as warehouse:
            assert warehouse.positions(EVENTS) == {0: 2}
            assert [row["n"] for row in iceberg(database, place, "shop.seen")] == [0, 1]

    def test_a_bucket_has_one_too(self, tmp_path: Path, s3: WarehouseS3):
        place, database = "s3://lake/iced", tmp_path / "iceberg.db"
        with FilesWarehouse(place, ["shop"], s3=s3, iceberg=database) as warehouse:
            load = Loading(warehouse)
            load(seen(0))
            load(seen(1))
        assert [row["n"] for row in iceberg(database, place, "shop.seen", s3)] == [0, 1]


def test_a_killed_loader_leaves_whole_loads(tmp_path: Path):
    place, total = tmp_path / "lake", 200
    for kill_after in (1, 3):
        with child(load_files, place, total) as loading:
            for _ in range(kill_after):
                loading.said.recv()
            loading.kill()
    with child(load_files, place, total) as loading:
        loading.finish()
    with FilesWarehouse(place, ["shop"]) as warehouse:
        assert warehouse.positions(EVENTS) == {0: total}
        tracks = sorted(f"m{number}" for number in range(total) if number % 3)
        assert [row["id"] for row in rows_of(warehouse, "tracks")] == tracks
        assert len(rows_of(warehouse, "users")) == 7
    assert [row["id"] for row in glob(place, "shop/tracks")] == tracks
    events = [row["id"] for number in range(5) for row in glob(place, f"shop/seen_{number}")]
    assert sorted(events) == tracks
    assert not list((place / "_trackway" / "staged").rglob("[0-9]"))
