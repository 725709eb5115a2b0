"""Chromium for tests and screenshots: a small remote control over `driver.mjs`."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
NOWHERE = "/no/such/page"
NOT_FOUND = "document.querySelector('h1')?.textContent === 'Not found'"
ROOT = HERE.parents[1]


def missing() -> str:
    """Say what a browser test lacks on this machine; `""` when it lacks nothing."""
    if find_chromium() is None:
        return "no chromium: install Debian's package `chromium`, or name one in TRACKWAY_CHROMIUM"
    if shutil.which("node") is None:
        return "no node: install Node 20 or newer"
    if not (ROOT / "node_modules" / "playwright-core").is_dir():
        return "no playwright-core: run `make setup`"
    if not (ROOT / "src/trackway/console/static/index.html").is_file():
        return "the console's page is not built: run `make build`"
    return ""


def find_chromium() -> str | None:
    """Return the path of a Chromium."""
    named = os.environ.get("TRACKWAY_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class BrowserError(AssertionError):
    """The browser could not do it in time."""


class Browser:
    """One Chromium with one page; `open` makes it a fresh one, without cookies and storage."""

    def __init__(self) -> None:
        command = ["node", str(HERE / "driver.mjs"), find_chromium() or ""]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=ROOT
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _do(self, what: str, **options: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **options}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError("the browser ended")
        answer = json.loads(line)
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer["value"]

    def open(self, width: int = 1440, height: int = 900, *, scheme: str = "light", touch: bool = False) -> None:
        self._do("open", width=width, height=height, scheme=scheme, touch=touch)

    def goto(self, url: str) -> int:
        return self._do("goto", url=url)

    def visit(self, path: str, until: str = "true") -> None:
        """Go to another page of the console, which starts afresh, as its own links do: much cheaper than `goto`."""
        self.move(NOWHERE, NOT_FOUND)
        self.move(path, f"!({NOT_FOUND}) && ({until})")

    def move(self, path: str, until: str) -> None:
        """Go to another address of the console, perhaps within a page, as its own links do."""
        self.evaluate(f"history.pushState(null, '', {json.dumps(path)}); dispatchEvent(new PopStateEvent('popstate'))")
        self.until(until)

    def url(self) -> str:
        return self._do("url")

    def click(self, selector: str) -> None:
        self._do("click", selector=selector)

    def fill(self, selector: str, text: str) -> None:
        self._do("fill", selector=selector, text=text)

    def write(self, selector: str, text: str) -> None:
        """Replace what stands in an editor, whose field is no input."""
        self._do("write", selector=selector, text=text)

    def select(self, selector: str, value: str) -> None:
        self._do("select", selector=selector, value=value)

    def press(self, key: str) -> None:
        self._do("press", key=key)

    def back(self) -> None:
        self._do("back")

    def text(self, selector: str) -> str:
        return self._do("text", selector=selector)

    def count(self, selector: str) -> int:
        return self._do("count", selector=selector)

    def evaluate(self, code: str) -> Any:
        return self._do("evaluate", code=code)

    def until(self, code: str, *, timeout_s: float = 30) -> None:
        """Return when the expression `code` is true in the page."""
        self._do("until", code=code, timeoutMs=timeout_s * 1000)

    def size(self, width: int, height: int) -> None:
        self._do("size", width=width, height=height)

    def scheme(self, scheme: str) -> None:
        """Change to `light` or `dark`."""
        self._do("scheme", scheme=scheme)

    def shot(self, path: Path) -> None:
        self._do("shot", path=str(path))

    def metrics(self) -> dict[str, float]:
        """Return Chromium's performance metrics of the page; durations are its main thread's CPU seconds."""
        return self._do("metrics")

    def problems(self) -> list[str]:
        """Return dialogs, errors, foreign requests and policy violations since `open`."""
        return self._do("problems")
