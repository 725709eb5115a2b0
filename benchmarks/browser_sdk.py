"""Trackway's browser client beside analytics-next: bytes over the wire, and the longest task of a page's main thread.

A page loads the script that the collector serves, with three calls waiting for it, and lives on until their events are
sent. Chromium's trace says what each task of the main thread spent in the script, by that thread's processor clock, so
that the page's own work and other programs do not count. The script of analytics-next takes turns with it.
"""

import gzip
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator

from benchmarks._harness import Measurement, report
from tests.collector.test_wire import Server
from tests.sdks.trackway.visitor import Shop
from tests.services import ROOT, find_chromium, find_program
from trackway.collector.browser_client import STATIC
from trackway.workspace.model import Source, Workspace

BAR_BYTES = 5_120
BAR_MS = 10.0
ROUNDS = 20
DONE = """analytics.initialized && (
  !analytics.flush || !Object.keys(localStorage).some((key) => key.startsWith("tw.WK.q")))"""
EARLY = """<script>window.analytics = [
  ["page"], ["identify", "u1", {plan: "pro"}], ["track", "Product Viewed", {price: 9}]
];
analytics._writeKey = "WK"</script>"""


def measure() -> Iterator[Measurement]:
    """Yield the sizes, and the time that Trackway's client takes."""
    ours, theirs = (len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in ("trackway.js", "standalone.js"))
    yield Measurement(name="gzip, against the bar", figure=ours, unit="bytes", reference=BAR_BYTES)
    yield Measurement(name="gzip, against analytics-next", figure=ours, unit="bytes", reference=theirs)
    server = Server(Workspace(sources={"web": Source(write_keys=["WK"])}))
    with Shop() as shop:
        yield from _longest_tasks(server, shop)
    server.close()


def _longest_tasks(server: Server, shop: Shop) -> Iterator[Measurement]:
    root = f"http://127.0.0.1:{server.port}"
    ours = shop.page("/ours", EARLY + f"<script src='{root}/trackway.js'></script>")
    theirs = shop.page("/theirs", EARLY + f"<script src='{root}/analytics.js/v1/WK/analytics.min.js'></script>")
    pages = ["trackway.js", ours, "analytics.min.js", theirs]
    command = [find_program("node"), "benchmarks/_longest_task.mjs", find_chromium(), str(ROUNDS), DONE, *pages]
    made = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=600)
    own, other = (json.loads(line) for line in made.stdout.splitlines())
    for what, figure, reference in (
        ("median", statistics.median(own), statistics.median(other)),
        ("fastest load", min(own), min(other)),
    ):
        yield Measurement(name=f"longest task, {what}, against the bar", figure=figure, unit="ms", reference=BAR_MS)
        yield Measurement(
            name=f"longest task, {what}, against analytics-next", figure=figure, unit="ms", reference=reference
        )


if __name__ == "__main__":
    report(list(measure()), json="--json" in sys.argv)
