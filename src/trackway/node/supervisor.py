"""Starts the product's processes, keeps them running, and stops them.

The listening sockets are bound here and handed down, so that a port in use is said at once and in one place, and a
collector that dies and comes back refuses no connection in between.
"""

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from trackway.errors import TrackwayError
from trackway.node.orders import CanaryWay, News, Orders, to_line
from trackway.node.settings import SettingsKeeper
from trackway.node.sockets import listen, listen_at, url_of
from trackway.workspace.addresses import Addresses, forget_addresses, read_addresses, write_addresses
from trackway.workspace.model import Workspace

STOP_S = 4.5
"""Children that have not ended by then are killed; nothing durable depends on their goodbye."""
_CHILDREN_END_S = 10.0
"""Children whose supervisor is gone have ended by then."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0

Say = Callable[[str, str], None]
"""Called with a child's name, or `settings`, and a line about it."""


class _Role(NamedTuple):
    """A process to be kept running; the fields are those of its orders."""

    name: str
    role: str
    sockets: tuple[int, ...] = ()
    number: int = 0


class Supervisor:
    """The processes of one workspace."""

    def __init__(self, workspace: Workspace, say: Say) -> None:
        """Take the workspace's folder and its ports.

        Raises:
            TrackwayError: another Trackway runs there, a port is taken, or a destination's settings are wrong.
        """
        self._workspace = workspace
        self._say = say
        self._settings = SettingsKeeper(workspace, changed=self._pass_on, say=lambda line: self._say("settings", line))
        self._stopping = threading.Event()
        self._ready: dict[str, threading.Event] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._writing = threading.Lock()
        """Held while children are born and told: none may miss news."""
        self._keepers: list[threading.Thread] = []
        self._lock = _lock(workspace.data)
        # A supervisor that was killed left its addresses behind, and its children hold the ports until they have ended.
        patience_s = _CHILDREN_END_S if read_addresses(workspace.data) is not None else 0.0
        self._sockets = {
            name: listen(part.host, part.port, _advice(f"{name}.port"), patience_s=patience_s)
            for name, part in (("collector", workspace.collector), ("console", workspace.console))
        }
        # Bound here like the ports: who asks a delivery process that is being started again waits for it.
        self._deliveries = _places(self._settings.delivery_processes)
        self._sockets |= {place.name: listen_at(place) for place in self._deliveries}
        self._canary = CanaryWay(self.collector_url, secrets.token_urlsafe(24))
        write_addresses(workspace.data, Addresses(self.collector_url, self.console_url))

    @property
    def collector_url(self) -> str:
        """Where clients on this machine send to."""
        return url_of(self._sockets["collector"])

    @property
    def console_url(self) -> str:
        """Where people on this machine look."""
        return url_of(self._sockets["console"])

    def start(self) -> None:
        """Start all processes; return without waiting for them."""
        self._settings.start()
        for role in self._roles():
            self._ready[role.name] = threading.Event()
            keeper = threading.Thread(target=self._keep, args=(role,), name=f"keep-{role.name}", daemon=True)
            self._keepers.append(keeper)
            keeper.start()

    def reload(self) -> None:
        """Read the settings now. Changes are noticed without it; this does not wait for them to be."""
        self._settings.reload()

    def wait_ready(self, timeout_s: float) -> bool:
        """Return True when every process works, False after `timeout_s` or when stopped before."""
        deadline = time.monotonic() + timeout_s
        waiting = list(self._ready.values())
        while waiting and time.monotonic() < deadline and not self._stopping.is_set():
            if waiting[0].wait(0.05):
                waiting.pop(0)
        return not waiting

    def stop(self) -> None:
        """Stop all processes; return when they have ended."""
        self._stopping.set()
        self._settings.stop()
        deadline = time.monotonic() + STOP_S
        with self._writing:
            children = list(self._children.values())
            for child in children:
                _close_input(child)
        for child in children:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
        for keeper in self._keepers:
            keeper.join(1)
        forget_addresses(self._workspace.data)
        for listener in self._sockets.values():
            listener.close()
        for place in self._deliveries[:1]:
            shutil.rmtree(place.parent, ignore_errors=True)
        os.close(self._lock)

    def _roles(self) -> list[_Role]:
        public, private = (self._sockets[name].fileno() for name in ("collector", "console"))
        collectors = [
            _Role(f"collector-{number}", "collector", (public,), number)
            for number in range(self._workspace.collector.processes)
        ]
        deliveries = [
            _Role(place.name, "delivery", (self._sockets[place.name].fileno(),), number)
            for number, place in enumerate(self._deliveries)
        ]
        return [*collectors, _Role("pipeline", "pipeline"), *deliveries, _Role("hub", "hub", (private,))]

    def _keep(self, role: _Role) -> None:
        """Run a role's process, again and again with growing pauses, until stopped."""
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run(role)
            if self._stopping.is_set():
                return
            if time.monotonic() - started > 60:
                pause_s = _FIRST_PAUSE_S
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
            self._say(role.name, f"{how}; starting it again in {pause_s:.1f} s")
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _run(self, role: _Role) -> int:
        """Run a role's process until it ends; return its code."""
        child = self._spawn(role)
        listening = threading.Thread(target=self._listen_to, args=(role.name, child), daemon=True)
        listening.start()
        if child.stdout:
            for line in child.stdout:
                if line.strip() == b"ready":
                    self._ready[role.name].set()
        code = child.wait()
        listening.join(1)
        return code

    def _spawn(self, role: _Role) -> "subprocess.Popen[bytes]":
        with self._writing:
            # -P: a module in the folder where the user happens to be must not shadow one of ours.
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "trackway.node"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=role.sockets,
            )
            self._children[role.name] = child
            _write_line(child, self._orders(role))
            if self._stopping.is_set():
                _close_input(child)
        return child

    def _orders(self, role: _Role) -> Orders:
        places = tuple(map(str, self._deliveries))
        return Orders(role.role, self._bound(self._settings.news), role.sockets, role.number, places, self._canary)

    def _pass_on(self, news: News) -> None:
        bound = self._bound(news)
        with self._writing:
            for child in self._children.values():
                _write_line(child, bound)

    def _bound(self, news: News) -> News:
        """Return `news` with the ports that are listened on, where the settings leave the choice."""
        settings = news.workspace
        ports = {name: self._sockets[name].getsockname()[1] for name in ("collector", "console")}
        collector, console = (
            one if one.port else structs.replace(one, port=ports[name])
            for name, one in (("collector", settings.collector), ("console", settings.console))
        )
        return replace(news, workspace=structs.replace(settings, collector=collector, console=console))

    def _listen_to(self, name: str, child: "subprocess.Popen[bytes]") -> None:
        if child.stderr:
            for line in child.stderr:
                self._say(name, line.decode(errors="replace").rstrip())


def _write_line(child: "subprocess.Popen[bytes]", value: Orders | News) -> None:
    # One that has died is told with its next orders; its code says why it died.
    if child.stdin and not child.stdin.closed:
        with suppress(BrokenPipeError):
            child.stdin.write(to_line(value))
            child.stdin.flush()


def _close_input(child: "subprocess.Popen[bytes]") -> None:
    if child.stdin:
        with suppress(BrokenPipeError):
            child.stdin.close()


def _places(processes: int) -> list[Path]:
    """Return where delivery processes listen, in a new folder that nobody else may enter; none for the hub's own.

    The paths are short: a Unix socket's may have no more than a hundred letters.
    """
    if processes == 1:
        return []
    folder = Path(tempfile.mkdtemp(prefix="trackway-"))
    return [folder / f"delivery-{number}" for number in range(processes)]


def _lock(data: Path) -> int:
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = os.open(data / "trackway.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TrackwayError(f"{data} cannot be written: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise TrackwayError(
            f"another Trackway (process {owner}) runs on {data.parent}; stop it, or use another --workspace"
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _advice(setting: str) -> str:
    return f"set {setting} in trackway.yaml or TRACKWAY__{setting.upper().replace('.', '__')}"
