"""`trackway breakdown`: what came and what became of it, by release of the app, event name, type or source."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli.count_table import count_table
from trackway.cli.desk import open_desk
from trackway.cli.options import JsonOption, WhereOption, WorkspaceOption
from trackway.cli.output import print_json, remark, screen, side_screen
from trackway.cli.times import time_ms
from trackway.node.breakdown import Ends, Row, Wish, break_down, check

if TYPE_CHECKING:
    from rich.console import RenderableType


class By(StrEnum):
    """What to tell events apart by."""

    VERSION = "version"
    EVENT = "event"
    TYPE = "type"
    SOURCE = "source"


_KEYS: dict[By, Callable[[Row], str]] = {
    By.VERSION: lambda row: row.version or "(none)",
    By.EVENT: lambda row: row.name or f"({row.type})",
    By.TYPE: lambda row: row.type,
    By.SOURCE: lambda row: row.source,
}


def breakdown(
    destination: Annotated[
        str | None, typer.Argument(show_default=False, help="Also what became of the events there; its key.")
    ] = None,
    by: Annotated[By, typer.Option("--by", help="What to tell events apart by.")] = By.VERSION,
    since: Annotated[
        str, typer.Option("--since", help="Received since: 2026-11-20T10:00 (UTC), or 3h, 2 days; '' for all.")
    ] = "24h",
    source: Annotated[str, typer.Option("--source", show_default=False, help="Only this source.")] = "",
    where: WhereOption = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Count events, violations of the plan and refused calls by release of the app, and how their delivery ended.

    A release is what clients send as `context.app.version`. It is counted from the log and the state on disk, whether
    the server runs or not, and costs the running server nothing.
    """
    wish = Wish(
        destinations=[] if destination is None else [destination],
        from_ms=time_ms(since, "--since"),
        source=source,
        where=where,
    )
    with open_desk(workspace) as desk, _Bar() as bar:
        check(desk.settings, wish)
        found = break_down(desk.clean, desk.engine, wish, bar)
    if json:
        for row in found.rows:
            print_json(row)
        return
    screen().print(_table(found.rows, by, destination))
    if not found.rows:
        remark("Nothing that fits has come; `--since` and `--where` may be too narrow.")


def _table(rows: list[Row], by: By, destination: str | None) -> "RenderableType":
    told: dict[str, list[int]] = {}
    for row in rows:
        numbers = [row.events, row.violating, sum(row.refused.values())]
        if destination is not None:
            ends = row.destinations.get(destination, Ends())
            numbers += [ends.delivered, sum(ends.discarded.values()), sum(ends.failed.values())]
            numbers += [ends.retrying + ends.pending]
        key = _KEYS[by](row)
        told[key] = [one + more for one, more in zip(told.get(key, [0] * len(numbers)), numbers, strict=True)]
    headings = [by.value, "events", "with violations", "refused"]
    if destination is not None:
        headings += ["delivered", "filtered", "failed", "waiting"]
    most_first = sorted(told.items(), key=lambda item: -item[1][0])
    return count_table(headings, [[key, *numbers] for key, numbers in most_first])


class _Bar:
    """A line on the side that shows how far it is."""

    def __enter__(self) -> "_Bar":
        from rich.progress import Progress

        self._progress = Progress(console=side_screen(), transient=True)
        self._progress.start()
        self._task = self._progress.add_task("reading the log", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def advance(self, count: int) -> None:
        self._progress.advance(self._task, count)
