"""The door of the console: every request passes here first, and every answer leaves here."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trackway.console.access import COOKIE, Access, FailureLimit, Hosts
from trackway.console.answers import error_answer

PUBLIC = frozenset({"/login", "/page.css", "/favicon.svg"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware: refuses who may not enter, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, *, access: Access, failures: FailureLimit, hosts: Hosts) -> None:
        self._app, self._access, self._failures, self._hosts = app, access, failures, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope)
            await (refusal or self._app)(scope, receive, with_security_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._hosts.allows(headers.get("host", "")):
            return error_answer(
                421,
                "unknown_host",
                "the console is not known by this name; open it by its address, or add the name to its allowed hosts",
            )
        if scope["path"] in PUBLIC:
            return None
        if headers.get("authorization", "")[:7].lower() == "bearer ":
            return self._refused_token(scope, headers["authorization"][7:].strip())
        if not self._access.is_session(cookie_parser(headers.get("cookie", "")).get(COOKIE, "")):
            return _nobody(scope)
        if scope["method"] not in SAFE_METHODS and not is_same_origin(headers, scope["scheme"]):
            return error_answer(403, "foreign_origin", "the console takes changes from its own pages only")
        return None

    def _refused_token(self, scope: Scope, offered: str) -> Response | None:
        client = client_of(scope)
        if wait_s := self._failures.wait_s(client):
            return too_many_failures(wait_s)
        if self._access.is_token(offered):
            return None
        self._failures.failed(client)
        return error_answer(401, "wrong_token", "this is not the console's token", {"WWW-Authenticate": "Bearer"})


def client_of(scope: Scope) -> str:
    """Return the address that a request came from."""
    return scope["client"][0] if scope.get("client") else ""


def too_many_failures(wait_s: float) -> Response:
    """Say that a client must wait before it tries another token."""
    seconds = str(int(wait_s) + 1)
    message = f"too many wrong tokens from your address; try again in {seconds} s"
    return error_answer(429, "too_many_failures", message, {"Retry-After": seconds})


def is_same_origin(headers: Mapping[str, str], scheme: str) -> bool:
    """Tell whether a browser says that a request comes from one of our own pages."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    # Browsers send Sec-Fetch-Site to https and loopback addresses only.
    return headers.get("origin") == f"{scheme}://{headers.get('host', '')}"


def _nobody(scope: Scope) -> Response:
    path: str = scope["path"]
    if path.startswith("/api/") or scope["method"] not in SAFE_METHODS:
        return error_answer(
            401,
            "login_needed",
            "log in at /login, or send the token as Authorization: Bearer",
            {"WWW-Authenticate": "Bearer"},
        )
    query = scope["query_string"].decode("latin-1")
    wish = f"{path}?{query}" if query else path
    return RedirectResponse("/login" if wish == "/" else f"/login?next={quote(wish, safe='/')}", status_code=303)


def with_security_headers(send: Send) -> Send:
    """Return a `send` that puts the security headers on the answer."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_with_headers
