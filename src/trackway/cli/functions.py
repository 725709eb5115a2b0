"""`trackway functions`: the workspace's Python functions, tried on recorded events before they run on live ones."""

import re
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer
from rich.text import Text

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, remark, screen
from trackway.cli.plan_events import Recorded, read_events, recorded_events
from trackway.cli.trace_shown import clean, show_changes
from trackway.errors import TrackwayError
from trackway.events import lenient_json
from trackway.events.clock_skew import parse_ms
from trackway.functions.files import find_function, function_files, functions_folder
from trackway.functions.messages import Reply, Task
from trackway.functions.process import FunctionProcess
from trackway.node.tracing.changes import changes
from trackway.workspace import Workspace, load_workspace
from trackway.workspace.model import Function

functions = typer.Typer(
    help="Python functions that change, drop or split events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The file's name in functions/, without .py.")]

_TEMPLATE = '''"""What this function is for."""


def on_track(event, context):
    """Return the event, changed or not, or a list of events; `context.drop("why")` leaves it out.

    Other handlers: on_identify, on_page, on_screen, on_group, on_alias, and on_event for all that have none.
    `context` has source, destination, settings and received_at.
    """
    return event
'''


@functions.command("list")
def list_(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the functions, and what uses them."""
    found = load_workspace(find_workspace(workspace))
    names = function_files(functions_folder(found.folder))
    if not names and not json:
        remark("There are no functions; `trackway functions new NAME` makes one.")
    for name in names:
        users = [f"sources.{key}" for key, one in found.sources.items() if name in one.functions]
        users += [f"destinations.{key}" for key, one in found.destinations.items() if name in one.functions]
        if json:
            print_json({"function": name, "used_by": users})
        else:
            line = Text(name, style="bold").append(f"  {', '.join(users) or 'not used'}", style="not bold dim")
            screen().print(line, soft_wrap=True)


@functions.command()
def new(name: NameArgument, workspace: WorkspaceOption = None) -> None:
    """Write a function to begin with."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise TrackwayError(f"{name} cannot be a function's name: use small letters, digits and _")
    folder = functions_folder(load_workspace(find_workspace(workspace)).folder)
    path = folder / f"{name}.py"
    folder.mkdir(exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_TEMPLATE)
    except FileExistsError:
        raise TrackwayError(f"{path} is there already") from None
    remark(f"Made {path}. Try it with `trackway functions test {name}`; to use it, name it in trackway.yaml:")
    screen().print(f"sources:\n  web:\n    functions: [{name}]", markup=False)


@functions.command("test")
def try_on_events(
    name: NameArgument,
    events: Annotated[
        Path | None,
        typer.Option("--events", show_default=False, help="A file, an event a line; `-` is standard input."),
    ] = None,
    last: Annotated[int, typer.Option("--last", min=1, help="Without --events: so many of the newest events.")] = 20,
    source: Annotated[str | None, typer.Option("--source", show_default=False, help="Events of this source.")] = None,
    destination: Annotated[str, typer.Option("--destination", help="As a function of this destination.")] = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Run a function on recorded events and show what it makes of them; exit 1 if it fails on one.

    Nothing is sent or kept.
    """
    found = load_workspace(find_workspace(workspace))
    folder = functions_folder(found.folder)
    find_function(folder, name, where="trackway functions test")
    if destination and destination not in found.destinations:
        known = ", ".join(found.destinations) or "none"
        raise TrackwayError(f"there is no destination {destination}; there are: {known}")
    settings = found.functions.get(name, Function())
    tried = _events(found, events, last, source)
    if not tried:
        raise TrackwayError("there are no events to try it on; send some, or give a file with --events")
    tasks = [_task(name, one, destination, settings) for one in tried]
    with closing(FunctionProcess(folder)) as process:
        replies = process.run(tasks, timeout_s=float(settings.timeout))
    for one, reply in zip(tried, replies, strict=True):
        if json:
            print_json(_as_json(one.event, reply))
        else:
            _show(one.event, reply)
    ends = [reply.end for reply in replies]
    remark(f"{ends.count('passed'):,} passed, {ends.count('dropped'):,} dropped, {ends.count('failed'):,} failed.")
    if "failed" in ends:
        raise typer.Exit(1)


def _events(workspace: Workspace, file: Path | None, last: int, source: str | None) -> list[Recorded]:
    if file is not None:
        name = source or next(iter(workspace.sources))
        return [Recorded(name, _event_of(one.event)) for one in read_events(file)]
    return list(recorded_events(workspace, limit=last, source=source))[-last:]


def _event_of(line: dict[str, Any]) -> dict[str, Any]:
    """Return the event of a line; it may stand there as `{"id": …, "event": {…}}`, as `trackway preview` takes it."""
    event = line.get("event")
    return cast("dict[str, Any]", event) if isinstance(event, dict) else line


def _task(name: str, one: Recorded, destination: str, settings: Function) -> Task:
    received_ms = parse_ms(one.event.get("receivedAt")) or 0
    return Task(name, lenient_json.dumps(one.event), one.source, destination, received_ms, settings.settings)


def _as_json(event: dict[str, Any], reply: Reply) -> dict[str, Any]:
    after = [msgspec.Raw(body) for body in reply.events]
    shown: dict[str, Any] = {"messageId": event.get("messageId"), "end": reply.end, "before": event, "after": after}
    return shown | {name: text for name in ("reason", "detail") if (text := getattr(reply, name))}


def _show(event: dict[str, Any], reply: Reply) -> None:
    style = {"passed": "green", "dropped": "yellow", "failed": "red"}[reply.end]
    name = event.get("event") or event.get("name") or event.get("userId") or ""
    line = Text(f"{reply.end:<8}", style=style).append(f"{event.get('type', '?'):<9}", style="dim")
    line.append(clean(str(name)), style="bold").append(f"  {clean(str(event.get('messageId', '')))}", style="dim")
    if reply.end == "dropped":
        line.append(f"  {clean(reply.reason)}", style="yellow")
    lines = [line, *(Text(f"         {one}", style="red") for one in reply.detail.splitlines())]
    for number, body in enumerate(reply.events):
        if number:
            lines.append(Text(f"         and event {number + 1}, compared with the same", style="dim"))
        found = list(show_changes(changes(event, lenient_json.loads(body)[0])))
        lines += [Text("         ").append_text(change) for change in found] or [
            Text("         no change", style="dim")
        ]
    for one in lines:
        screen().print(one, soft_wrap=True)
