"""`trackway demo`: a simulated shop plays against the running server."""

import secrets
import shlex
import time
from typing import Annotated

import typer

from trackway.cli.options import (
    JsonOption,
    SourceOption,
    UrlOption,
    WorkspaceOption,
    WriteKeyOption,
    find_target,
    how_to_call_us,
)
from trackway.workspace.units import Duration


def demo(
    rate: Annotated[float, typer.Option("--rate", min=0.1, max=100_000, help="Events a second.")] = 20.0,
    duration: Annotated[str, typer.Option("--duration", help="Like 30s or 5m; 0 plays until Ctrl-C.")] = "60s",
    seed: Annotated[
        int | None, typer.Option("--seed", show_default=False, help="Play the same visits again; default: new ones.")
    ] = None,
    connections: Annotated[int, typer.Option("--connections", min=1, max=1000, help="Requests at a time.")] = 64,
    source: SourceOption = None,
    url: UrlOption = None,
    write_key: WriteKeyOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Play a simulated shop: visitors browse, log in, buy and send back, on the web and in an app.

    Some of it goes wrong as in real life: repeated requests, phones that were offline, wrong clocks, faulty calls. The
    summary says how many, to compare with what `trackway sql` finds.
    """
    try:
        duration_s = float(Duration.decode(float(duration) if duration.isdecimal() else duration))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--duration") from None
    target = find_target(workspace, url=url, write_key=write_key, source=source)
    from trackway.cli.playing import play
    from trackway.cli.shop import Plan

    plan = Plan(
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        start_ms=time.time_ns() // 1_000_000,
        write_key=target.write_key,
        rate=rate,
        duration_s=duration_s,
    )
    where = "" if workspace is None else f" -w {shlex.quote(str(workspace))}"
    play(plan, target, connections=connections, ask=f"{how_to_call_us()} sql{where}", json=json)
