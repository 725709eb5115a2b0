"""`trackway log`: look into the logs on disk, whether the server runs or not."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from trackway.cli.log_export import Filter, write_jsonl, write_parquet
from trackway.cli.options import JsonOption, WhereOption, WorkspaceOption, find_workspace
from trackway.cli.output import complain, print_json, remark, screen
from trackway.cli.records_shown import show_record
from trackway.errors import TrackwayError
from trackway.events import fql
from trackway.events.records import RAW, TOPICS, Place
from trackway.log.sqlite import SegmentInfo, SqliteLog
from trackway.node.logs import open_clean_log, open_raw_log
from trackway.workspace import Workspace, load_workspace

if TYPE_CHECKING:
    from rich.table import Table

log = typer.Typer(
    help="Look into the logs.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)

TopicOption = Annotated[str, typer.Option("--topic", help="raw, events, quarantine or dropped.")]


@log.command()
def ls(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the segments of both logs: what stands in them, since when, and how large they are."""
    from rich.table import Table

    table = Table(box=None, header_style="dim")
    for heading in ("log", "partition", "segment", "begun (UTC)", "MB", "topic", "from", "to"):
        table.add_column(heading, justify="right" if heading in ("partition", "MB", "from", "to") else "left")
    with ExitStack() as stack:
        for name, opened in _logs(load_workspace(find_workspace(workspace), sending=False), stack).items():
            for one in opened.segments():
                if json:
                    print_json({"log": name, **one._asdict(), "path": str(one.path)})
                else:
                    _add_rows(table, name, one)
    if not json:
        screen().print(table)


def _add_rows(table: "Table", name: str, one: SegmentInfo) -> None:
    begun = datetime.fromtimestamp(one.created_ms / 1000, UTC).strftime("%m-%d %H:%M:%S")
    head = [name, str(one.partition), one.path.stem.lstrip("0"), begun, f"{one.size_bytes / 1e6:,.1f}"]
    for topic, (first, following) in one.offsets.items():
        if following > first:
            table.add_row(*head, topic, f"{first:,}", f"{following - 1:,}")
            head = [""] * len(head)
    if any(head):
        table.add_row(*head, "(damaged)" if one.damage else "(empty)", "", "")


@log.command()
def show(
    position: Annotated[str, typer.Argument(help="TOPIC/PARTITION/OFFSET, such as events/0/12.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Print one record as JSON."""
    topic, place = _position(position)
    with ExitStack() as stack:
        opened = _log_of(topic, load_workspace(find_workspace(workspace), sending=False), stack)
        for found in opened.read(topic, place.partition, place.offset):
            print_json(show_record(topic, place, found.records[0]))
            return
    raise TrackwayError(f"there is no record at {position}: deleted by now, or not yet there; see `trackway log ls`")


@log.command()
def verify(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Hold every block against its checksum, and look for holes; exit 1 if anything is wrong."""
    faults = records = lost = 0
    with ExitStack() as stack:
        logs = _logs(load_workspace(find_workspace(workspace), sending=False), stack)
        for checked in (checked for opened in logs.values() for checked in opened.verify()):
            records += checked.records
            lost += checked.lost
            for fault in checked.faults:
                faults += 1
                if json:
                    print_json({**fault._asdict(), "segment": str(fault.segment)})
                else:
                    what = f"{fault.topic} from offset {fault.offset}" if fault.topic else "the whole segment"
                    complain(f"{fault.kind}: {fault.segment}, {what}: {fault.detail}")
    if json:
        print_json({"records": records, "faults": faults, "lost": lost})
    else:
        written_off = f" {lost:,} were written off earlier." if lost else ""
        screen().print(f"{records:,} records, {faults or 'no'} fault{'' if faults == 1 else 's'}.{written_off}")
    if faults:
        raise typer.Exit(1)


@log.command()
def repair(
    workspace: WorkspaceOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be written off.")] = False,
    json: JsonOption = False,
) -> None:
    """Write damaged segments anew without what cannot be read, so that readers go on behind it; say what is lost.

    The damaged files are kept beside them. Stop Trackway first: a partition that is being written is not touched.
    """
    count = lost = 0
    with ExitStack() as stack:
        logs = _logs(load_workspace(find_workspace(workspace), sending=False), stack)
        for one in (one for opened in logs.values() for one in opened.repair(write=not dry_run)):
            count += 1
            lost += sum(gap.next - gap.first for gap in one.lost)
            if json:
                ranges = [gap._asdict() for gap in one.lost]
                print_json({"segment": str(one.segment), "damaged": str(one.damaged), "lost": ranges})
                continue
            remark(f"{one.segment}: damaged" if dry_run else f"{one.segment}: written anew; see {one.damaged}")
            for gap in one.lost:
                remark(f"  lost: {gap.topic}/{one.partition}, offsets {gap.first:,} to {gap.next - 1:,}")
    if json:
        print_json({"segments": count, "lost": lost})
    else:
        what = "would be " if dry_run else ""
        screen().print(f"{count:,} damaged segment{'' if count == 1 else 's'}, {lost:,} records {what}written off.")


@log.command()
def export(
    topic: TopicOption = "events",
    format: Annotated[Literal["jsonl", "parquet"], typer.Option("--format", help="jsonl or parquet.")] = "jsonl",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Default: standard output (jsonl only).")] = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only calls of this type.")] = None,
    name: Annotated[str | None, typer.Option(help="Only events of this name.")] = None,
    message_id: Annotated[list[str] | None, typer.Option(help="Only this message id; may be repeated.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Received at or after this time, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Received before this time, UTC.")] = None,
    where: WhereOption = "",
    partition: Annotated[int | None, typer.Option(help="Only this partition.")] = None,
    from_: Annotated[int, typer.Option("--from", help="Only offsets from this one on.")] = 0,
    to: Annotated[int | None, typer.Option("--to", help="Only offsets up to this one.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write records of a topic to a file, oldest first in each partition."""
    asked = fql.compile(where) if where else None
    wanted = Filter(source, type_, name, frozenset(message_id) if message_id else None, _ms(since), _ms(until), asked)
    with ExitStack() as stack:
        opened = _log_of(topic, load_workspace(find_workspace(workspace), sending=False), stack)
        positions = _positions(opened, topic, partition, from_, to)
        records = (shown for shown in _records(opened, topic, positions) if wanted.keeps(shown))
        if format == "jsonl":
            count = write_jsonl(records, out)
        elif out is None:
            raise TrackwayError("a Parquet file cannot go to standard output; name one with --out")
        else:
            count = write_parquet(records, out)
    remark(f"{count:,} records of {topic} written.")


def _positions(opened: SqliteLog, topic: str, partition: int | None, from_: int, to: int | None) -> dict[int, range]:
    """Return the offsets that are wanted, by partition."""
    return {
        one: range(from_, head if to is None else min(head, to + 1)) if partition in (None, one) else range(head, head)
        for one, head in opened.heads(topic).items()
    }


def _records(opened: SqliteLog, topic: str, positions: dict[int, range]) -> Iterator[dict[str, Any]]:
    with opened.reader(topic, start={one: offsets.start for one, offsets in positions.items()}) as reader:
        while any(reader.position()[one] < offsets.stop for one, offsets in positions.items()):
            if not (slices := reader.poll()):
                return
            for found in slices:
                wanted = positions.get(found.partition, range(0))
                for offset, record in enumerate(found.records, found.first):
                    if offset in wanted:  # others come in meanwhile
                        yield show_record(topic, Place(found.partition, offset), record)


def _logs(workspace: Workspace, stack: ExitStack) -> dict[str, SqliteLog]:
    return {
        "raw": stack.enter_context(closing(open_raw_log(workspace))),
        "clean": stack.enter_context(closing(open_clean_log(workspace))),
    }


def _log_of(topic: str, workspace: Workspace, stack: ExitStack) -> SqliteLog:
    if topic not in TOPICS:
        raise TrackwayError(f"there is no topic {topic}; there are {', '.join(TOPICS)}")
    opened = open_raw_log(workspace) if topic == RAW else open_clean_log(workspace)
    return stack.enter_context(closing(opened))


def _position(text: str) -> tuple[str, Place]:
    parts = text.split("/")
    if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():
        return parts[0], Place(int(parts[1]), int(parts[2]))
    raise TrackwayError(f"{text} is no position; write TOPIC/PARTITION/OFFSET, such as events/0/12")


def _ms(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
