"""The files of the workspace's `functions/` folder. One file is one function, by the file's name."""

import difflib
from collections.abc import Hashable
from pathlib import Path

from trackway.errors import TrackwayError

FOLDER = "functions"


class FunctionError(TrackwayError):
    """There is no such function; the message names the nearest one."""


def functions_folder(workspace_folder: Path) -> Path:
    """Return where a workspace's functions lie."""
    return workspace_folder / FOLDER


def function_files(folder: Path) -> dict[str, Path]:
    """Return the functions of a folder by name. Files that begin with `_` are no functions: others may import them."""
    return {path.stem: path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")}


def functions_stamp(folder: Path) -> Hashable:
    """Return what changes whenever a Python file of the folder does, helpers included."""
    found: list[tuple[str, int, int]] = []
    for path in sorted(folder.glob("**/*.py")):
        try:
            stat = path.stat()
        except OSError:
            continue  # being replaced
        found.append((str(path.relative_to(folder)), stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def find_function(folder: Path, name: str, *, where: str) -> Path:
    """Return the file of a function that is named at `where` in trackway.yaml.

    Raises:
        FunctionError: there is none.
    """
    files = function_files(folder)
    if name in files:
        return files[name]
    near = difflib.get_close_matches(name, files, n=1)
    hint = f"did you mean {near[0]}?" if near else f"make {folder / f'{name}.py'} with `trackway functions new {name}`"
    raise FunctionError(f"{where}: there is no function {name}; {hint}")
