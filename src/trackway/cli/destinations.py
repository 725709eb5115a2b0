"""`trackway destinations`: what there is, what it needs, and whether it works."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace

if TYPE_CHECKING:
    from trackway.destinations.reference import Reference

destinations = typer.Typer(
    help="Look at, try and make destinations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

TypeArgument = Annotated[str, typer.Argument(metavar="TYPE", help="The destination's type, such as mixpanel.")]
NameArgument = Annotated[
    str | None, typer.Argument(show_default=False, help="A destination of trackway.yaml; default: all of them.")
]


@destinations.command("list")
def list_(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the destination types of the catalogue, of the workspace and of installed packages."""
    from trackway.cli.output import print_json
    from trackway.destinations import registry
    from trackway.destinations.reference import reference

    folder = find_workspace(workspace)
    found: list[tuple[str, str, str]] = []
    for kind in registry.known(folder):
        try:
            one = reference(kind, folder)
            found.append((one.type, one.name, one.summary))
        except registry.DestinationError as error:  # of the others there is something to show all the same
            found.append((kind, "", str(error)))
    if json:
        for kind, name, summary in found:
            print_json({"type": kind, "name": name, "summary": summary})
        return
    _print_table(("type", "in integrations", "what it is"), found)


@destinations.command()
def describe(type: TypeArgument, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Show a type's settings, its mappings, and the fields of its actions."""
    from trackway.cli.output import print_json
    from trackway.destinations.reference import reference

    told = reference(type, find_workspace(workspace))
    if json:
        print_json(told)
    else:
        _print_reference(told)


@destinations.command()
def schema(workspace: WorkspaceOption = None) -> None:
    """Print the JSON Schema of trackway.yaml, for editors."""
    import sys

    import msgspec

    from trackway.destinations.schema import workspace_schema

    text = msgspec.json.format(msgspec.json.encode(workspace_schema(find_workspace(workspace))))
    sys.stdout.buffer.write(text + b"\n")


@destinations.command()
def new(
    name: Annotated[str, typer.Argument(help="What the type will be called: lower case, digits, _.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Write a destination type of your own into the workspace, with a case that tests it."""
    from trackway.cli.destinations_new import write
    from trackway.cli.output import remark, screen

    file = write(find_workspace(workspace), name)
    screen().print(str(file), soft_wrap=True)
    remark(f"change it, then: trackway destinations try {name}; in trackway.yaml it is `type: {name}`")


@destinations.command("try")
def try_(
    type: TypeArgument,
    case: Annotated[str | None, typer.Option("--case", show_default=False, help="Only this case.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Hold a type to its cases, and to what every destination promises; nothing is sent. Exit 1 if anything differs."""
    from trackway.cli.destinations_try import try_type

    if not try_type(type, case, find_workspace(workspace)):
        raise typer.Exit(1)


@destinations.command()
def check(
    name: NameArgument = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Ask each destination whether it knows our credentials; nothing is changed there. Exit 1 if one does not."""
    import asyncio

    from trackway.cli.destinations_check import check_all
    from trackway.cli.output import print_json, screen

    results = asyncio.run(check_all(find_workspace(workspace), name))
    styles = {"OK": "green", "UNKNOWN": "yellow", "FAIL": "bold red"}
    for one in results:
        if json:
            print_json(one)
        else:
            screen().print(f"{one.status:<8}{one.name}  {one.finding}", style=styles[one.status], soft_wrap=True)
    if any(one.status == "FAIL" for one in results):
        raise typer.Exit(1)


@destinations.command()
def status(
    name: NameArgument = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Tell how the running server stands with each destination: whether it sends, what it waits for, until when."""
    from trackway.cli.destinations_status import HEADINGS, row, statuses
    from trackway.cli.output import print_json

    found = statuses(find_workspace(workspace), name)
    if not json:
        _print_table(HEADINGS, [row(one) for one in found])
        return
    for one in found:
        print_json(one)


NamesArgument = Annotated[list[str], typer.Argument(metavar="KEY…", help="Their keys in trackway.yaml.")]


@destinations.command()
def pause(names: NamesArgument, workspace: WorkspaceOption = None) -> None:
    """Send nothing more to destinations until `resume`, also after a restart; the log keeps what they have not had."""
    from trackway.cli.destinations_pause import set_paused
    from trackway.cli.output import screen

    set_paused(find_workspace(workspace), names, paused=True)
    for name in names:
        screen().print(f"{name} is paused; its events wait in the log until: trackway destinations resume {name}")


@destinations.command()
def resume(names: NamesArgument, workspace: WorkspaceOption = None) -> None:
    """Go on sending to paused destinations, where they stood."""
    from trackway.cli.destinations_pause import set_paused
    from trackway.cli.output import screen

    set_paused(find_workspace(workspace), names, paused=False)
    for name in names:
        screen().print(f"{name} goes on where it stood")


def _print_table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from trackway.cli.output import screen

    table = Table(box=None, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    screen().print(table)


def _print_reference(told: "Reference") -> None:
    from rich.text import Text

    from trackway.cli.output import screen

    screen().print(Text(told.summary, style="bold"))
    for name, words in told.facts.items():
        screen().print(Text.assemble((f"{name}: ", "dim"), words))
    settings = [(one.name, one.kind, one.default or "needed", one.about) for one in told.settings]
    screen().print()
    _print_table(("setting", "kind", "default", "meaning"), settings)
    if told.mappings:
        screen().print()
        _print_table(("mapping", "action", "trigger"), [(one.name, one.action, one.trigger) for one in told.mappings])
    for action in told.actions:
        screen().print()
        screen().print(Text.assemble((action.name, "bold"), f"  {action.about}"))
        if action.left_out:
            screen().print(Text(f"leaves events out as {', '.join(action.left_out)}", style="dim"))
        fields = [(one.name, one.kind, one.source, "needed" if one.required else "") for one in action.fields]
        _print_table(("field", "kind", "comes from", ""), fields)
