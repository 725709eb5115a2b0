"""`trackway send`: one event from flags, or a file with an event on each line."""

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import msgspec
import typer

from trackway.cli.json_lines import Run
from trackway.cli.options import (
    JsonOption,
    SourceOption,
    Target,
    UrlOption,
    WorkspaceOption,
    WriteKeyOption,
    find_target,
)
from trackway.cli.single_call import build_call
from trackway.errors import TrackwayError

if TYPE_CHECKING:
    from trackway.cli.client import Verdict


def send(
    name: Annotated[str | None, typer.Argument(show_default=False, help="The event's or the page's name.")] = None,
    type_: Annotated[
        str, typer.Option("--type", "-t", help="track, identify, page, screen, group or alias.")
    ] = "track",
    user: Annotated[str | None, typer.Option("--user", "-u", show_default=False, help="userId")] = None,
    anonymous: Annotated[str | None, typer.Option("--anonymous", show_default=False, help="anonymousId")] = None,
    group: Annotated[str | None, typer.Option("--group", show_default=False, help="groupId")] = None,
    previous: Annotated[str | None, typer.Option("--previous", show_default=False, help="previousId")] = None,
    category: Annotated[str | None, typer.Option("--category", show_default=False, help="Of a page or screen.")] = None,
    prop: Annotated[
        list[str] | None,
        typer.Option("--prop", "-p", show_default=False, help="A property or trait, key=value; JSON or text."),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option("--context", show_default=False, help="Part of the context, dotted.key=value."),
    ] = None,
    timestamp: Annotated[
        str | None, typer.Option("--timestamp", show_default=False, help="When it happened; default: now.")
    ] = None,
    message_id: Annotated[
        str | None, typer.Option("--message-id", show_default=False, help="messageId; default: a new one.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", show_default=False, help="Send each line of this file; - is stdin.")
    ] = None,
    batch: Annotated[int, typer.Option("--batch", min=1, max=2500, help="With --file: calls in a request.")] = 100,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, max=64, help="Requests at a time.")] = 4,
    gzip: Annotated[bool, typer.Option("--gzip", help="Compress the requests.")] = False,
    resume: Annotated[
        str | None,
        typer.Option("--resume", show_default=False, help="Go on where sending broke off; it printed what to give."),
    ] = None,
    source: SourceOption = None,
    url: UrlOption = None,
    write_key: WriteKeyOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Send one event, or a file of them.

    Each event is answered with a verdict; exit code 1 says that at least one was refused. One whose message id came
    before is a duplicate, which is no refusal.

    trackway send "Order Completed" --user u1 -p revenue=19.99 -p currency=EUR

    trackway send --file events.jsonl
    """
    if file is not None:
        if name is not None:
            raise typer.BadParameter("give a name or --file, not both", param_hint="NAME")
        run = _read_resume(resume)
        target = find_target(workspace, url=url, write_key=write_key, source=source)
        _send_file(file, run, target, count=batch, concurrency=concurrency, gzip=gzip, json=json)
        return
    from trackway.cli.client import library

    fields = {
        "userId": user,
        "anonymousId": anonymous,
        "groupId": group,
        "previousId": previous,
        "category": category,
        "messageId": message_id,
    }
    call = build_call(
        type_, name, ids=fields, members=prop or (), context=context or (), timestamp=timestamp, library=library()
    )
    target = find_target(workspace, url=url, write_key=write_key, source=source)
    _send_one(call, target, gzip=gzip, json=json)


def _read_resume(text: str | None) -> Run:
    try:
        return Run.new() if text is None else Run.read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--resume") from None


def _send_one(call: dict[str, Any], target: Target, *, gzip: bool, json: bool) -> None:
    from trackway.cli.client import DUPLICATE
    from trackway.cli.output import complain, print_json, screen
    from trackway.cli.sending import send_batch

    [verdict] = asyncio.run(send_batch(target, msgspec.json.encode(call), gzip=gzip))
    verdict.message_id = verdict.message_id or call["messageId"]
    refused = verdict.verdict not in ("accepted", DUPLICATE)
    if json:
        print_json(plain(verdict))
    elif refused:
        complain(refusal_line(verdict))
    elif verdict.verdict == DUPLICATE:
        screen().print(
            f"[yellow]Duplicate[/]  message id {verdict.message_id} came before: within the source's "
            "dedup_window it does not count again.",
            soft_wrap=True,
        )
    else:
        screen().print(f"[green]Accepted[/]  message id {verdict.message_id}", soft_wrap=True)
    if refused:
        raise typer.Exit(1)


def _send_file(file: str, run: Run, target: Target, *, count: int, concurrency: int, gzip: bool, json: bool) -> None:
    from trackway.cli.output import complain, print_json, screen
    from trackway.cli.sending import FileSending

    with contextlib.ExitStack() as stack:
        try:
            opened = _stdin() if file == "-" else stack.enter_context(Path(file).open("rb"))
        except OSError as error:
            raise TrackwayError(f"{file} cannot be read: {error.strerror}") from error
        size = None if file == "-" else Path(file).stat().st_size
        began = time.monotonic()
        sending = FileSending(opened, size, run, target, count=count, concurrency=concurrency, gzip=gzip)
        sending.on_refusal = _print_refusal_json if json else _print_refusal(sending.console.print)
        asyncio.run(sending.run())
    seconds = time.monotonic() - began
    if json:
        print_json(
            {
                "sent": sending.sent,
                "accepted": sending.accepted,
                "duplicates": sending.duplicates,
                "refused": sending.refused,
                "seconds": round(seconds, 3),
                "resume": str(sending.unsent) if sending.unsent else None,
            }
        )
    else:
        rate = sending.sent / max(seconds, 0.001)
        twice = f"{sending.duplicates:,} duplicates, " if sending.duplicates else ""
        screen().print(
            f"Sent {sending.sent:,} events in {seconds:.1f} s ({rate:,.0f}/s): {sending.accepted:,} accepted, "
            f"{twice}{sending.refused:,} refused.",
            soft_wrap=True,
        )
    if sending.unsent:
        complain(f"{sending.trouble}. Not sent: lines {_spans(sending.unsent)}.")
        complain(f"To go on, add --resume {sending.unsent}: nothing will count twice.")
    if sending.unsent or sending.refused:
        raise typer.Exit(1)


def _stdin() -> BinaryIO:
    try:
        # A reader of its own: the one of sys.stdin could not be closed while a thread waits in it.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except OSError:
        return sys.stdin.buffer


def _spans(run: Run) -> str:
    return ", ".join(f"{first} to {'the end' if last is None else last}" for first, last in run.spans)


def plain(verdict: "Verdict") -> dict[str, Any]:
    """Return a verdict as the collector writes it, without empty fields."""
    return {key: value for key, value in msgspec.to_builtins(verdict).items() if value}


def refusal_line(verdict: "Verdict") -> str:
    """Return what was wrong with a call, for people."""
    place = f" at {verdict.pointer}" if verdict.pointer else ""
    return f"refused{place}: {verdict.message or verdict.reason} ({verdict.reason})"


def _print_refusal(show: Any) -> Any:
    from rich.text import Text

    def on_refusal(line: int, verdict: "Verdict") -> None:
        show(Text.assemble((f"line {line}: ", "bold"), (refusal_line(verdict), "red")), soft_wrap=True)

    return on_refusal


def _print_refusal_json(line: int, verdict: "Verdict") -> None:
    from trackway.cli.output import print_json

    print_json({"line": line, **plain(verdict)})
