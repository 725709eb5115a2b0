"""Events for the commands that look at them one by one: from files, or from the clean log."""

import itertools
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec

from trackway.cli.output import complain
from trackway.errors import TrackwayError, why_unreadable
from trackway.events import canary, lenient_json
from trackway.events.records import EVENTS, EventRecord, decode_event
from trackway.log.contract import EventLog
from trackway.node.logs import open_clean_log
from trackway.workspace import Workspace

_BATCH = 20_000
_STEP = 1_000
"""How far a search for the newest events goes back at a time, at least."""
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


def recorded_events(workspace: Workspace, *, limit: int, source: str | None = None) -> Iterator[Recorded]:
    """Yield the newest `limit` events of each partition of the clean log, oldest first, without canaries.

    With `source` only that source's.

    Raises:
        TrackwayError: there is no such source.
    """
    if source is not None and source not in workspace.sources:
        raise TrackwayError(f"there is no source {source}; there are: {', '.join(workspace.sources)}")
    with closing(open_clean_log(workspace)) as log:
        starts = log.starts(EVENTS)
        for partition, head in log.heads(EVENTS).items():
            begin, fitting = head, 0
            while begin > starts.get(partition, 0) and fitting < limit:
                end, begin = begin, max(starts.get(partition, 0), begin - max(_STEP, limit - fitting))
                fitting += sum(1 for _ in _events(log, partition, begin, end, source))
            yield from (
                Recorded(one.source, _decode_event(one.body))
                for one in itertools.islice(_events(log, partition, begin, head, source), max(0, fitting - limit), None)
            )


def _events(log: EventLog, partition: int, begin: int, end: int, source: str | None) -> Iterator[EventRecord]:
    """Yield the events from `begin` to before `end`: those of `source`, None for all but the canary's."""
    at = begin
    while at < end:
        found = list(log.read(EVENTS, partition, at, max_records=min(_BATCH, end - at)))
        if not found:
            return
        for record in (record for one in found for record in one.records):
            event = decode_event(record)
            if event.source == source or (source is None and event.source != canary.SOURCE):
                yield event
        at = max(one.next for one in found)


@contextmanager
def _opened(file: Path) -> Generator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    with file.open("rb") as opened:
        yield opened
