"""How the running server stands with its destinations."""

from pathlib import Path

import msgspec
from msgspec import Struct

from trackway.cli.asking import fetch
from trackway.cli.options import console_url
from trackway.delivery.refusals import in_words
from trackway.delivery.slots import DestinationStatus
from trackway.errors import TrackwayError
from trackway.workspace import load_workspace

HEADINGS = ("destination", "type", "breaker", "requests", "errors", "95 % within", "what it does")


class _Answer(Struct):
    destinations: list[DestinationStatus]


def statuses(folder: Path, name: str | None = None) -> list[DestinationStatus]:
    """Return how each enabled destination stands, or the one called `name`, as the running server says.

    Raises:
        TrackwayError: no server answers, or there is no such destination.
    """
    workspace = load_workspace(folder, sending=False)
    try:
        found = msgspec.json.decode(fetch(workspace, "/api/destinations"), type=_Answer).destinations
    except msgspec.MsgspecError as error:
        raise TrackwayError(f"{console_url(workspace)} is not this workspace's console: {error}") from error
    chosen = [one for one in found if name in (None, one.destination)]
    if name is not None and not chosen:
        known = ", ".join(one.destination for one in found) or "none"
        raise TrackwayError(f"there is no destination {name} that is switched on; there are: {known}")
    return chosen


def row(one: DestinationStatus) -> tuple[str, ...]:
    """Return a destination's line of the table."""
    breaker = one.worker.breaker.replace("_", " ") if one.worker else ""
    within = "" if one.p95_s is None else f"{one.p95_s:.3g} s"
    return one.destination, one.type, breaker, f"{one.requests:,}", f"{one.errors:,}", within, doing(one)


def doing(one: DestinationStatus) -> str:
    """Return in words what goes on at a destination."""
    worker = one.worker
    if one.paused_ms is not None:
        return f"is paused; trackway destinations resume {one.destination}"
    if one.state != "running" or worker is None:
        return f"{one.state}: {one.error}" if one.error else one.state
    again = f"asks again in {worker.opens_in_s:,.0f} s" if worker.breaker == "open" else "one request asks now"
    if worker.refused:
        return f"it {in_words(worker.reason, worker.detail)}; its events wait; {again}"
    if worker.breaker != "closed":
        detail = f" ({worker.detail})" if worker.detail else ""
        return f"its events wait after {worker.reason}{detail}; {again}"
    return f"sends; {worker.waiting:,} under way" if worker.waiting else "sends; nothing waits"
