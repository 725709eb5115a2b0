"""What commands that look into a workspace's data work with: its settings, both logs and the state database."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from trackway.cli.options import find_workspace
from trackway.log.contract import EventLog
from trackway.node.logs import open_clean_log, open_raw_log
from trackway.state import open_state
from trackway.workspace import Workspace, load_workspace


class Desk(NamedTuple):
    """All of a workspace, open until the end of the command."""

    settings: Workspace
    raw: EventLog
    clean: EventLog
    engine: Engine


@contextmanager
def open_desk(workspace: Path | None) -> Generator[Desk]:
    """Open the workspace of `--workspace`; the state database is made where there is none."""
    settings = load_workspace(find_workspace(workspace), sending=False)
    with ExitStack() as stack:
        raw, clean = open_logs(settings, stack)
        engine = open_state(settings.data / "state.db")
        stack.callback(engine.dispose)
        yield Desk(settings, raw, clean, engine)


def open_logs(settings: Workspace, stack: ExitStack) -> tuple[EventLog, EventLog]:
    """Open the raw and the clean log until `stack` ends."""
    raw, clean = open_raw_log(settings), open_clean_log(settings)
    stack.callback(raw.close)
    stack.callback(clean.close)
    return raw, clean


def open_state_if_any(settings: Workspace, stack: ExitStack) -> Engine | None:
    """Open the state database until `stack` ends; None where nothing has run yet."""
    state = settings.data / "state.db"
    if not state.exists():
        return None
    engine = open_state(state)
    stack.callback(engine.dispose)
    return engine
