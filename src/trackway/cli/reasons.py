"""`trackway reasons`: every way in which an event can end, and what to do about it."""

import difflib
from itertools import groupby
from typing import Annotated

import typer

from trackway.cli.options import JsonOption
from trackway.errors import TrackwayError
from trackway.events.reasons import Reason, all_reasons, meaning_of

KINDS = {
    "refused": "Refused: the call waits in quarantine",
    "dropped": "Dropped: left out by design",
    "found": "Found: the event was kept, with a remark",
    "discarded": "Discarded: a destination did not get it, by design",
    "failed": "Failed: a destination will never have it",
    "retrying": "Retrying: a destination did not take it yet",
}
_HEAD = """\
# Reasons

Every way in which an event can end has a code. They stand in the answers of the collector, in quarantine, in
`trackway ledger` and `trackway trace`, in the console and in metrics; `trackway reasons CODE` tells what one means.
Where Segment has a code, it is Segment's. A destination may add codes of its own: its page has those of its rules, an
event's detail tells the rest. A status of HTTP, such as `400`, is a code as well, and `missing_…` names a field that a
destination needs.

`trackway reasons --markdown` writes this page.
"""


def reasons(
    code: Annotated[str | None, typer.Argument(help="Only this code.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page of the documentation.")] = False,
    json: JsonOption = False,
) -> None:
    """List the codes that say how an event ended, with what each means."""
    found = all_reasons() if code is None else _known(code)
    if markdown:
        typer.echo(as_markdown(found), nl=False)
    elif json:
        from trackway.cli.output import print_json

        for reason in found:
            print_json(reason._asdict())
    else:
        _print_table(found)


def as_markdown(found: list[Reason]) -> str:
    """Return a page with a table for each kind of end."""
    parts = [_HEAD]
    for kind, members in groupby(found, key=lambda reason: reason.kind):
        rows = "".join(f"| `{reason.code}` | {reason.meaning} |\n" for reason in members)
        parts.append(f"\n## {KINDS[kind]}\n\n| code | means |\n|---|---|\n{rows}")
    return "".join(parts)


def _known(code: str) -> list[Reason]:
    found = [reason for reason in all_reasons() if reason.code == code]
    if not found and (meaning := meaning_of(code)):
        return [Reason(code, "failed", meaning)]
    if not found:
        near = difflib.get_close_matches(code, [reason.code for reason in all_reasons()], n=1)
        hint = f"did you mean {near[0]}?" if near else "it may be a destination's own; `trackway reasons` lists ours"
        raise TrackwayError(f"there is no code {code}; {hint}")
    return found


def _print_table(found: list[Reason]) -> None:
    from rich.table import Table
    from rich.text import Text

    from trackway.cli.output import screen

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("kind", "code", "means"):
        table.add_column(heading)
    for reason in found:
        table.add_row(reason.kind, reason.code, Text(reason.meaning))
    screen().print(table)
