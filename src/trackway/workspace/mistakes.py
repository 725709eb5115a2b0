"""What is said of a mistake in `trackway.yaml`."""

from trackway.errors import TrackwayError

FILE_NAME = "trackway.yaml"


class WorkspaceError(TrackwayError):
    """`trackway.yaml` is missing or says something that cannot be; `where` is the dotted place in it."""

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(message)
        self.where = where


def join(where: str, path: str) -> str:
    """Return the dotted place of `path` within `where`; either may be empty."""
    return ".".join(part for part in (where, path) if part)
