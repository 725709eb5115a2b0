"""`trackway up`: the whole product in the foreground."""

import contextlib
import json
import os
import shlex
import signal
import time
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trackway.cli.options import WorkspaceOption, find_workspace, how_to_call_us
from trackway.log import consumers
from trackway.node.flag import Flag
from trackway.node.lag import lags
from trackway.node.logs import open_clean_log, open_raw_log
from trackway.node.supervisor import Supervisor
from trackway.workspace import load_workspace
from trackway.workspace.create import console_token, create_workspace
from trackway.workspace.model import Workspace

_READY_S = 60.0
_LOOK_EVERY_S = 0.5
_PLAIN_EVERY_S = 30.0
_EXAMPLE = {"userId": "u1", "event": "Order Completed", "properties": {"revenue": 19.99, "currency": "EUR"}}


def up(
    workspace: WorkspaceOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no status line.")] = False,
) -> None:
    """Start everything: collector, pipeline, delivery, warehouse, console. Ctrl-C stops it.

    Changes of trackway.yaml are taken over while it runs; SIGHUP has it read at once.
    """
    folder = find_workspace(workspace)
    screen = Console(highlight=False)
    created = create_workspace(folder)
    settings = load_workspace(folder)
    token = settings.console.token.reveal() if settings.console.token else console_token(settings.data)
    stopping = Flag()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)

    def say(name: str, line: str) -> None:
        with contextlib.suppress(OSError):
            screen.print(Text(f"{name}: {line}", style="yellow"))

    supervisor = Supervisor(settings, say)
    had_terminal = _has_terminal()

    def hang_up(number: int, frame: FrameType | None) -> None:
        # The closing terminal sends it, and so does whoever wants the settings to be read.
        if had_terminal and not _has_terminal():
            stop(number, frame)
        else:
            supervisor.reload()

    signal.signal(signal.SIGHUP, hang_up)
    supervisor.start()
    # A terminal that was closed cannot be written to any more: that ends the run as Ctrl-C does, and nothing else.
    try:
        with contextlib.suppress(OSError):
            if created:
                screen.print(f"Made [bold]{created}[/]: your settings, with a fresh write key.")
            if _wait_ready(supervisor, stopping, screen):
                _print_addresses(screen, settings, supervisor, token)
                _show_status(screen, settings, stopping, quiet=quiet)
            screen.print("Stopping …")
    finally:
        supervisor.stop()
    with contextlib.suppress(OSError):
        screen.print("Stopped. All events are kept; `trackway up` goes on where it ended.")


def _has_terminal() -> bool:
    """Return whether this process belongs to a terminal that is there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def curl_line(url: str, write_key: str) -> str:
    """Return a command that sends one event, on one line, ready to paste."""
    body = json.dumps(_EXAMPLE, separators=(",", ":"))
    words = ["curl", f"{url}/v1/track", "-u", f"{write_key}:", "-H", "Content-Type: application/json", "-d", body]
    return " ".join(shlex.quote(word) for word in words)


def _wait_ready(supervisor: Supervisor, stopping: Flag, screen: Console) -> bool:
    started = time.monotonic()
    while not stopping.is_set():
        if supervisor.wait_ready(0.1):
            return True
        if time.monotonic() - started > _READY_S:
            screen.print("[yellow]Not everything has started yet; see the lines above.[/]")
            return True
    return False


def _print_addresses(screen: Console, settings: Workspace, supervisor: Supervisor, token: str) -> None:
    source, first = next(iter(settings.sources.items()))
    write_key = first.write_keys[0]
    table = Table.grid(padding=(0, 2))
    table.add_row("Collector", Text(supervisor.collector_url, "bold cyan"), "clients send events here")
    console_link = f"{supervisor.console_url}/login?token={token}"
    table.add_row("Write key", Text(write_key, "bold"), f"of source {source}")
    table.add_row("Workspace", Text(str(settings.folder)), "trackway.yaml, and all data in data/")
    screen.print("\n[bold]Trackway is running.[/]")
    screen.print(table)
    # Links and commands are printed as they are: a wrapped or cut one could not be pasted.
    screen.print("Console, to look at what happens:", end="\n  ")
    screen.print(console_link, style="cyan", soft_wrap=True, markup=False)
    screen.print("Send an event:", end="\n  ")
    screen.print(curl_line(supervisor.collector_url, write_key), style="green", soft_wrap=True, markup=False)
    me = how_to_call_us()
    screen.print("See its row, or let a simulated shop send more:")
    given = "" if find_workspace(None).resolve() == settings.folder else f" -w {shlex.quote(str(settings.folder))}"
    for command in ('sql "select event_text, revenue from order_completed"', "demo"):
        screen.print(f"  {me} {command}{given}", style="green", soft_wrap=True, markup=False)
    screen.print()


def _show_status(screen: Console, settings: Workspace, stopping: Flag, *, quiet: bool) -> None:
    """Show one line that tells events a second and the lag of each consumer, until stopped."""
    status = _Status(settings)
    if quiet:
        stopping.wait()
    elif screen.is_terminal:
        with Live(status.line(), console=screen, auto_refresh=False, transient=True) as live:
            while not stopping.wait(_LOOK_EVERY_S):
                live.update(status.line(), refresh=True)
    else:
        while not stopping.wait(_PLAIN_EVERY_S):
            screen.print(status.line())
    status.close()


class _Status:
    """Looks at the logs and says how things go."""

    def __init__(self, settings: Workspace) -> None:
        self._raw = open_raw_log(settings)
        self._clean = open_clean_log(settings)
        self._seen: list[tuple[float, int]] = []

    def line(self) -> Text:
        """Return the status line."""
        total = sum(self._raw.heads("raw").values())
        self._seen = [*self._seen[-5:], (time.monotonic(), total)]
        (then, before), (now, after) = self._seen[0], self._seen[-1]
        rate = (after - before) / (now - then) if now > then else 0.0
        line = Text.assemble((f"{rate:,.0f}", "bold"), " events/s   ", (f"{after:,}", "bold"), " taken in")
        for one in lags(self._raw, self._clean):
            style = "green" if one.lag == 0 else "yellow" if one.lag < 10_000 else "red"
            how = "up to date" if one.lag == 0 else f"{one.lag:,} behind"
            line.append("   ").append(f"{consumers.shown(one.consumer)} ", "dim").append(how, style)
        return line

    def close(self) -> None:
        """Close the logs."""
        self._raw.close()
        self._clean.close()
