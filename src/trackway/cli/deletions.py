"""`trackway deletions`: have people deleted at destinations, and see how far that is."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, remark, screen
from trackway.cli.suppress import FileOption, IdsArgument, read_ids
from trackway.delivery.deletion import orders
from trackway.delivery.deletion.orders import Deletion, Target
from trackway.destinations.kit import Person
from trackway.errors import TrackwayError
from trackway.identity.evidence import ANONYMOUS
from trackway.identity.ledger import IdentityLedger
from trackway.state import open_state
from trackway.workspace import Workspace, load_workspace

deletions = typer.Typer(
    help="Have people deleted at destinations, and see how far that is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

NumberArgument = Annotated[int, typer.Argument(metavar="NUMBER", help="Of the deletion, as `list` shows it.")]
_STYLES = {"waiting": "yellow", "done": "green", "unsupported": "yellow", "failed": "bold red"}


@deletions.command()
def ask(
    user_ids: IdsArgument = None,
    file: FileOption = None,
    email: Annotated[
        str, typer.Option("--email", show_default=False, help="Of the one user: some destinations know nothing else.")
    ] = "",
    to: Annotated[
        list[str] | None, typer.Option("--destination", show_default=False, help="Only there; may be repeated.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Have destinations delete these users; their events go on being taken unless they are suppressed.

    The running server does it, at each destination after all that was on its way there, and tries until it is done.
    """
    ids = read_ids(user_ids, file)
    if email and len(ids) != 1:
        raise TrackwayError("--email is one user's; ask for one user at a time")
    ask_for(load_workspace(find_workspace(workspace), sending=False), ids, email=email, only=to, json=json)


@deletions.command("list")
def list_(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the deletions, the newest first, with what became of them."""
    with _state(load_workspace(find_workspace(workspace), sending=False)) as engine:
        found = orders.read_all(engine)
    if json:
        for one in found:
            print_json(_told(one))
        return
    if not found:
        remark("There are no deletions.")
        return
    table = Table(box=None, header_style="dim")
    for heading in ("number", "asked", "user", "status", "done", "waiting", "failed", "unsupported"):
        table.add_column(heading)
    for one in found:
        states = [target.state for target in one.targets]
        numbers = (str(states.count(state)) for state in ("done", "waiting", "failed", "unsupported"))
        table.add_row(str(one.id), _time(one.asked_ms), Text(one.person.user_id), one.status, *numbers)
    screen().print(table)


@deletions.command()
def show(number: NumberArgument, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Show how far a deletion is at each destination."""
    with _state(load_workspace(find_workspace(workspace), sending=False)) as engine:
        found = orders.read(engine, number)
    if json:
        print_json(_told(found))
        return
    title = Text(f"Deletion {found.id} of {found.person.user_id}: {found.status}", style="bold")
    screen().print(title.append(f"  asked {_time(found.asked_ms)}", style="not bold dim"))
    for target in found.targets:
        line = Text(f"{target.state:<12}", style=_STYLES[target.state]).append(target.destination, style="default")
        screen().print(line.append(_what_happened(target), style="dim"), soft_wrap=True)


@deletions.command()
def retry(number: NumberArgument, workspace: WorkspaceOption = None) -> None:
    """Try a deletion again where it failed or could not be asked, such as after a setting was added."""
    with _state(load_workspace(find_workspace(workspace), sending=False)) as engine:
        again = orders.ask_again(engine, number)
    remark(f"tried again at {', '.join(again)}" if again else "nothing to try again: it failed nowhere")


def ask_for(
    workspace: Workspace, ids: Sequence[str], *, email: str = "", only: Sequence[str] | None = None, json: bool = False
) -> None:
    """Write down that destinations are to delete these users, and say so.

    Raises:
        TrackwayError: a destination of `only` is not there, or there is none at all.
    """
    for name in only or ():
        if name not in workspace.destinations:
            known = ", ".join(workspace.destinations) or "none"
            raise TrackwayError(f"there is no destination {name} in trackway.yaml; there are: {known}")
    to = {key: one.type for key, one in workspace.destinations.items() if not only or key in only}
    if not to:
        raise TrackwayError("there is no destination in trackway.yaml where anybody could be deleted")
    with _state(workspace) as engine:
        ledger = IdentityLedger(engine)
        numbers = orders.ask(engine, [_person(ledger, one, email) for one in ids], to)
        if json:
            for number in numbers:
                print_json(_told(orders.read(engine, number)))
    which = f"deletion {numbers[0]}" if len(numbers) == 1 else f"deletions {numbers[0]} to {numbers[-1]}"
    remark(f"{which} at {', '.join(to)}; `trackway deletions show {numbers[0]}` tells how far it is")


def _person(ledger: IdentityLedger, user_id: str, email: str) -> Person:
    """Return somebody with the devices that the identity ledger has as his alone."""
    found = [person for person in ledger.who(f"user:{user_id}") if person.person]
    devices = [one.id for person in found for one in person.ids if one.kind == ANONYMOUS]
    return Person(user_id=user_id, anonymous_ids=tuple(dict.fromkeys(devices)), email=email)


@contextmanager
def _state(workspace: Workspace) -> Generator[Engine]:
    engine = open_state(workspace.data / "state.db")
    try:
        yield engine
    finally:
        engine.dispose()


def _told(one: Deletion) -> dict[str, Any]:
    targets = [
        {
            "destination": target.destination,
            "type": target.type,
            "state": target.state,
            "tries": target.tries,
            "requests": target.requests,
            "status": target.status,
            "reason": target.reason or None,
            "detail": target.detail or None,
            "answer": target.answer or None,
            "nextTry": _time(target.next_at_ms) if target.state == "waiting" else None,
            "ended": None if target.ended_ms is None else _time(target.ended_ms),
        }
        for target in one.targets
    ]
    return {
        "deletion": one.id,
        "userId": one.person.user_id,
        "asked": _time(one.asked_ms),
        "status": one.status,
        "destinations": targets,
    }


def _what_happened(target: Target) -> str:
    parts = [f"  {target.reason}"] if target.reason else []
    parts += [f": {target.detail}"] if target.detail else []
    if target.answer and target.state != "done":
        parts.append(f"  answered {target.status}: {' '.join(target.answer.split())[:200]}")
    if target.state == "waiting":
        parts.append(f"  {target.tries} tries, next {_time(target.next_at_ms)}")
    elif target.ended_ms is not None:
        parts.append(f"  {_time(target.ended_ms)}")
    return "".join(parts)


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
