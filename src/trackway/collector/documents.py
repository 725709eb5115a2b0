"""What the collector shows to anybody: scripts, settings and cookies of browser clients, and the API's description."""

from trackway.collector.answers import Answer, Header, error, json_answer
from trackway.collector.bounds import HEAD_BYTES
from trackway.collector.browser_client import BrowserClient
from trackway.collector.client_settings import client_settings
from trackway.collector.id_cookies import renew_id_cookies
from trackway.collector.incoming import Incoming
from trackway.collector.openapi import describe
from trackway.collector.proxies import Proxies
from trackway.collector.routes import Route
from trackway.collector.sources import Sources
from trackway.workspace.model import Workspace

KINDS = ("settings", "script", "chunk", "sdk", "cookie", "openapi")
_CACHEABLE: Header = (b"cache-control", b"public, max-age=60")
_ADDRESSES_KEPT = 16
"""For which the description is kept ready. Who asks chooses the `Host`, so there must be a bound."""


class Documents:
    """Answers requests for routes of `KINDS`."""

    def __init__(self, browser_client: BrowserClient | None = None) -> None:
        """`configure` must follow."""
        self._browser_client = browser_client or BrowserClient()
        self._descriptions: dict[str, Answer] = {}

    def configure(self, workspace: Workspace, sources: Sources, proxies: Proxies) -> None:
        """Take over changed settings."""
        self._workspace, self._sources, self._proxies = workspace, sources, proxies
        self._descriptions.clear()
        self._browser_client.forget()

    def answer(self, route: Route, request: Incoming) -> Answer:
        """Return the document."""
        if route.kind == "openapi":
            return self._describe(route, request)
        accepted, known = request.header(b"accept-encoding"), request.header(b"if-none-match")
        if route.kind == "chunk":
            return self._browser_client.chunk(route.file, accepted, known)
        if route.kind == "sdk":
            return self._browser_client.sdk(accepted, known)
        source = self._sources.by_key(route.key or request.query().get("writeKey", ""))
        if source is None or not source.enabled:
            return error(404, "unknown_source")
        scheme, host, prefix = self._address(route, request)
        if route.kind == "cookie":
            origin, cookies = request.headers.get(b"origin"), request.header(b"cookie")
            return renew_id_cookies(source, origin, cookies, secure=scheme == "https")
        if route.kind == "script":
            if source.browser_sdk == "trackway":
                return self._browser_client.sdk(accepted, known)
            return self._browser_client.script(route.key, accepted, known)
        settings = client_settings(route.key, source, host=host, prefix=prefix, scheme=scheme)
        return json_answer(200, settings, _CACHEABLE)

    def _describe(self, route: Route, request: Incoming) -> Answer:
        scheme, host, prefix = self._address(route, request)
        url = f"{scheme}://{host}{prefix}"
        answer = self._descriptions.get(url)
        if answer is None:
            if len(self._descriptions) >= _ADDRESSES_KEPT:
                self._descriptions.clear()
            answer = json_answer(200, describe(self._workspace, url=url, head_bytes=HEAD_BYTES), _CACHEABLE)
            self._descriptions[url] = answer
        return answer

    def _address(self, route: Route, request: Incoming) -> tuple[str, str, str]:
        """Return scheme, host and prefix under which clients reach us."""
        if url := self._workspace.collector.public_url:
            scheme, _, host = url.rstrip("/").partition("://")
            return scheme, host, ""
        return *request.address(self._proxies), route.prefix
