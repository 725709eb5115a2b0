"""The people whose data is not wanted: `data/suppressed-users.jsonl` in the workspace folder.

One line for each change, `{"userId": "u-1", "suppressed": true, "at": "2026-11-20T10:00:00.000Z"}`, the last one for an
id counts. Lines are only ever added, each synced to disk before the command that adds it returns; a line that a crash
tore has no end and is passed over.
"""

import fcntl
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

FILE_NAME = "suppressed-users.jsonl"


class _Line(Struct, rename="camel"):
    user_id: str
    suppressed: bool
    at: str


class Suppressed(NamedTuple):
    """Someone on the list."""

    user_id: str
    since: str
    """ISO 8601, UTC."""


_decode = msgspec.json.Decoder(_Line).decode


def suppression_file(data: Path) -> Path:
    """Return where the list of a workspace's `data` folder stands, whether it exists or not."""
    return data / FILE_NAME


def suppressed_users(data: Path) -> dict[str, Suppressed]:
    """Return everybody on the list, oldest first."""
    try:
        content = suppression_file(data).read_bytes()
    except FileNotFoundError:
        return {}
    found: dict[str, Suppressed] = {}
    for text in content.splitlines():
        try:
            line = _decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # torn by a crash before anybody was told that it is there
        found.pop(line.user_id, None)
        if line.suppressed:
            found[line.user_id] = Suppressed(line.user_id, line.at)
    return found


def change_suppression(data: Path, user_ids: Iterable[str], *, suppressed: bool) -> list[str]:
    """Put ids on the list or take them off it; return those that were not so before. They are on disk on return."""
    data.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with suppression_file(data).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = suppressed_users(data)
        changed = [user for user in dict.fromkeys(user_ids) if (user in known) != suppressed]
        if not changed:
            return []
        # A torn line gets its end, so that it does not swallow ours.
        lines = b"".join(msgspec.json.encode(_Line(user, suppressed, at)) + b"\n" for user in changed)
        file.write((b"" if _ends_whole(data) else b"\n") + lines)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(data, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return changed


def _ends_whole(data: Path) -> bool:
    with suppression_file(data).open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
