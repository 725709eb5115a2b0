"""The pages that need no build: login, and what to do when the console's own page is missing."""

from collections.abc import Mapping
from html import escape
from importlib.resources import files

from starlette.responses import HTMLResponse, Response

_HERE = files(__name__)
_LOGIN = (_HERE / "login.html").read_text("utf-8")
_NOT_BUILT = (_HERE / "not_built.html").read_text("utf-8")
_CSS = (_HERE / "page.css").read_bytes()
_ICON = (_HERE / "favicon.svg").read_bytes()


def login_page(
    next_path: str,
    *,
    problem: str = "",
    reload_once: bool = False,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the login form, with `problem` above it; `reload_once` makes the browser ask again at once."""
    page = _LOGIN.replace("{next}", escape(next_path, quote=True))
    page = page.replace("{problem}", f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else "")
    page = page.replace("{refresh}", '<meta http-equiv="refresh" content="0" />' if reload_once else "")
    return HTMLResponse(page, status_code=status, headers={"Cache-Control": "no-store", **(headers or {})})


def not_built_page() -> Response:
    """Say how to build the console."""
    return HTMLResponse(_NOT_BUILT, status_code=503, headers={"Cache-Control": "no-store"})


async def stylesheet(_: object) -> Response:
    """`GET /page.css`: the style of these pages."""
    return Response(_CSS, media_type="text/css", headers={"Cache-Control": "max-age=300"})


async def icon(_: object) -> Response:
    """`GET /favicon.svg`."""
    return Response(_ICON, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})
