"""`trackway trace`: everything that happened to an event, in order, from the call to every destination's answer."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Annotated
from urllib.parse import quote

import msgspec
import typer
from msgspec import Struct

from trackway.cli.asking import NoAnswer, fetch, open_warehouse
from trackway.cli.desk import open_logs, open_state_if_any
from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, remark, screen, side_screen
from trackway.cli.trace_shown import show_line, show_story
from trackway.errors import TrackwayError
from trackway.log.contract import EventLog
from trackway.node.logs import open_clean_log
from trackway.node.tracing.index import IndexBusy, TraceIndex
from trackway.node.tracing.search import search
from trackway.node.tracing.service import Traces
from trackway.node.tracing.story import Story, Teller
from trackway.workspace import Workspace, load_workspace

_WORTH_A_BAR = 50_000


class _Answer(Struct):
    stories: list[Story]


def trace(
    message_id: Annotated[str | None, typer.Argument(help="The event's messageId.", show_default=False)] = None,
    user: Annotated[
        str, typer.Option("--user", "-u", show_default=False, help="Find ids with this in them, in any case.")
    ] = "",
    text: Annotated[
        str, typer.Option("--text", show_default=False, help="Find events with these words in their JSON.")
    ] = "",
    source: Annotated[str, typer.Option("--source", show_default=False, help="Only this source.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Find the newest so many.")] = 10,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Tell what happened to an event: the call, each stage, the log, the warehouse, every destination's answers.

    By message id it takes milliseconds; --user and --text read the log backwards. One that is found is told wholly,
    of several a line each (with --json all of it).
    """
    settings = load_workspace(find_workspace(workspace), sending=False)
    if message_id is not None and not user and not text:
        stories = [story for story in _by_id(settings, message_id) if source in ("", story.source)]
        if not stories:
            raise TrackwayError(
                f"no call with the message id {message_id} is in the log: never sent, or deleted by now"
            )
    elif message_id is None and (user or text):
        stories = _by_search(settings, user, text, source, limit)
        if not stories:
            raise TrackwayError("nothing in the log fits")
    else:
        raise typer.BadParameter("give a message id, or --user or --text")
    _print(stories, json=json, lines=message_id is None and len(stories) > 1)


def _print(stories: Sequence[Story], *, json: bool, lines: bool) -> None:
    console = screen()
    for number, story in enumerate(stories):
        if json:
            print_json(story)
        elif lines:
            console.print(show_line(story), soft_wrap=True)
        else:
            if number:
                console.print()
            console.print(show_story(story), soft_wrap=True)
    if lines and not json:
        remark("`trackway trace MESSAGE_ID` tells the whole story of one.")


def _by_id(settings: Workspace, message_id: str) -> Sequence[Story]:
    """Return the running server's answer, whose index is at hand; else what the files on disk say."""
    with suppress(NoAnswer):
        return msgspec.json.decode(fetch(settings, f"/api/trace/{quote(message_id, safe='')}"), type=_Answer).stories
    with _opened(settings) as (traces, _):
        return traces.trace(message_id)


def _by_search(settings: Workspace, user: str, text: str, source: str, limit: int) -> Sequence[Story]:
    from rich.progress import Progress

    with _opened(settings, indexed=False) as (_, teller):
        with Progress(console=side_screen(), transient=True) as progress:
            task = progress.add_task("searching, newest first", total=None)

            def told(looked_at: int, of: int, found: int) -> None:
                description = f"searching, newest first: {found} found"
                progress.update(task, completed=looked_at, total=of, description=description)

            located = search(
                partial(open_clean_log, settings), user=user, text=text, source=source, limit=limit, told=told
            )
        return teller.tell(located)


@contextmanager
def _opened(settings: Workspace, *, indexed: bool = True) -> Generator[tuple[Traces, Teller]]:
    with ExitStack() as stack:
        raw, clean = open_logs(settings, stack)
        engine = open_state_if_any(settings, stack)
        ask = None
        with suppress(TrackwayError):
            ask = stack.enter_context(open_warehouse(settings))
        index = _open_index(settings, clean, stack) if indexed else None
        teller = Teller(lambda: settings, raw, clean, engine, ask)
        yield Traces(clean, teller, index), teller


def _open_index(settings: Workspace, clean: EventLog, stack: ExitStack) -> TraceIndex | None:
    """Return the index, brought up to the log's end; None when another process has it."""
    try:
        index = TraceIndex(settings.data / "trace-index", clean)
    except IndexBusy:
        return None
    stack.callback(index.close)
    behind = index.behind()
    if behind > _WORTH_A_BAR:
        from rich.progress import Progress

        with Progress(console=side_screen(), transient=True) as progress:
            task = progress.add_task("reading what is not in the index yet", total=behind)
            while taken := index.step(20_000):
                progress.advance(task, taken)
    return index
