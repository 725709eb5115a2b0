"""Trackway's browser client beside analytics-next: bytes over the wire, and what it costs a page's main thread.

A page loads the script that the collector serves, with three calls waiting for it. The time is the main thread's own
processor time in scripts, so no task of the client's can have taken longer.
"""

import gzip
import sys
from collections.abc import Iterator

from benchmarks._harness import Measurement, report
from tests.collector.test_wire import Server
from tests.sdks.trackway.visitor import Shop, Visitor, start_visitor
from tests.services import find_chromium, find_program
from trackway.collector.browser_client import STATIC
from trackway.workspace.model import Source, Workspace

BAR_BYTES = 5_120
BAR_MS = 10.0
EARLY = """<script>window.analytics = [
  ["page"], ["identify", "u1", {plan: "pro"}], ["track", "Product Viewed", {price: 9}]
];
analytics._writeKey = "WK"</script>"""


def measure() -> Iterator[Measurement]:
    """Yield the sizes, and the time with Trackway's client."""
    ours, theirs = (len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in ("trackway.js", "standalone.js"))
    yield Measurement(name="gzip, against the bar", figure=ours, unit="bytes", reference=BAR_BYTES)
    yield Measurement(name="gzip, against analytics-next", figure=ours, unit="bytes", reference=theirs)
    server = Server(Workspace(sources={"web": Source(write_keys=["WK"])}))
    with Shop() as shop, start_visitor(find_program("node"), find_chromium()) as visitor:
        yield _time(server, shop, visitor)
    server.close()


def _time(server: Server, shop: Shop, visitor: Visitor) -> Measurement:
    tag = f"<script src='http://127.0.0.1:{server.port}/trackway.js'></script>"
    visitor.new()
    visitor.goto(shop.page("/empty", EARLY))
    empty = visitor.scripting_ms()
    visitor.goto(shop.page("/", EARLY + tag))
    figure = visitor.scripting_ms() - empty
    return Measurement(name="script time, load and three calls", figure=figure, unit="ms", reference=BAR_MS)


if __name__ == "__main__":
    report(list(measure()), json="--json" in sys.argv)
