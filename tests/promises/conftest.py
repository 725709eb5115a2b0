import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.promises import storage


@pytest.fixture(scope="session")
def storage_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that watches a process's files and makes them fail."""
    return storage.build(tmp_path_factory.mktemp("storage"))


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A function that mounts a real file system of a given size, such as "2m"."""
    mounted: list[Path] = []

    def make(size: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
        if done.returncode:
            # Not `services.miss`: nothing that could be installed helps, and other tests show the same by other means.
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
