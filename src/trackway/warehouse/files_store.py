"""Where the files of a warehouse lie: a folder, or a bucket of any S3-compatible storage. The same few verbs for both.

A path is relative to the warehouse, with `/` between its parts. What `write` and `create` return from is durable.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from trackway.warehouse.contract import WarehouseError
from trackway.workspace.model import WarehouseS3


class Found(NamedTuple):
    """A file that is there."""

    path: str
    size_bytes: int


class Store(Protocol):
    """Files by path."""

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; None when it is not there."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Make a file, or replace it; nobody sees a part of it."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Make a file; False when there is one already, whoever made it at whatever moment."""
        ...

    def move(self, source: str, target: str) -> bool:
        """Let `target` be what `source` was; False when there is no `source`. Nobody sees a part of it."""
        ...

    def delete(self, paths: Iterable[str]) -> None:
        """Remove files; those that are not there are no mistake."""
        ...

    def list(self, folder: str) -> Iterator[Found]:
        """Yield all files below a folder."""
        ...

    def close(self) -> None:
        """Let others in."""
        ...


class LocalStore:
    """A folder, which one process has at a time."""

    def __init__(self, root: Path, *, reading: bool = False) -> None:
        """Make the folder; for `reading` only, take it as it is, whoever has it.

        Raises:
            WarehouseError: another process has it.
        """
        self.root = root
        self._lock: IO[bytes] | None = None
        if not reading:
            self._take()

    def _take(self) -> None:
        root = self.root
        (root / "_trackway").mkdir(parents=True, exist_ok=True)
        lock = (root / "_trackway" / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise WarehouseError(f"another Trackway loads into {root}; one at a time can: stop it") from error
        self._lock = lock

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; see `Store`."""
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes) -> None:
        """Make or replace a file; see `Store`."""
        target = self.root / path
        draft = target.with_name(f".{target.name}.draft")
        _write_synced(draft, data)
        draft.replace(target)
        _sync_folder(target.parent)

    def create(self, path: str, data: bytes) -> bool:
        """Make a file that is not there; see `Store`."""
        target = self.root / path
        draft = target.with_name(f".{target.name}.draft")
        _write_synced(draft, data)
        try:
            os.link(draft, target)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        _sync_folder(target.parent)
        return True

    def move(self, source: str, target: str) -> bool:
        """Move a file; see `Store`."""
        place = self.root / target
        if not place.parent.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            _sync_folder(place.parent.parent)
        try:
            (self.root / source).replace(place)
        except FileNotFoundError:
            return False
        _sync_folder(place.parent)
        return True

    def delete(self, paths: Iterable[str]) -> None:
        """Remove files, and the folders that they leave empty; see `Store`."""
        for path in paths:
            place = self.root / path
            place.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                place.parent.rmdir()

    def list(self, folder: str) -> Iterator[Found]:
        """Yield files; see `Store`."""
        for parent, _, names in os.walk(self.root / folder):
            for name in names:
                if not name.startswith("."):
                    place = Path(parent) / name
                    with contextlib.suppress(FileNotFoundError):
                        yield Found(place.relative_to(self.root).as_posix(), place.stat().st_size)

    def close(self) -> None:
        """Let others in."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _write_synced(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class S3ObjectStore:
    """A bucket, or a part of one. `create` is a conditional write (`If-None-Match: *`), which S3 and its kin know."""

    def __init__(self, url: str, settings: WarehouseS3) -> None:
        """Take `s3://bucket/prefix`; keys that `settings` lack come from the environment or the machine's role."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self.url = url.rstrip("/")
        options: Any = {"config": s3_config(settings), "client_options": {"allow_http": settings.allow_http}}
        self._store = S3Store(bucket, prefix=prefix or None, **options)

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; see `Store`."""
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes) -> None:
        """Make or replace a file; see `Store`."""
        obstore.put(self._store, path, data)

    def create(self, path: str, data: bytes) -> bool:
        """Make a file that is not there; see `Store`."""
        try:
            obstore.put(self._store, path, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        return True

    def move(self, source: str, target: str) -> bool:
        """Copy a file within the storage and remove the old one; see `Store`."""
        try:
            obstore.copy(self._store, source, target)
        except FileNotFoundError:
            return False
        self.delete([source])
        return True

    def delete(self, paths: Iterable[str]) -> None:
        """Remove files; see `Store`."""
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                obstore.delete(self._store, path)

    def list(self, folder: str) -> Iterator[Found]:
        """Yield files; see `Store`."""
        parts: Iterable[Any] = obstore.list(self._store, folder)  # pyright: ignore[reportUnknownMemberType]
        for part in parts:
            for one in part:
                yield Found(one["path"], one["size"])

    def close(self) -> None:
        """Nothing is held between calls."""


STORE_ERRORS = (OSError, BaseError)
"""What a store raises when the storage fails."""


def s3_config(settings: WarehouseS3) -> dict[str, str]:
    """Return the settings by the names that object stores know them under."""
    config = {"region": settings.region}
    if settings.endpoint:
        config["endpoint"] = settings.endpoint
    if settings.access_key and settings.secret_key:
        config["access_key_id"] = settings.access_key.reveal()
        config["secret_access_key"] = settings.secret_key.reveal()
    return config


def open_store(place: Path | str, settings: WarehouseS3) -> LocalStore | S3ObjectStore:
    """Return the storage at a folder or at `s3://bucket/prefix`."""
    return LocalStore(place) if isinstance(place, Path) else S3ObjectStore(place, settings)


def open_reading(place: Path | str, settings: WarehouseS3) -> LocalStore | S3ObjectStore:
    """Return the storage for reading only, while somebody else may write there."""
    return LocalStore(place, reading=True) if isinstance(place, Path) else S3ObjectStore(place, settings)
