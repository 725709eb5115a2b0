"""Notice when `trackway.yaml` changes, or a file that a secret in it comes from."""

from pathlib import Path

from trackway.errors import TrackwayError
from trackway.workspace.changes import hold_back
from trackway.workspace.load import FILE_NAME, load_workspace
from trackway.workspace.model import Workspace

_Stamp = tuple[int, int, int] | None
"""What changes with a file; None when it is not there."""


class WorkspaceWatch:
    """The settings in force beside what the files say; one thread uses it.

    Whoever looks says what became of it: `took` or `refused`. Variables of the environment are those of the start.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        """The settings in force."""
        self.waiting: tuple[str, ...] = ()
        """Keys whose change waits for a restart."""
        self.mistake = ""
        """What is wrong with the files as they are now; the settings before it are in force."""
        self._started = workspace
        self._files = {workspace.folder / FILE_NAME}
        self._seen: dict[Path, _Stamp] = {}

    def look(self, *, anyway: bool = False) -> Workspace | None:
        """Return new settings when the files say something new, else None; `anyway` reads them even if untouched.

        What is read only at the start stays in them as it was, and is named in `waiting`.
        """
        stamps = {file: _stamp(file) for file in self._files}
        # While an editor replaces the file there is none.
        if stamps[self._started.folder / FILE_NAME] is None or (stamps == self._seen and not anyway):
            return None
        files: set[Path] = set()
        try:
            found, self.waiting = hold_back(self._started, load_workspace(self._started.folder, files=files))
        except TrackwayError as error:
            self.refused(error)
            found = self.workspace
        else:
            self.mistake = ""
        # A file not watched before may have changed since it was read: the next look reads once more.
        self._seen = stamps if files <= self._files else {}
        self._files |= files
        return None if found == self.workspace else found

    def took(self, workspace: Workspace) -> None:
        """Note that new settings are in force."""
        self.workspace = workspace

    def refused(self, error: TrackwayError) -> None:
        """Note that new settings cannot be used."""
        self.mistake = str(error)


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
