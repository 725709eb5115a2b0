"""A site whose page uses Segment's browser client, and a visitor in Chromium."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.sdks.app_thread import AppThread
from tests.services import CHROMIUM_FLAGS, find_node_package

CLIENTS = Path(__file__).parent / "clients"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Lamps &amp; lights</title>
<link rel="icon" href="data:,"><script type="application/json" id="settings">%s</script>
<script type="module" src="/page.js"></script></html>"""
Drive = Callable[..., dict[str, Any]]


def build_bundle(node: str, folder: Path) -> Path:
    """Bundle the page's script, and Segment's unmodified package with it, into `folder`."""
    find_node_package("vite")
    package = find_node_package("@segment/analytics-next")
    assert json.loads((package / "package.json").read_text())["version"] == "1.84.3"
    subprocess.run([node, CLIENTS / "build_page.mjs", folder], check=True, timeout=60)
    return folder


class Site(AppThread):
    """The test's own site; `settings` is what its page gives to the client."""

    def __init__(self, bundle: Path) -> None:
        super().__init__(self._make)
        self._bundle = bundle
        self.settings: dict[str, Any] = {}
        self.going = True
        """What `/going` answers: whether those who ask are to go on sending."""

    @property
    def page_url(self) -> str:
        return f"http://localhost:{self.port}/lamps"

    def _make(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/lamps", self._page)
        app.router.add_get("/going", self._going)
        app.router.add_static("/", self._bundle)
        return app

    async def _page(self, _request: web.Request) -> web.Response:
        settings = escape(json.dumps(self.settings), quote=False)
        return web.Response(text=PAGE % settings, content_type="text/html")

    async def _going(self, _request: web.Request) -> web.Response:
        return web.Response(text="yes" if self.going else "no", headers={"Cache-Control": "no-store"})


@contextmanager
def start_visitor(node: str, chromium: str) -> Iterator["subprocess.Popen[str]"]:
    """Start Chromium and the script that uses it."""
    find_node_package("playwright-core")
    command = [node, str(CLIENTS / "browser_client.mjs"), chromium, *CHROMIUM_FLAGS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CLIENTS) as process:
        yield process


def drive_visitor(
    site: Site, visitor: "subprocess.Popen[str]", scenario: str, user: str = "", *, load: dict[str, Any], **options: Any
) -> dict[str, Any]:
    """Run a scenario of the script to its end and return what page and browser reported."""
    assert visitor.stdin
    assert visitor.stdout
    site.settings = {"load": load, "options": options}
    visitor.stdin.write(json.dumps({"scenario": scenario, "url": site.page_url, "user": user}) + "\n")
    visitor.stdin.flush()
    report = json.loads(visitor.stdout.readline())
    assert "broke" not in report, report
    return report
