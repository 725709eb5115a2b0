"""Segment's snippet in Chromium, with nothing changed but the host: script, its parts and settings come from us."""

import gzip
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest
from aiohttp import web

from tests.browser import chromium
from tests.collector.test_app import Client, Kept
from tests.collector.test_wire import Server
from tests.running import poll_until
from tests.sdks.app_thread import AppThread
from tests.services import ROOT, find_chromium, find_node_package, find_program, miss
from trackway.collector.app import CollectorApp
from trackway.collector.browser_client import STATIC, BrowserClient
from trackway.events.records import decode_raw
from trackway.workspace.model import Source, Workspace

WORKSPACE = Workspace(sources={"web": Source(write_keys=["WK"]), "off": Source(write_keys=["OFF"], enabled=False)})
RENDER = "console.log(require('@segment/snippet').max(JSON.parse(process.argv[1])))"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Lamps</title><link rel="icon" href="data:,">
<script>%s
%s.track("Before Load", {early: true})</script></html>"""


# Without a browser, over files of the same shape.


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "standalone.js").write_text(
        'window.analyticsWriteKey="__WRITE_KEY__";["__","WRITE","_","KEY","__"].join("")' + ";" * 2000
        + "\n//# sourceMappingURL=standalone.js.map"
    )  # fmt: skip
    (tmp_path / "schemaFilter.bundle.0123.js").write_text("part()")
    (tmp_path / "trackway.js").write_text("ours()")
    (tmp_path / "secret.js").write_text("no part")
    return tmp_path


@pytest.fixture
def client(files: Path) -> Client:
    app = CollectorApp(WORKSPACE, Kept())
    app._documents._browser_client = BrowserClient(files)
    return Client(app, None)


async def ask(client: Client, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await client.send(path, method=method, headers=named, raw_body=True)
    assert answer is not None
    return answer.status, answer.headers, answer.body


SCRIPT = "/analytics.js/v1/WK/analytics.min.js"


@pytest.mark.parametrize(
    "path", [SCRIPT, "/cdn/analytics.js/v1/WK/analytics.classic.js", "//analytics.js/v1/WK/platform/analytics.min.js"]
)
async def test_the_script_has_the_write_key_in_it(client: Client, path: str):
    status, headers, body = await ask(client, path)
    assert status == 200 and headers["content-type"] == "text/javascript; charset=utf-8"
    assert b'window.analyticsWriteKey="WK";["__","WRITE"' in body
    assert b"sourceMappingURL" not in body and b"MIT" in body.splitlines()[0]
    assert "max-age=600" in headers["cache-control"]


def test_a_write_key_cannot_break_out_of_the_script(files: Path):
    key = "</script>'\"\\\n\u2028"
    script = BrowserClient(files).script(key, b"", b"").body.decode()
    placed = script.partition("analyticsWriteKey=")[2].partition(";[")[0]
    assert json.loads(placed) == key
    assert placed.isascii() and "<" not in placed


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br, zstd", "br"), ("gzip;q=0.5", "gzip"), ("br;q=0, gzip", "gzip"), ("gzip;q=0.0", ""), ("", "")],
)
async def test_it_is_packed_as_asked_and_not_sent_twice(client: Client, accepted: str, encoding: str):
    status, headers, body = await ask(client, SCRIPT, accept_encoding=accepted)
    assert (status, headers.get("content-encoding", "")) == (200, encoding)
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}[encoding]
    _, _, plain = await ask(client, SCRIPT)
    assert unpack(body) == plain and headers["vary"] == "accept-encoding"
    status, again, body = await ask(client, SCRIPT, accept_encoding=accepted, if_none_match=f'"x", W/{headers["etag"]}')
    assert (status, again["etag"], body) == (304, headers["etag"], b"")
    status, _, _ = await ask(client, SCRIPT, accept_encoding="", if_none_match='"other"')
    assert status == 200
    status, headers, body = await ask(client, SCRIPT, method="HEAD")
    assert status == 200 and int(headers["content-length"]) == len(plain) and body == b""


@pytest.mark.parametrize("key", ["NO", "OFF"])
async def test_an_unknown_or_disabled_key_has_no_script(client: Client, key: str):
    status, _, body = await ask(client, f"/analytics.js/v1/{key}/analytics.min.js")
    assert status == 404 and json.loads(body)["code"] == "unknown_source"


async def test_only_the_clients_own_parts_are_served_and_kept_for_ever(client: Client):
    status, headers, body = await ask(client, "/px/analytics-next/bundles/schemaFilter.bundle.0123.js")
    assert (status, body) == (200, b"part()") and "immutable" in headers["cache-control"]
    for name in ("secret.js", "standalone.js", "schemaFilter.bundle.9999.js", "..", "%2e%2e"):
        status, _, body = await ask(client, f"/analytics-next/bundles/{name}")
        assert status == 404 and json.loads(body)["message"]


@pytest.mark.parametrize("path", ["/trackway.js", "/first/party/trackway.js"])
async def test_trackways_own_client_is_one_file_for_all(client: Client, path: str):
    status, headers, body = await ask(client, path)
    assert (status, body, headers["content-type"]) == (200, b"ours()", "text/javascript; charset=utf-8")
    assert "max-age=600" in headers["cache-control"]
    status, again, _ = await ask(client, path, if_none_match=headers["etag"])
    assert (status, again["etag"]) == (304, headers["etag"])


async def test_the_snippet_gets_the_client_that_its_source_names(client: Client):
    sources = {
        "ours": Source(write_keys=["OURS"], browser_sdk="trackway"),
        "theirs": Source(write_keys=["THEIRS"], browser_sdk="segment"),
    }
    client.app.configure(Workspace(sources=sources))
    assert (await ask(client, "/analytics.js/v1/OURS/analytics.min.js"))[2] == b"ours()"
    assert b"analyticsWriteKey" in (await ask(client, "/analytics.js/v1/THEIRS/analytics.min.js"))[2]


async def test_an_installation_without_the_client_says_so(client: Client, tmp_path: Path):
    client.app._documents._browser_client = BrowserClient(tmp_path / "nothing")
    for path in (SCRIPT, "/trackway.js", "/analytics-next/bundles/schemaFilter.bundle.0123.js"):
        status, _, body = await ask(client, path)
        assert status == 404 and json.loads(body)["code"] == "script_not_installed"


async def test_a_key_that_was_taken_away_has_no_script_any_more(client: Client):
    assert (await ask(client, SCRIPT))[0] == 200
    client.app.configure(Workspace(sources={"web": Source(write_keys=["NEW"])}))
    assert (await ask(client, SCRIPT))[0] == 404


# In Chromium, with the real files.


class Site(AppThread):
    """The test's own site, on another origin than the collector."""

    def __init__(self) -> None:
        super().__init__(self._make)
        self.page = ""

    def _make(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/lamps", self._answer)
        return app

    async def _answer(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.page, content_type="text/html")


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Browser]:
    find_chromium()
    find_program("node")
    find_node_package("playwright-core")
    if not (STATIC / "standalone.js").is_file():
        miss("the browser client", "run `make build`")
    with chromium.Browser() as browser:
        yield browser


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(WORKSPACE)
    yield server
    server.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def snippet(server: Server, prefix: str, name: str) -> str:
    """Segment's own snippet for that host; a loopback host speaks no TLS."""
    find_node_package("@segment/snippet")
    host = f"127.0.0.1:{server.port}{prefix}"
    options = json.dumps({"apiKey": "WK", "host": host, "page": {"name": "Lamps"}, "globalAnalyticsKey": name})
    command = [find_program("node"), "-e", RENDER, options]
    made = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT).stdout
    assert made.count(f"https://{host}/") == 1
    return made.replace(f"https://{host}/", f"http://{host}/")


def calls(server: Server) -> list[dict[str, Any]]:
    return [json.loads(decode_raw(record).body) for record in server.kept.records]


@pytest.mark.xdist_group("browser")
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("prefix", "name"), [("", "analytics"), ("/first/party", "lights")])
def test_segments_snippet_works_with_the_host_changed(
    browser: chromium.Browser, server: Server, site: Site, prefix: str, name: str
):
    site.page = PAGE % (snippet(server, prefix, name), name)
    browser.open()
    browser.goto(f"{site.url}/lamps?ajs_uid=u9&ajs_event=Mail%20Opened")
    poll_until(lambda: len(server.kept.records) >= 4, what="the calls made before the script was there", timeout_s=30)
    browser.evaluate(f"{name}.track('After Load')")
    poll_until(lambda: len(server.kept.records) >= 5, what="a call made afterwards", timeout_s=30)
    came = calls(server)
    by_name = {call.get("event") or call["type"]: call for call in came}
    # `ajs_uid` and `ajs_event` in the address are the work of a part that the client fetches when it needs it.
    assert by_name.keys() == {"page", "Before Load", "identify", "Mail Opened", "After Load"}
    assert by_name["Before Load"]["properties"]["early"] is True
    assert by_name["page"]["name"] == "Lamps" and by_name["identify"]["userId"] == "u9"
    (visitor,) = {call["anonymousId"] for call in came}
    assert all(call["writeKey"] == "WK" for call in came)
    assert f"ajs_anonymous_id={visitor}" in browser.evaluate("document.cookie")
    if name != "analytics":
        assert browser.evaluate("typeof window.analytics") == "undefined"

    browser.goto(f"{site.url}/lamps")
    poll_until(lambda: len(server.kept.records) >= 7, what="the calls of the second page", timeout_s=30)
    assert {(call["anonymousId"], call["userId"]) for call in calls(server)[5:]} == {(visitor, "u9")}
    # Nothing was asked of any other host, and nothing went wrong on the page.
    assert browser.problems() == []
