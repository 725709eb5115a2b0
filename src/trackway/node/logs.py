"""The two logs of a workspace."""

from trackway.events.records import CLEAN_TOPICS, RAW
from trackway.log.sqlite import SqliteLog
from trackway.workspace.model import Workspace


def open_raw_log(workspace: Workspace) -> SqliteLog:
    """Return the log of what came in; one partition for each collector process."""
    return SqliteLog(workspace.data / "log" / "raw", (RAW,), segment_bytes=workspace.log.segment_size)


def open_clean_log(workspace: Workspace) -> SqliteLog:
    """Return the log of what it became."""
    return SqliteLog(workspace.data / "log" / "clean", CLEAN_TOPICS, segment_bytes=workspace.log.segment_size)
