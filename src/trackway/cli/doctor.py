"""`trackway doctor`: is this machine fit, is the workspace right, and what is to be done."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace

if TYPE_CHECKING:
    from trackway.cli.checks.finding import CheckResult

_STYLES = {"OK": "green", "WARN": "yellow", "FAIL": "bold red"}


def doctor(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Check this machine and the workspace, and say what to do; exit code 1 if something does not work."""
    from trackway.cli.output import print_json

    results = run_checks(find_workspace(workspace))
    failed = any(one.status == "FAIL" for one in results)
    if json:
        print_json({"ok": not failed, "checks": results})
    else:
        _print(results)
    if failed:
        raise typer.Exit(1)


def run_checks(folder: Path) -> "list[CheckResult]":
    """Return the results of all checks; those that need the workspace are left out if it cannot be read."""
    from trackway.cli.checks import data, installation, machine, ports

    workspace, settings = data.check_workspace(folder)
    results = [machine.check_python(), workspace, installation.check_compiled()]
    if settings is None:
        return [*results, machine.check_sync(folder), machine.check_clock(), machine.check_descriptors()]
    logs = data.check_logs(settings)
    collector, console = settings.collector, settings.console
    return [
        *results,
        ports.check_port("collector", collector.host, collector.port, path="/healthz", data=settings.data),
        ports.check_port("console", console.host, console.port, path="/login", data=settings.data),
        # Each of the two logs may hold keep_size.
        machine.check_disk(settings.data, log_bytes=logs.size_bytes, most_log_bytes=2 * settings.log.keep_size),
        machine.check_sync(settings.data),
        machine.check_clock(newest_record_s=logs.newest_record_s),
        machine.check_descriptors(),
        data.check_pipeline(settings),
        *logs.results,
        *data.check_warehouses(settings),
        *data.check_destinations(settings),
    ]


def _print(results: "list[CheckResult]") -> None:
    from rich.padding import Padding
    from rich.text import Text

    from trackway.cli.output import screen

    console = screen()
    width = max(len(one.name) for one in results)
    for one in results:
        line = Text.assemble((f"{one.status:<4}", _STYLES[one.status]), "  ", (f"{one.name:<{width}}", "bold"), "  ")
        console.print(line.append(one.finding), soft_wrap=True)
        if one.advice:
            console.print(
                Padding(Text(f"→ {one.advice}", style=_STYLES[one.status]), (0, 0, 0, width + 8), expand=False)
            )
    counts = {status: sum(one.status == status for one in results) for status in _STYLES}
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    console.print(f"\n{told}", style="dim")
