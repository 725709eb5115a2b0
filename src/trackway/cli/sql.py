"""`trackway sql`: questions to the warehouse."""

import contextlib
import importlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.errors import TrackwayError
from trackway.workspace import load_workspace

if TYPE_CHECKING:
    from trackway.warehouse.contract import QueryResult

Format = Literal["table", "json", "csv"]


def sql(
    query: Annotated[
        str | None, typer.Argument(show_default=False, help="One reading statement; - reads it from stdin.")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="table, json (one object a row) or csv.")] = "table",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Rows at most.")] = 1000,
    warehouse: Annotated[
        str | None,
        typer.Option("--warehouse", show_default=False, help="Its name in trackway.yaml; default: the first."),
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Ask the warehouse; without a question, be asked for questions.

    The running server answers; if none runs, the warehouse itself is read.

    trackway sql "select event_text, count(*) from tracks group by 1 order by 2 desc"
    """
    from trackway.cli.asking import open_warehouse

    settings = load_workspace(find_workspace(workspace), sending=False)
    with open_warehouse(settings, warehouse) as ask:
        show = _writer("json" if json else format_)
        if query is None and sys.stdin.isatty():
            _converse(lambda text: show(ask(text, limit)))
            return
        text = sys.stdin.read() if query in (None, "-") else query
        result = ask(text or "", limit)
        show(result)
        if result.truncated:
            _say_truncated(limit)


def _writer(format_: Format) -> "Callable[[QueryResult], None]":
    from trackway.cli import tables

    return {"table": tables.print_table, "json": tables.print_json_rows, "csv": tables.print_csv}[format_]


def _say_truncated(limit: int) -> None:
    from trackway.cli.output import remark

    remark(f"There are more rows than {limit:,}; ask for more with --limit, up to 10,000.")


def _converse(answer: Callable[[str], None]) -> None:
    """Read questions that end with a semicolon or an empty line, until Ctrl-D, `exit` or `quit`."""
    from trackway.cli.output import complain, remark

    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # gives input() a history and editing keys
    remark("One reading statement at a time, ended by a semicolon or an empty line; Ctrl-D ends.")
    lines: list[str] = []
    while True:
        try:
            line = input("   ...> " if lines else "warehouse> ")
        except EOFError:
            typer.echo()
            return
        except KeyboardInterrupt:
            typer.echo()
            lines = []
            continue
        if not lines and line.strip().lower() in ("exit", "quit"):
            return
        lines.append(line)
        if line.strip() and not line.rstrip().endswith(";"):
            continue
        text, lines = "\n".join(lines).strip(), []
        if text:
            try:
                answer(text)
            except TrackwayError as error:
                complain(str(error))
