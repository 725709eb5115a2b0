"""Events for the commands that look at them one by one: from files, or from the clean log."""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec

from trackway.cli.output import complain
from trackway.errors import TrackwayError, why_unreadable
from trackway.events import canary, lenient_json
from trackway.events.records import EVENTS, decode_event
from trackway.node.logs import open_clean_log
from trackway.workspace import Workspace

_BATCH = 20_000
_decode_event = msgspec.json.Decoder(dict[str, Any]).decode


class FileEvent(NamedTuple):
    """An event of a file."""

    line: int
    text: str
    """As it stands there."""
    event: dict[str, Any]


class Recorded(NamedTuple):
    """An event of the clean log."""

    source: str
    event: dict[str, Any]


def read_events(file: Path, unreadable: Callable[[int], object] = lambda _: None) -> Iterator[FileEvent]:
    """Yield the events of a file with one a line, `-` for standard input.

    A line of `trackway log export` is taken as its `call`. One that is no JSON object is told, and `unreadable` hears
    its number.

    Raises:
        TrackwayError: the file cannot be read.
    """
    try:
        with _opened(file) as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    value, _ = lenient_json.loads(line)
                except lenient_json.NotJson as error:
                    complain(f"{file}:{number}: not JSON: {error}")
                    unreadable(number)
                    continue
                if not isinstance(value, dict):
                    complain(f"{file}:{number}: an event is a JSON object")
                    unreadable(number)
                    continue
                event = cast("dict[str, Any]", value)
                if isinstance(call := event.get("call"), dict) and "topic" in event:
                    event = cast("dict[str, Any]", call)
                yield FileEvent(number, line.decode("utf-8", "replace").rstrip("\r\n"), event)
    except OSError as error:
        raise TrackwayError(f"{file} cannot be read: {why_unreadable(error)}") from error


def recorded_events(workspace: Workspace, *, limit: int) -> Iterator[Recorded]:
    """Yield the newest `limit` events of each partition of the clean log, oldest first, without canaries."""
    with closing(open_clean_log(workspace)) as log:
        starts = log.starts(EVENTS)
        for partition, head in log.heads(EVENTS).items():
            at = max(starts.get(partition, 0), head - limit)
            while at < head:
                found = list(log.read(EVENTS, partition, at, max_records=min(_BATCH, head - at)))
                if not found:
                    break
                for record in (record for one in found for record in one.records):
                    event = decode_event(record)
                    if event.source != canary.SOURCE:
                        yield Recorded(event.source, _decode_event(event.body))
                at = max(one.next for one in found)


@contextmanager
def _opened(file: Path) -> Generator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    with file.open("rb") as opened:
        yield opened
