"""What each destination would be sent of an event: through its own filters and functions, in its own terms."""

from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec

from trackway.delivery.configured import load_destination
from trackway.delivery.filters import Filter
from trackway.delivery.intake import Intake
from trackway.delivery.items import Item
from trackway.delivery.redact import Redactor
from trackway.destinations import registry
from trackway.destinations.preview import Previewer
from trackway.destinations.registry import Destination
from trackway.errors import TrackwayError
from trackway.events.reasons import meaning_of
from trackway.events.records import EventRecord
from trackway.log.contract import EventLog
from trackway.node.playground.examples import example
from trackway.node.playground.told import DestinationTold
from trackway.workspace.model import Workspace

_NO_LOG = cast("EventLog", None)


class _Look(Intake):
    """Judges and renders single events as delivery does, without a log."""

    def judge(self, event: EventRecord) -> Item:
        return self.judged(Item.of(0, 0, event))


class _Made:
    """A destination that is ready to be asked."""

    def __init__(self, told: DestinationTold, destination: Destination, filter_: Filter, *, example: bool) -> None:
        self.told = told
        self._look = _Look(_NO_LOG, "", destination, filter_)
        self._previewer = Previewer(destination)
        self._redactor = None if example else Redactor(destination.secrets())

    def show(self, event: EventRecord) -> DestinationTold:
        item = self._look.judge(event)
        if item.end is not None:
            return _ended(self.told, item.end.outcome, item.end.reason, item.end.detail)
        shown = self._previewer.show_rows(event.message_id, item.rows)
        if shown.rejected is not None:
            return _ended(self.told, "failed", shown.rejected, shown.detail or "")
        requests = shown.requests if self._redactor is None else [self._redactor.shown(one) for one in shown.requests]
        return _with(self.told, outcome="sent", requests=requests)


class Renderer:
    """The destinations of a workspace as it is now, and an example of each other type of the catalogue."""

    def __init__(self, workspace: Workspace | None) -> None:
        """Without a workspace there are the examples alone. Nothing is imported before it is asked for."""
        self._workspace = workspace
        self._made: dict[str, _Made | DestinationTold] = {}

    def show(self, event: EventRecord | None, kinds: Iterable[str]) -> list[DestinationTold]:
        """Return what each destination of the workspace, and an example of each of `kinds`, gets of `event`, if any."""
        configured = self._workspace.destinations if self._workspace else {}
        found = [self._show(f"key:{key}", event, self._configured(key)) for key in configured]
        return found + [self._show(f"kind:{kind}", event, _example_of(kind)) for kind in kinds]

    def _show(
        self, name: str, event: EventRecord | None, make: Callable[[], _Made | DestinationTold]
    ) -> DestinationTold:
        if name not in self._made:
            self._made[name] = make()
        made = self._made[name]
        if isinstance(made, DestinationTold):
            return made
        return made.told if event is None else made.show(event)

    def _configured(self, key: str) -> Callable[[], _Made | DestinationTold]:
        def make() -> _Made | DestinationTold:
            workspace = cast("Workspace", self._workspace)
            settings = workspace.destinations[key]
            told = DestinationTold(key=key, type=settings.type, name=settings.name or key, enabled=settings.enabled)
            try:
                return _Made(told, *load_destination(workspace, key), example=False)
            except TrackwayError as error:
                return _with(told, outcome="error", detail=str(error))

        return make


def kinds_to_show(workspace: Workspace | None) -> list[str]:
    """Return the catalogue's types that the workspace does not have."""
    configured = {one.type for one in workspace.destinations.values()} if workspace else set[str]()
    return [kind for kind in registry.known() if kind not in configured]


def _example_of(kind: str) -> Callable[[], _Made | DestinationTold]:
    def make() -> _Made | DestinationTold:
        try:
            destination = example(kind)
        except TrackwayError as error:
            return DestinationTold(key="", type=kind, name=kind, outcome="error", detail=str(error))
        told = DestinationTold(key="", type=kind, name=destination.name)
        return _Made(told, destination, Filter(destination.name), example=True)

    return make


def _ended(told: DestinationTold, outcome: str, reason: str, detail: str) -> DestinationTold:
    return _with(told, outcome=outcome, reason=reason, meaning=meaning_of(reason), detail=detail)


def _with(told: DestinationTold, **changes: Any) -> DestinationTold:
    return msgspec.structs.replace(told, **changes)
