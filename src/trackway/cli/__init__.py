"""The command line: `trackway up`, `send`, `tail`, `sql`, `demo`, `doctor`.

Each command is the function of its own name in the module of its own name, imported when it is asked for.
"""

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
        "demo": ("trackway.cli.demo", "Play a simulated shop against the running server."),
        "log": ("trackway.cli.log", "Look into the logs: list, show, verify, export."),
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
    app()
