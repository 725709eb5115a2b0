"""`trackway alerts`: what is worth a message, what holds now, and whether messages arrive."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import complain, print_json, remark, screen
from trackway.cli.trace_shown import clean
from trackway.errors import TrackwayError
from trackway.events.clock_skew import format_ms
from trackway.node.alerting.book import AlertBook, Standing
from trackway.node.alerting.desk import MOST_OVER, AlertsView, is_firing, trial_message, view
from trackway.node.alerting.messages import Messenger
from trackway.state import open_state
from trackway.workspace import Workspace, load_workspace
from trackway.workspace.describe import nearest

alerts = typer.Typer(
    help="What is worth a message, and whether messages arrive; docs/alerts.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@alerts.command("list")
def list_(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Show what holds now, the rules in force, and the channels that messages go to. Exit code 1 if anything holds."""
    settings = load_workspace(find_workspace(workspace))
    engine = open_state(settings.data / "state.db")
    try:
        book = AlertBook(engine)
        found = view(settings.alerts, book.read(), book.past(MOST_OVER))
    finally:
        engine.dispose()
    firing = [one for one in found.standings if is_firing(one)]
    if json:
        print_json(found)
    else:
        _show(found, firing)
    if firing:
        raise typer.Exit(1)


@alerts.command("test")
def try_(
    channel: Annotated[
        str | None, typer.Argument(metavar="CHANNEL", show_default=False, help="Of alerts.channels; default: all.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Send a message to a channel, to see that it arrives. The server need not run. Exit code 1 if it does not."""
    settings = load_workspace(find_workspace(workspace))
    channels = settings.alerts.channels
    if channel is not None and channel not in channels:
        near = nearest(channel, list(channels))
        hint = f"; did you mean {near}?" if near else f"; there are: {', '.join(channels) or 'none'}"
        raise TrackwayError(f"there is no channel {channel} under alerts.channels{hint}")
    if not channels:
        raise TrackwayError("there is no channel under alerts.channels in trackway.yaml; docs/alerts.md shows some")
    failed = False
    for name in [channel] if channel else channels:
        error = asyncio.run(_send(settings, name))
        failed |= bool(error)
        if json:
            print_json({"channel": name, "sent": not error, "error": error})
        elif error:
            complain(f"{name}: {error}")
        else:
            screen().print(Text(f"{name}: the message was taken"), soft_wrap=True)
    if failed:
        raise typer.Exit(1)


async def _send(settings: Workspace, channel: str) -> str:
    messenger = Messenger(allow_private=settings.delivery.allow_private_addresses)
    console = settings.console
    link = settings.alerts.console_url or f"http://{console.host}:{console.port}"
    return await messenger.send(settings.alerts.channels[channel], trial_message(link))


def _show(found: AlertsView, firing: list[Standing]) -> None:
    for one in firing:
        screen().print(_line(one), soft_wrap=True)
    if firing:
        screen().print()
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("rule", "when", "terms", "holds"):
        table.add_column(heading, overflow="fold")
    for rule in found.rules:
        terms = ", ".join(f"{name}: {value}" for name, value in rule.terms.items())
        table.add_row(
            Text(rule.name), Text(rule.when), Text(clean(terms)), Text(str(rule.firing or ""), style="bold red")
        )
    screen().print(table)
    if not found.channels:
        remark("No messages are sent: there is no channel under alerts.channels in trackway.yaml; docs/alerts.md.")
    else:
        remark("Messages go to " + ", ".join(f"{one.name} ({one.type})" for one in found.channels) + ".")


def _line(one: Standing) -> Text:
    told = ", ".join(name for name, told in one.told.items() if not told.resolved)
    line = Text.assemble((clean(one.title), "bold red"), f"  {clean(one.text)}")
    return line.append(f"  since {format_ms(one.since_ms)}{f', told {told}' if told else ''}", "dim")
