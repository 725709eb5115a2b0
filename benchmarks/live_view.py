"""The console's live view in Chromium at a thousand events a second: frames, delay, and processor time of the page.

Ten seconds, ten thousand events, unsampled. "Shown after" is from the append to the frame that shows the event. Frames
depend on whatever else the machine does, so an empty page's frames are counted beside it in the same Chromium.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._harness import Measurement, report
from tests.browser.chromium import Browser
from tests.browser.shop import Shop
from tests.console.harness import TOKEN, ConsoleServer

SECONDS, BEATS, EACH = 10, 100, 10
FRAME_MS = 50.0
WATCH = """(() => {
  window.frames_ms = []; window.delays_ms = [];
  let last = performance.now(), newest = '';
  const frame = (now) => {
    frames_ms.push(now - last); last = now;
    const id = document.querySelector('.row.entry .cell-id')?.textContent ?? '';
    if (id !== newest) { newest = id; delays_ms.push(Date.now() - Number(id.split(' ')[0])); }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})()"""


def measure() -> Iterator[Measurement]:
    """Yield frames, delays and the share of a core."""
    with tempfile.TemporaryDirectory() as folder, ConsoleServer(Path(folder)) as console, Browser() as browser:
        browser.open()
        browser.goto(f"{console.url}/login?token={TOKEN}&next=/no/such/page")
        browser.evaluate(WATCH)
        time.sleep(SECONDS)  # the time is what is measured
        idle = sorted(browser.evaluate("frames_ms"))
        browser.goto(f"{console.url}/live")
        browser.until("document.querySelector('.connection-live')")
        browser.evaluate(WATCH)
        before = browser.metrics()
        _send(console)
        busy_s = browser.metrics()["TaskDuration"] - before["TaskDuration"]
        frames = sorted(browser.evaluate("frames_ms"))
        delays = sorted(browser.evaluate("delays_ms"))
    yield Measurement(
        name="frames over 50 ms, beside an empty page's", figure=_over(frames), unit="", reference=_over(idle)
    )
    yield Measurement(name="longest frame, beside an empty page's", figure=frames[-1], unit="ms", reference=idle[-1])
    yield Measurement(
        name="frame, p99, beside an empty page's", figure=_at(frames, 0.99), unit="ms", reference=_at(idle, 0.99)
    )
    yield Measurement(name="shown after, p50", figure=_at(delays, 0.5), unit="ms")
    yield Measurement(name="shown after, p99", figure=_at(delays, 0.99), unit="ms", reference=100)
    yield Measurement(name="the page's main thread", figure=busy_s / SECONDS * 100, unit="% of a core")


def _send(console: ConsoleServer) -> None:
    calls = Shop()
    templates = [calls.call(datetime.now(UTC)) for _ in range(200)]
    for template in templates:
        del template["timestamp"]
    due = time.perf_counter()
    for beat in range(SECONDS * BEATS):
        stamp = time.time_ns() / 1e6
        now = [{**templates[(beat * EACH + i) % 200], "messageId": f"{stamp:.3f} {i}"} for i in range(EACH)]
        console.events(now)
        due += 1 / BEATS
        time.sleep(max(0, due - time.perf_counter()))


def _over(frames: list[float]) -> int:
    return sum(frame > FRAME_MS for frame in frames)


def _at(ordered: list[float], share: float) -> float:
    return ordered[int(len(ordered) * share)]


if __name__ == "__main__":
    report(list(measure()), json="--json" in sys.argv)
