"""Options that several commands share, and what is found with them."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from trackway.errors import TrackwayError
from trackway.workspace import Workspace, load_workspace
from trackway.workspace.addresses import read_addresses
from trackway.workspace.load import FILE_NAME

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        envvar="TRACKWAY_WORKSPACE",
        show_default=False,
        help="The folder with trackway.yaml; default: ./workspace, or this folder if the file is here.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
WhereOption = Annotated[
    str,
    typer.Option("--where", show_default=False, help="Only events that this FQL query asks for; docs/filters.md."),
]
SourceOption = Annotated[
    str | None, typer.Option("--source", show_default=False, help="Send as this source; default: the first one.")
]
UrlOption = Annotated[
    str | None,
    typer.Option("--url", show_default=False, help="Another collector, such as https://t.example.com."),
]
WriteKeyOption = Annotated[
    str | None,
    typer.Option("--write-key", show_default=False, help="Another write key; default: the source's first one."),
]


class Target(NamedTuple):
    """Where events are sent, and as whom."""

    url: str
    """Without a slash at its end."""
    write_key: str


def find_workspace(given: Path | None) -> Path:
    """Return the workspace folder: the given one, else ./workspace, else this folder; the one that has a file wins."""
    if given is not None:
        return given
    below, here = Path("workspace"), Path()
    if not (below / FILE_NAME).exists() and (here / FILE_NAME).exists():
        return here
    return below


def find_target(workspace: Path | None, *, url: str | None, write_key: str | None, source: str | None) -> Target:
    """Return the collector and write key to send with; the workspace is only read for what is not given.

    Raises:
        TrackwayError: there is no such source, or the workspace cannot be read.
    """
    if url and write_key and not source:
        return Target(url.rstrip("/"), write_key)
    settings = load_workspace(find_workspace(workspace), sending=False)
    if not settings.sources:
        raise TrackwayError(f"{FILE_NAME} has no sources; add one, or give --write-key")
    name = source or next(iter(settings.sources))
    if name not in settings.sources:
        raise TrackwayError(f"there is no source {name}; there are: {', '.join(settings.sources)}")
    return Target((url or collector_url(settings)).rstrip("/"), write_key or settings.sources[name].write_keys[0])


def collector_url(settings: Workspace) -> str:
    """Return where programs on this machine send events to."""
    given = settings.collector
    found = read_addresses(settings.data) if given.port == 0 else None
    return found.collector if found else local_url(given.host, given.port)


def console_url(settings: Workspace) -> str:
    """Return where programs on this machine ask the console."""
    given = settings.console
    found = read_addresses(settings.data) if given.port == 0 else None
    return found.console if found else local_url(given.host, given.port)


def how_to_call_us() -> str:
    """Return how the user can call this program again: by name when the shell would find it, else by its path."""
    called = Path(sys.argv[0]).absolute()
    if shutil.which("trackway") == str(called):
        return "trackway"
    here = Path.cwd()
    return shlex.quote(str(called.relative_to(here) if called.is_relative_to(here) else called))


def local_url(host: str, port: int) -> str:
    """Return the address by which this machine reaches a server that listens on `host` and `port`."""
    if host in ("", "0.0.0.0"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    elif ":" in host:
        host = "[::1]" if host == "::" else f"[{host}]"
    return f"http://{host}:{port}"
