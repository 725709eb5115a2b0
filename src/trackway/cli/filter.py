"""`trackway filter`: try filters before they keep anything back."""

from pathlib import Path
from typing import Annotated

import typer

from trackway.cli.options import JsonOption
from trackway.cli.output import print_json, remark, screen
from trackway.cli.plan_events import read_events
from trackway.events import fql

filter = typer.Typer(
    help="Try a filter on recorded events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

QueryArgument = Annotated[str, typer.Argument(metavar="EXPR", help="An FQL query; docs/filters.md.")]


@filter.command("test")
def try_on_file(
    query: QueryArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="An event a line; `-` is standard input.")],
    inverted: Annotated[bool, typer.Option("--not", help="Print those it does not ask for.")] = False,
    count: Annotated[bool, typer.Option("--count", "-c", help="Print only how many.")] = False,
    json: JsonOption = False,
) -> None:
    """Print the events of a file that a query asks for; exit 1 if there are none."""
    wanted = fql.compile(query)
    matched = total = 0
    for one in read_events(file):
        total += 1
        if wanted.matches(one.event) is inverted:
            continue
        matched += 1
        if not count:
            screen().print(one.text, markup=False, soft_wrap=True, end="\n")
    if json and count:
        print_json({"matched": matched, "total": total})
    elif count:
        screen().print(f"{matched:,}")
    else:
        remark(f"{matched:,} of {total:,} events.")
    if not matched:
        raise typer.Exit(1)


@filter.command()
def show(query: QueryArgument, json: JsonOption = False) -> None:
    """Print a query's normal form, and its prefix form as the browser library's routing rules have it."""
    wanted = fql.compile(query)
    if json:
        print_json({"query": str(wanted), "ir": fql.to_ir(wanted.expression)})
        return
    screen().print(str(wanted), markup=False, soft_wrap=True)
    screen().print(fql.to_ir(wanted.expression), markup=False, soft_wrap=True, style="dim")
