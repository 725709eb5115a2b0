"""What stands for `${NAME}`, `{env: NAME}` and `{file: PATH}` in settings."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from trackway.workspace.mistakes import FILE_NAME, WorkspaceError, join

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SENDING = {"destinations.": "", "alerts.": "https://unset.invalid/"}
"""Where stands what only sending needs, and what does for it; an address of alerts has to look like one."""


class References:
    """Replaces references by what they stand for."""

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        files: set[Path],
        *,
        stand_ins: Mapping[str, str] = {},
    ) -> None:
        """`files` gets the files that are looked for, whether they are there or not.

        `stand_ins` has, by the beginning of a place, what does there for a variable that is not set or a missing file.
        """
        self._stand_ins = stand_ins
        self._folder = folder
        self._environ = environ
        self._files = files

    def resolve(self, value: Any, place: str = "") -> Any:
        """Return `value` with what stands for `${NAME}`, `{env: NAME}` and `{file: PATH}` anywhere in it."""
        if isinstance(value, str):
            return _VARIABLE.sub(lambda found: self._variable(found[1], place), value)
        if isinstance(value, list):
            items = cast("list[Any]", value)
            return [self.resolve(item, f"{place}[{i}]") for i, item in enumerate(items)]
        if not isinstance(value, dict):
            return value
        group = cast("dict[Any, Any]", value)
        if group.keys() == {"env"} and isinstance(group["env"], str):
            return self._variable(group["env"], place)
        if group.keys() == {"file"} and isinstance(group["file"], str):
            return self._text(self._folder / group["file"], place)
        return {key: self.resolve(item, join(place, str(key))) for key, item in group.items()}

    def _variable(self, name: str, place: str) -> str:
        if name not in self._environ:
            if (stand_in := self._stand_in(place)) is not None:
                return stand_in
            raise WorkspaceError(f"{FILE_NAME}: {place}: the environment variable {name} is not set", where=place)
        return self._environ[name]

    def _stand_in(self, place: str) -> str | None:
        return next((text for start, text in self._stand_ins.items() if place.startswith(start)), None)

    def _text(self, path: Path, place: str) -> str:
        self._files.add(path)
        try:
            return path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            if (stand_in := self._stand_in(place)) is not None:
                return stand_in
            raise WorkspaceError(f"{FILE_NAME}: {place}: {path} cannot be read: {error}", where=place) from error
