"""The console's way to breakdowns."""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Engine

from trackway.errors import TrackwayError
from trackway.log.contract import EventLog
from trackway.node.breakdown.counting import Progress, Wish, break_down
from trackway.workspace.model import Workspace


class BreakdownDesk:
    """Breakdowns of a running product. It blocks, and is for any thread."""

    def __init__(self, workspace: Callable[[], Workspace], clean: EventLog, engine: Engine) -> None:
        self._workspace, self._clean, self._engine = workspace, clean, engine

    def __call__(self, wish: dict[str, Any], progress: Progress) -> msgspec.Raw:
        """Return a `Breakdown` as JSON: that of many kinds takes less room so while the job is remembered.

        Raises:
            TrackwayError: the wish cannot be met; the message says why.
        """
        asked = Wish(**wish)
        check(self._workspace(), asked)
        return msgspec.Raw(msgspec.json.encode(break_down(self._clean, self._engine, asked, progress)))


def check(settings: Workspace, wish: Wish) -> None:
    """Raise TrackwayError when `wish` names a destination or a source that trackway.yaml has not."""
    for kind, names, known in (
        ("destination", wish.destinations, settings.destinations),
        ("source", [wish.source] if wish.source else [], settings.sources),
    ):
        for name in names:
            if name not in known:
                raise TrackwayError(f"there is no {kind} {name[:100]}; there are: {', '.join(known) or 'none'}")
