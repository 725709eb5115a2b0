"""trackway.yaml while the product runs: read by the supervisor alone, and passed on to its children.

One reader means that a mistake is said once, that all processes hold the same settings, and that a child which dies
while the file is half written comes back with those that were in force.
"""

import threading
from collections.abc import Callable
from contextlib import closing

from trackway.destinations import registry
from trackway.errors import TrackwayError
from trackway.events.records import CLEAN_TOPICS, EVENTS
from trackway.log import consumers
from trackway.node.delivering.owners import Owners, processes_of
from trackway.node.flag import Flag
from trackway.node.logs import open_clean_log
from trackway.node.orders import News
from trackway.workspace import history
from trackway.workspace.model import Workspace
from trackway.workspace.watch import WorkspaceWatch

LOOK_EVERY_S = 0.5


class SettingsKeeper:
    """Follows the files on a thread of its own, from `start` to `stop`."""

    def __init__(self, workspace: Workspace, *, changed: Callable[[News], None], say: Callable[[str], None]) -> None:
        """`changed` gets news when there are any; `say` gets a line for people.

        Raises:
            TrackwayError: a destination's settings are wrong; the message points at the place.
        """
        _check_destinations(workspace)
        self._watch = WorkspaceWatch(workspace)
        self._changed = changed
        self._say = say
        self._hurry = Flag()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="settings", daemon=True)
        self._owners = Owners(processes_of(workspace))
        self.news = News(workspace, owners=self._owners.of(workspace))
        """How the settings stand."""

    def start(self) -> None:
        """Begin to follow the files. On return the log holds events for all destinations there are."""
        self._keep_consumers(self.news.workspace)
        self._note(lambda: history.note_start(self.news.workspace))
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping = True
        self._hurry.set()
        if self._thread.ident is not None:
            self._thread.join()

    def reload(self) -> None:
        """Read the files now, even if they look untouched. Safe from any thread and in a signal handler."""
        self._hurry.set()

    def _run(self) -> None:
        while not self._stopping:
            anyway = self._hurry.is_set()
            self._hurry.clear()
            self._look(anyway=anyway)
            self._hurry.wait(LOOK_EVERY_S)

    def _look(self, *, anyway: bool) -> None:
        found = self._watch.look(anyway=anyway)
        if found is not None:
            try:
                _check_destinations(found)
                self._keep_consumers(found)
            except TrackwayError as error:
                self._watch.refused(error)
            else:
                self._watch.took(found)
        before, now = self.news, self._now()
        if before != now:
            self.news = now
            self._changed(now)
            if before.workspace != now.workspace:
                self._note(lambda: history.note_change(before.workspace, now.workspace))
            self._tell(before, now)

    def _note(self, note: Callable[[], None]) -> None:
        try:
            note()
        except OSError as error:  # a full disk must not keep settings from being mended
            self._say(f"what changed in trackway.yaml cannot be noted: {error}")

    def _now(self) -> News:
        watch = self._watch
        return News(watch.workspace, watch.mistake, watch.waiting, self._owners.of(watch.workspace))

    @property
    def delivery_processes(self) -> int:
        """How many processes deliver; 1 is the hub's own."""
        return self._owners.processes

    def _keep_consumers(self, workspace: Workspace) -> None:
        """Let the log hold events for every destination, warehouse and forwarding there is, and for no other.

        A new destination begins here, before another event can come in: none may fall between two chairs.
        """
        destinations = {consumers.destination(key) for key, one in workspace.destinations.items() if one.enabled}
        warehouses = {consumers.warehouse(name) for name, one in workspace.warehouses.items() if one.enabled}
        with closing(open_clean_log(workspace)) as clean:
            for name in sorted(destinations - clean.consumers(EVENTS).keys()):
                with clean.reader(EVENTS, consumer=name, start="latest") as reader:
                    reader.commit()
            for topic in CLEAN_TOPICS:
                name = consumers.forward(topic)
                if topic not in workspace.forwarded_topics:
                    clean.forget(name)
                elif name not in clean.consumers(topic):
                    with clean.reader(topic, consumer=name, start="latest") as reader:
                        reader.commit()
            for name in consumers.forget_others(clean, destinations | warehouses):
                self._say(f"{name} is gone from trackway.yaml or switched off: its unread events are not held")

    def _tell(self, before: News, now: News) -> None:
        if now.mistake and now.mistake != before.mistake:
            self._say(f"{now.mistake}; the settings before it stay in force")
        if now.workspace != before.workspace:
            self._say("trackway.yaml has changed, and is in force")
        if now.waiting and now.waiting != before.waiting:
            self._say(f"trackway.yaml: {', '.join(now.waiting)}: changed, which waits for the next start")


def _check_destinations(workspace: Workspace) -> None:
    for key, one in workspace.destinations.items():
        if one.enabled:
            where = f"destinations.{key}.settings"
            registry.load(one.type, one.settings, name=one.name, where=where, folder=workspace.folder)
