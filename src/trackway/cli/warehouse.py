"""`trackway warehouse`: how loading goes; recount it against the log, rebuild tables, retype columns."""

import contextlib
import time
from collections.abc import Generator
from typing import Annotated, Any, cast

import msgspec
import typer
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from trackway.cli.asking import NoAnswer, fetch
from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, remark, screen, side_screen
from trackway.errors import TrackwayError
from trackway.workspace import Workspace, load_workspace

warehouse = typer.Typer(
    help="How loading goes; recount it against the log, rebuild tables, retype columns.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

NameOption = Annotated[
    str | None, typer.Option("--warehouse", show_default=False, help="Its name in trackway.yaml; default: the first.")
]
TableArgument = Annotated[str, typer.Argument(help="schema.table, or table in the first schema that has one.")]
_POLL_S = 0.2
_FINDINGS_SHOWN = 20


@warehouse.command()
def status(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Show how loading goes at each warehouse, and which columns had values of other types."""
    settings = load_workspace(find_workspace(workspace), sending=False)
    try:
        answer = msgspec.json.decode(fetch(settings, "/api/warehouse"))["warehouses"]
    except NoAnswer:
        remark("No server runs, so nothing is loaded now; this is what the last ones left.")
        answer = _left(settings)
    for one in answer:
        if json:
            print_json(one)
        else:
            _show(one)


@warehouse.command()
def loads(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many of the newest.")] = 20,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List the newest loads: events, rows, columns that were added, values that were diverted, time and lag."""
    from trackway.state import open_state
    from trackway.warehouse.reports import Reports

    settings = load_workspace(find_workspace(workspace), sending=False)
    engine = open_state(settings.data / "state.db")
    try:
        found = Reports(engine).loads(_chosen(settings, name), limit=limit)
    finally:
        engine.dispose()
    if json:
        for one in found:
            print_json(one)
        return
    table = Table(box=None, header_style="dim")
    for heading in ("at", "events", "rows", "tables", "added", "diverted", "seconds", "lag s"):
        table.add_column(heading, justify="left" if heading == "at" else "right", no_wrap=heading == "at")
    for one in found:
        numbers = (
            one.events,
            sum(one.rows.values()),
            len(one.rows),
            len(one.columns_added),
            sum(one.diverted.values()),
        )
        moments = (f"{one.duration_s:.2f}", f"{one.lag_s:.1f}")
        table.add_row(f"{one.at:%Y-%m-%d %H:%M:%S}", *(f"{number:,}" for number in numbers), *moments)
    screen().print(table)


@warehouse.command()
def verify(name: NameOption = None, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Recount every table against the log, and print the differences: 0 when all is well.

    Ends with status 1 when there are any.
    """
    settings = load_workspace(find_workspace(workspace), sending=False)
    result = _do(settings, name, "verify", {})
    differences: int = result["differences"]
    if json:
        print_json(result)
    else:
        table = Table(box=None, header_style="dim")
        for heading in ("table", "rows by the log", "rows", "missing", "surplus"):
            table.add_column(heading, justify="left" if heading == "table" else "right")
        for one in result["tables"]:
            numbers = (f"{one[key]:,}" for key in ("log", "rows", "missing", "surplus"))
            style = "bold red" if one["missing"] or one["surplus"] else ""
            table.add_row(one["table"], *numbers, style=style)
        screen().print(table)
        typer.echo(f"{differences:,} differences")
    if differences:
        remark("`trackway warehouse rebuild TABLE` makes a table anew from the log.")
        raise typer.Exit(1)


@warehouse.command()
def rebuild(
    table: TableArgument, name: NameOption = None, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """Make a table anew from the log; loading and questions go on meanwhile, and the new one takes its place at once.

    Rows whose events the log has no more are taken over from the table as it is.
    """
    _print_rebuilt(
        _do(load_workspace(find_workspace(workspace), sending=False), name, "rebuild", {"table": table}), json=json
    )


@warehouse.command()
def retype(
    table: TableArgument,
    column: Annotated[str, typer.Argument(help="The column.")],
    type_: Annotated[
        str,
        typer.Argument(
            metavar="TYPE",
            help="boolean, integer, decimal, float, date, timestamp or text; auto gives it back to its values.",
        ),
    ],
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Give a column a type, for good, and rebuild its table; values that do not fit are kept in the rows' `_rest`."""
    from trackway.warehouse.upkeep import kind_of

    kind_of(type_)
    wish = {"table": table, "column": column, "type": type_}
    _print_rebuilt(_do(load_workspace(find_workspace(workspace), sending=False), name, "retype", wish), json=json)


@warehouse.command()
def snapshot(name: NameOption = None, workspace: WorkspaceOption = None) -> None:
    """Copy a DuckDB warehouse to the file beside it that other tools may open while the server has the first one."""
    typer.echo(_do(load_workspace(find_workspace(workspace), sending=False), name, "snapshot", {})["path"])


def _do(settings: Workspace, name: str | None, action: str, wish: dict[str, str]) -> dict[str, Any]:
    """Let the running server do it, or do it here while none runs."""
    chosen = _chosen(settings, name)
    with _bar(action) as show:
        try:
            job = msgspec.json.decode(fetch(settings, f"/api/warehouse/{chosen}/{action}", msgspec.json.encode(wish)))
        except NoAnswer:
            return _do_here(settings, chosen, action, wish, show)
        while job["state"] == "running":
            show(job["done"], job["total"])
            time.sleep(_POLL_S)
            job = msgspec.json.decode(fetch(settings, f"/api/jobs/{job['id']}"))
    if job["state"] != "done":
        raise TrackwayError(job["error"] or "it was cancelled; nothing has changed")
    return job["result"]


def _do_here(settings: Workspace, name: str, action: str, wish: dict[str, str], show: Any) -> dict[str, Any]:
    from trackway.node.logs import open_clean_log
    from trackway.node.warehouse_desk import do
    from trackway.node.warehouses import snapshot_path
    from trackway.warehouse.history import History
    from trackway.warehouse.opening import open_warehouse
    from trackway.warehouse.upkeep import Maintained

    with contextlib.closing(open_clean_log(settings)) as log, contextlib.closing(open_warehouse(settings, name)) as one:
        shown = _Shown(show)
        if action == "snapshot" and isinstance(one, Maintained):
            path = snapshot_path(settings, name)
            one.snapshot(path, begin=shown.begin, step=shown.advance)
            return {"path": str(path)}
        done = do(one, History(log), action, wish, shown)
    return cast("dict[str, Any]", msgspec.to_builtins(done))


class _Shown:
    """Progress of work that is done here."""

    def __init__(self, show: Any) -> None:
        self._show = show
        self._done = self._total = 0

    def begin(self, total: int) -> None:
        self._total = total

    def advance(self, count: int = 1) -> None:
        self._done += count
        self._show(self._done, self._total)


@contextlib.contextmanager
def _bar(action: str) -> Generator[Any]:
    counted = (DownloadColumn(),) if action == "snapshot" else (MofNCompleteColumn(), TextColumn("events"))
    with Bar(
        TextColumn(action), BarColumn(), *counted, TimeRemainingColumn(), console=side_screen(), transient=True
    ) as bar:
        task = bar.add_task(action, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield show


def _print_rebuilt(result: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(result)
        return
    typer.echo(f"{result['table']} is rebuilt: {result['rows']:,} rows")
    if result["carried"]:
        remark(f"{result['carried']:,} rows were taken over: the log has their events no more.")
    if result["diverted"]:
        remark(f"{result['diverted']:,} values did not fit their column; the rows keep them in `_rest`.")


def _chosen(settings: Workspace, name: str | None) -> str:
    chosen = name or next((key for key, one in settings.warehouses.items() if one.enabled), None)
    if chosen is None:
        raise TrackwayError("no warehouse is switched on in trackway.yaml")
    if chosen not in settings.warehouses:
        raise TrackwayError(f"there is no warehouse {chosen}; there are: {', '.join(settings.warehouses)}")
    return chosen


def _left(settings: Workspace) -> list[Any]:
    from trackway.state import open_state
    from trackway.warehouse.reports import Reports

    engine = open_state(settings.data / "state.db")
    try:
        reports = Reports(engine)
        left = [
            {"name": name, "type": one.type, "status": None, "findings": reports.findings(name)}
            | {"last_load": next(iter(reports.loads(name, limit=1)), None)}
            for name, one in settings.warehouses.items()
        ]
    finally:
        engine.dispose()
    return cast("list[Any]", msgspec.to_builtins(left))


def _show(one: dict[str, Any]) -> None:
    status: dict[str, Any] = one["status"] or {"state": "not running", "last_load": one.get("last_load")}
    out = screen()
    out.print(f"[bold]{one['name']}[/] ({one['type']}): {status['state']}")
    if "lag" in status:
        out.print(f"  loaded {status['events']:,} events in {status['loads']:,} loads; {status['lag']:,} wait")
    last: dict[str, Any] | None = status.get("last_load")
    if last is not None:
        rows = sum(last["rows"].values())
        at = f"{last['at'][:19].replace('T', ' ')}"
        out.print(f"  last load {at}: {last['events']:,} events, {rows:,} rows, {last['duration_s']:.2f} s")
    if status.get("error"):
        out.print(f"  failing: {status['error']}", style="red", markup=False)
    if status.get("next_at"):
        what = "tried again" if status.get("error") else "the next load begins"
        out.print(f"  {what} at {status['next_at'][11:19]} UTC")
    for finding in one["findings"][:_FINDINGS_SHOWN]:
        if finding["code"] == "diverted":
            out.print(f"  {finding['column']}: {finding['count']:,} values did not fit and stand in _rest")
        else:
            out.print(f"  {finding['column']}: became {finding['detail']} to hold all its values")
    if len(one["findings"]) > _FINDINGS_SHOWN:
        out.print(f"  and {len(one['findings']) - _FINDINGS_SHOWN} more columns; --json has them")
