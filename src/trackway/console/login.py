"""Logging in and out: `GET /login?token=…` from the printed address, or the form."""

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trackway.console.access import COOKIE, SESSION_S, Access, FailureLimit
from trackway.console.guard import client_of, is_same_origin
from trackway.console.pages import login_page

MAX_FORM_BYTES = 8192
MAX_FIELDS = 20


class Login:
    """Answers `/login` and `/logout`."""

    def __init__(self, access: Access, failures: FailureLimit) -> None:
        self._access, self._failures = access, failures

    async def show(self, request: Request) -> Response:
        """`GET /login`: enter with the token of the address, or show the form."""
        query = dict(request.query_params)
        # Servers write the access log when the answer starts, from the scope: the token must not be in it by then.
        request.scope["query_string"] = b""
        next_path = local_path(query.get("next", ""))
        came_from_elsewhere = request.headers.get("sec-fetch-site") == "cross-site"
        if came_from_elsewhere:
            # Following a link from elsewhere the browser keeps our strict cookie back. A reload is our own doing and
            # brings it along. A token in such a link is somebody else's wish, and not looked at.
            return login_page(next_path, reload_once=True)
        if self._access.is_session(request.cookies.get(COOKIE, "")):
            return RedirectResponse(next_path, status_code=303)
        if "token" in query:
            return self._enter(request, query["token"], next_path)
        return login_page(next_path)

    async def submit(self, request: Request) -> Response:
        """`POST /login`: the form, `token` and `next`."""
        if not _from_here(request):
            return login_page("/", problem="Open this page by its own address and try again.", status=403)
        form = await _read_form(request)
        if form is None:
            return login_page("/", problem="That is not a login form.", status=400)
        return self._enter(request, form.get("token", "").strip(), local_path(form.get("next", "")))

    async def leave(self, request: Request) -> Response:
        """`POST /logout`: forget the session."""
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    def _enter(self, request: Request, token: str, next_path: str) -> Response:
        client = client_of(request.scope)
        if wait_s := self._failures.wait_s(client):
            problem = f"Too many wrong tokens. Try again in {int(wait_s) + 1} seconds."
            return login_page(next_path, problem=problem, status=429, headers={"Retry-After": str(int(wait_s) + 1)})
        if not self._access.is_token(token):
            self._failures.failed(client)
            return login_page(next_path, problem="That is not the token of this Trackway.", status=401)
        answer = RedirectResponse(next_path, status_code=303)
        answer.set_cookie(
            COOKIE,
            self._access.new_session(),
            max_age=SESSION_S,
            path="/",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer


def local_path(wish: str) -> str:
    """Return `wish` if it is a path of ours, else `/`: a login must not send people to other sites."""
    foreign = not wish.startswith("/") or wish.startswith(("//", "/\\", "/login")) or any(c < " " for c in wish)
    return "/" if foreign else wish


def _from_here(request: Request) -> bool:
    # Our own Referrer-Policy makes browsers send `Origin: null` with a form; there is no session to abuse here yet.
    no_word = "sec-fetch-site" not in request.headers and request.headers.get("origin", "null") == "null"
    return no_word or is_same_origin(request.headers, request.url.scheme)


async def _read_form(request: Request) -> dict[str, str] | None:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return None
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=MAX_FIELDS)
    except ValueError:
        return None
    return {name: values[0] for name, values in fields.items()}
