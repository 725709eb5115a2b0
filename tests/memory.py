"""Folders in memory, for tests that care about what files hold and what is synced, not about how long a disk takes.

What a killed process leaves behind is the same there as on a disk: the kernel has it. The tests that are about storage
itself, and those of the whole product under load and kills, stay on the disk.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 1 << 30
"""Containers are often given 64 MiB, which would fill up."""


@contextmanager
def memory_folder() -> Iterator[Path]:
    """Give a folder in memory, or on the disk where memory has no room for files; it is removed at the end."""
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ENOUGH_BYTES
    with tempfile.TemporaryDirectory(
        prefix="trackway-", dir=_MEMORY if has_room else None, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)
