"""The command line: `trackway up`, `send`, `tail`, `sql`, `demo`, `doctor`.

Each command is the function of its own name in the module of its own name, imported when it is asked for.
"""

import sys
from typing import Annotated

import typer

from trackway.cli.lazy import LazyGroup


class _Commands(LazyGroup):
    """Name to module and one line of help, in the order of `trackway --help`."""

    lazy = {  # noqa: RUF012 - read only
        "up": ("trackway.cli.up", "Start everything in the foreground; Ctrl-C stops it."),
        "send": ("trackway.cli.send", "Send one event, or a file of them."),
        "tail": ("trackway.cli.tail", "Watch events arrive."),
        "sql": ("trackway.cli.sql", "Ask the warehouse."),
        "warehouse": (
            "trackway.cli.warehouse",
            "How loading goes; recount it against the log, rebuild tables, retype columns.",
        ),
        "demo": ("trackway.cli.demo", "Play a simulated shop against the running server."),
        "ledger": ("trackway.cli.ledger", "Show what became of everything, and that nothing is missing."),
        "breakdown": ("trackway.cli.breakdown", "Count events and their ends by release, name, type or source."),
        "trace": ("trackway.cli.trace", "Tell what happened to an event, from the call to every answer."),
        "quarantine": ("trackway.cli.quarantine", "Look at refused calls, mend them, let them out."),
        "failed": ("trackway.cli.failed", "Look at events that destinations would not have, and try them again."),
        "replay": ("trackway.cli.replay", "Send events of the log to a destination once more."),
        "reasons": ("trackway.cli.reasons", "List the codes that say how an event ended."),
        "destinations": ("trackway.cli.destinations", "Look at, try and make destinations."),
        "preview": ("trackway.cli.preview", "Show what a destination would send, without sending it."),
        "playground": ("trackway.cli.playground", "Serve the playground as a page for everybody; it sends nothing."),
        "log": ("trackway.cli.log", "Look into the logs: list, show, verify, export."),
        "plan": ("trackway.cli.plan", "Work with tracking plans: infer, lint, diff, check, import, codegen."),
        "functions": ("trackway.cli.functions", "Python functions that change, drop or split events."),
        "filter": ("trackway.cli.filter", "Try a filter on recorded events."),
        "catalogue": ("trackway.cli.catalogue", "Show which events each source sends, and what is in them."),
        "who": ("trackway.cli.who", "Print a person's ids, and how they became known."),
        "suppress": ("trackway.cli.suppress", "People whose events are not wanted."),
        "deletions": ("trackway.cli.deletions", "Have people deleted at destinations, and see how far that is."),
        "settings": ("trackway.cli.settings", "Tell what each setting means, and where it was set."),
        "alerts": ("trackway.cli.alerts", "What is worth a message; try whether messages arrive."),
        "doctor": ("trackway.cli.doctor", "Check this machine and the workspace, and say what to do."),
    }


app = typer.Typer(
    cls=_Commands,
    name="trackway",
    help="Trackway: a self-hosted, Segment-compatible event pipeline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from trackway import __version__

        typer.echo(f"trackway {__version__}")
        raise typer.Exit


@app.callback()
def _all_commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold the options that stand before the command."""


def main() -> None:
    """Run the command that `sys.argv` names; the console script `trackway`."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - unforeseen: people get a sentence, and a file for who mends it
        raise SystemExit(_tell_defect(error)) from None


def _tell_defect(error: Exception) -> int:
    """Say that Trackway itself is at fault, and where the details are; return the exit code."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="trackway-defect-", suffix=".txt", delete=False) as file:
        file.write(f"trackway {' '.join(sys.argv[1:])}\n\n{''.join(traceback.format_exception(error))}")
    told = f"{type(error).__name__}: {error}".splitlines()[0]
    typer.echo(f"Trackway has a defect: {told}. Please report it with {file.name}, which says where.", err=True)
    return 70
