"""`trackway preview`: what a destination would send for events, without sending it."""

import sys
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer

from trackway.cli.options import WorkspaceOption, find_workspace
from trackway.errors import TrackwayError, why_unreadable


def preview(
    type: Annotated[str, typer.Argument(help="The destination's type, such as mixpanel.")],
    settings: Annotated[Path, typer.Option("--settings", help="A YAML file with the destination's settings.")],
    events: Annotated[
        Path,
        typer.Option("--events", help='JSON lines: {"id": …, "event": {…}} or events; - is standard input.'),
    ],
    workspace: WorkspaceOption = None,
) -> None:
    """Print the requests for each event as a line of JSON; they hold the secrets of the settings.

    A line that holds no event is told of, and the others are shown; then the exit code is 1.
    """
    from trackway.cli.output import complain, print_json
    from trackway.destinations.preview import previewer, read_file

    shown = previewer(type, read_file(settings), find_workspace(workspace), path=settings)
    wrong = False
    for number, line in enumerate(_lines(events), 1):
        if not line.strip():
            continue
        try:
            event_id, event = _read(line, number)
        except TrackwayError as error:
            complain(f"{events}: {error}")
            wrong = True
            continue
        print_json(shown.show(event_id, event))
    if wrong:
        raise typer.Exit(1)


def _lines(path: Path) -> list[bytes]:
    try:
        return (sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()).splitlines()
    except OSError as error:
        raise TrackwayError(f"{path} cannot be read: {why_unreadable(error)}") from error


def _read(line: bytes, number: int) -> tuple[Any, dict[str, Any]]:
    """Return a line's id and event; an event alone is known by its message id."""
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise TrackwayError(f"line {number} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise TrackwayError(f"line {number}: expected an object")
    told = cast("dict[str, Any]", found)
    event: Any = told.get("event")
    if isinstance(event, dict) and "type" not in told:
        return told.get("id", number), cast("dict[str, Any]", event)
    if "type" not in told:
        raise TrackwayError(f'line {number}: expected {{"id": …, "event": {{…}}}}, or an event with its type')
    return told.get("messageId", number), told
