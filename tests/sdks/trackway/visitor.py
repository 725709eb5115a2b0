"""A visitor with tabs in Chromium, and the site they visit, for the tests of Trackway's own browser client."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.sdks.app_thread import AppThread
from tests.services import CHROMIUM_FLAGS, find_node_package

HERE = Path(__file__).parent
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>%s</title><link rel="icon" href="data:,">
%s</head><body>%s</body></html>"""
EVERYWHERE = "--host-resolver-rules=MAP *.example 127.0.0.1"
"""So that the tests' sites may have names, and registrable domains."""


class Visitor:
    """Remote control over `visitor.mjs`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def new(self, *, init: str = "") -> None:
        """Become somebody new, without cookies; `init` runs in each page before anything else."""
        self._do("visitor", init=init)

    def goto(self, url: str, *, tab: str = "a", clock: bool = False, wait: str = "load") -> None:
        self._do("goto", tab=tab, url=url, clock=clock, wait=wait)

    def run(self, code: str, *, tab: str = "a") -> Any:
        """Return what an expression is in the page; of a promise, what it resolves with."""
        return self._do("evaluate", tab=tab, code=code)

    def until(self, code: str, *, tab: str = "a") -> None:
        self._do("until", tab=tab, code=code)

    def click(self, selector: str, *, tab: str = "a") -> None:
        self._do("click", tab=tab, selector=selector)

    def back(self, *, tab: str = "a") -> None:
        self._do("back", tab=tab)

    def later(self, ms: int, *, tab: str = "a") -> None:
        """Let all tabs live through some time at once; one of them was opened with `clock`."""
        self._do("later", tab=tab, ms=ms)

    def offline(self, on: bool) -> None:
        self._do("offline", on=on)

    def crash(self, *, tab: str = "a") -> None:
        self._do("crash", tab=tab)

    def close(self, *, tab: str = "a") -> None:
        self._do("close", tab=tab)

    def cookies(self) -> dict[str, dict[str, Any]]:
        return {cookie["name"]: cookie for cookie in self._do("cookies")}

    def scripting_ms(self, *, tab: str = "a") -> float:
        """Return the processor time that the tab's main thread has spent in scripts."""
        return self._do("scripting", tab=tab)

    def problems(self) -> list[str]:
        """Return what the pages complained of since `new`."""
        return self._do("problems")

    def _do(self, what: str, **options: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": what, **options}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]


@contextmanager
def start_visitor(node: str, chromium: str) -> Iterator[Visitor]:
    """Start Chromium and the script that uses it."""
    find_node_package("playwright-core")
    command = [node, str(HERE / "visitor.mjs"), chromium, *CHROMIUM_FLAGS, EVERYWHERE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE) as process:
        yield Visitor(process)


class Shop(AppThread):
    """A site, under any name; `pages` are by path, with their headers."""

    def __init__(self) -> None:
        super().__init__(self._make)
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}

    def page(self, path: str, head: str, body: str = "", *, title: str = "Lamps", **headers: str) -> str:
        """Put up a page and return its address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (PAGE % (escape(title), head, body), named)
        return f"http://localhost:{self.port}{path}"

    def _make(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        if request.path not in self.pages:
            return web.Response(status=404)
        text, headers = self.pages[request.path]
        return web.Response(text=text, content_type="text/html", headers=headers)
