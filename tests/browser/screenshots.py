"""Take pictures of the live view and SQL over made-up records: `python -m tests.browser.screenshots FOLDER`.

`pictures.py` takes those of README and docs. This writes the views wide, narrow and dark,
with an open event, empty and searching.
"""

import json
import math
import random
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.browser.chromium import Browser, missing
from tests.browser.shop import OURS, Shop, ShopQueries, fill
from tests.console.harness import TOKEN, ConsoleServer

WIDE, NARROW = (1440, 900), (390, 844)
ROWS = "document.querySelectorAll('.row.entry').length > 5"
AN_ORDER = """[...document.querySelectorAll('.row.entry.ok')].slice(3, 12)
    .find(row => /Order (Completed|Refunded)|Product (Added|Viewed)/.test(row.innerText))"""
TREE = "document.querySelector('.panel .json, .panel .raw')"
FONTS = "document.fonts.status === 'loaded'"


class Traffic(threading.Thread):
    """Some events a second for as long as pictures are taken, so that rates and sparklines have something to show."""

    def __init__(self, console: ConsoleServer, shop: Shop) -> None:
        super().__init__(daemon=True)
        self._console, self._shop, self._stopped = console, shop, threading.Event()

    def run(self) -> None:
        rng = random.Random(11)
        while not self._stopped.wait(0.1):
            wave = 1.6 + 0.7 * math.sin(time.monotonic() / 4)
            for _ in range(int(rng.expovariate(1 / wave))):
                self._send(rng)

    def _send(self, rng: random.Random) -> None:
        now = datetime.now(UTC)
        if rng.random() < 0.06:
            call, refusal = self._shop.refused(now)
            body = json.dumps(call).encode()
            self._console.quarantine(body, refusal, type_=call["type"], message_id=call["messageId"])
            return
        call = self._shop.call(now)
        offset = self._console.event(call)
        if rng.random() < 0.06:
            again = {key: value for key, value in call.items() if key not in OURS and value is not None}
            self._console.duplicate(again, of=offset, source=call["source"])

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def take(folder: Path) -> list[Path]:
    """Write all pictures into `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    taken: list[Path] = []
    with tempfile.TemporaryDirectory() as data, Browser() as browser:

        def shot(name: str) -> None:
            browser.until(FONTS)
            taken.append(folder / f"{name}.png")
            browser.shot(taken[-1])

        with ConsoleServer(Path(data) / "empty") as console:
            for scheme, size in (("light", WIDE), ("dark", NARROW)):
                _enter(browser, console, scheme, size)
                browser.until("document.querySelector('.snippet')")
                shot(f"empty-{_name(size)}-{scheme}")
            browser.open(*WIDE)
            browser.goto(f"{console.url}/login")
            shot("login-wide-light")
        console = ConsoleServer(Path(data) / "full", queries=ShopQueries())
        shop = fill(console)
        with console:
            traffic = Traffic(console, shop)
            traffic.start()
            try:
                _views(browser, console, shot)
            finally:
                traffic.stop()
    return taken


def _views(browser: Browser, console: ConsoleServer, shot) -> None:
    time.sleep(45)  # a sparkline shows time that has passed
    for scheme in ("light", "dark"):
        for size in (WIDE, NARROW):
            name = f"{_name(size)}-{scheme}"
            _enter(browser, console, scheme, size)
            browser.until(ROWS)
            shot(f"live-{name}")
            if name == "wide-light":
                browser.until(AN_ORDER + "?.click() ?? document.querySelector('.panel')")
                browser.until(TREE)
                shot("console")
            browser.goto(f"{console.url}/live?outcome=quarantined")
            browser.until("document.querySelectorAll('.row.entry.quarantined').length > 3")
            shot(f"quarantined-{name}")
            browser.click(".row.entry:has-text('properties_not_object')")
            browser.until(TREE)
            shot(f"refused-{name}")
            browser.goto(f"{console.url}/live?name=Order+Completed&outcome=ok")
            browser.until("document.querySelector('.row.entry')")
            browser.click(".row.entry")
            browser.until(TREE)
            shot(f"event-{name}")
            browser.goto(f"{console.url}/live?q=nowhere-to-be-found")
            browser.until("document.querySelector('.nothing h2')")
            shot(f"nothing-{name}")
            browser.goto(f"{console.url}/sql")
            browser.click("button:has-text('Run')")
            browser.until("document.querySelector('.grid')")
            shot(f"sql-{name}")


def _enter(browser: Browser, console: ConsoleServer, scheme: str, size: tuple[int, int]) -> None:
    browser.open(*size, scheme=scheme, touch=size == NARROW)
    browser.goto(f"{console.url}/login?token={TOKEN}&next=/live")


def _name(size: tuple[int, int]) -> str:
    return "wide" if size == WIDE else "narrow"


if __name__ == "__main__":
    if lack := missing():
        sys.exit(lack)
    for path in take(Path(sys.argv[1])):
        print(path)
