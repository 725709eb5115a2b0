"""Where the running server listens, for commands of this machine: with port 0 the settings do not say."""

import contextlib
from pathlib import Path

import msgspec
from msgspec import Struct

_FILE = "addresses.json"


class Addresses(Struct, frozen=True):
    """URLs without a path."""

    collector: str
    console: str


def write_addresses(data: Path, found: Addresses) -> None:
    """Keep `found` in the data folder until `forget_addresses`."""
    (data / _FILE).write_bytes(msgspec.json.encode(found))


def read_addresses(data: Path) -> Addresses | None:
    """Return where the server listens, None when none has been started; one that was killed leaves its own behind."""
    try:
        return msgspec.json.decode((data / _FILE).read_bytes(), type=Addresses)
    except (OSError, msgspec.DecodeError):
        return None


def forget_addresses(data: Path) -> None:
    """Say that no server runs any more."""
    with contextlib.suppress(OSError):
        (data / _FILE).unlink()
