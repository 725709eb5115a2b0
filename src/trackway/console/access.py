"""Who may use the console.

The token opens it: as `Authorization: Bearer` for programs, or once at the login for a browser, which then holds a
session cookie. The cookie is not the token but an expiry time signed with a key made from it, so that a new token ends
all sessions, and nothing has to be stored.

A page elsewhere on the web cannot use a visitor's cookie: it is SameSite=Strict, calls that change something must come
from our own origin, and a foreign name that resolves to our address (DNS rebinding) is refused by the Host header.
"""

import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from hashlib import sha256
from urllib.parse import urlsplit

from trackway.workspace import Secret

COOKIE = "trackway_console"
SESSION_S = 7 * 24 * 3600
MAX_FAILURES = 10
FAILURE_WINDOW_S = 60.0
_MAX_CLIENTS = 4096
_LOCAL = ("localhost", "127.0.0.1", "::1")
_ANY = ("", "0.0.0.0", "::")  # noqa: S104  # compared, not bound


class Access:
    """Compares tokens, and signs and checks sessions."""

    def __init__(self, token: Secret, *, clock: Callable[[], float] = time.time) -> None:
        if not token.reveal():
            raise ValueError("the console's token is empty; anyone could enter")
        self._token = token.reveal().encode()
        self._key = hmac.digest(self._token, b"trackway console session", sha256)
        self._clock = clock

    def is_token(self, offered: str) -> bool:
        """Tell whether this is the token, in a time that says nothing about it."""
        return hmac.compare_digest(offered.encode("utf-8", "surrogateescape"), self._token)

    def new_session(self) -> str:
        """Return a cookie value that is valid for `SESSION_S`."""
        body = f"{int(self._clock()) + SESSION_S}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self._signature(body)}"

    def is_session(self, value: str) -> bool:
        """Tell whether `new_session` made this value, and not too long ago."""
        body, _, signature = value.rpartition(".")
        expires = body.partition(".")[0]
        if not hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), self._signature(body).encode()):
            return False
        return expires.isdigit() and int(expires) > self._clock()

    def _signature(self, body: str) -> str:
        return hmac.digest(self._key, body.encode("utf-8", "surrogateescape"), sha256).hex()


class FailureLimit:
    """Counts wrong tokens by client address: `MAX_FAILURES` in `FAILURE_WINDOW_S`, then it has to wait."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """Return how long this client must wait before its next try; 0 when it need not."""
        times = self._failures.get(client)
        if times is None or len(times) < MAX_FAILURES:
            return 0.0
        return max(0.0, times[0] + FAILURE_WINDOW_S - self._clock())

    def failed(self, client: str) -> None:
        """Note a wrong token."""
        times = self._failures.setdefault(client, deque(maxlen=MAX_FAILURES))
        times.append(self._clock())
        self._failures.move_to_end(client)
        while len(self._failures) > _MAX_CLIENTS:
            self._failures.popitem(last=False)


class Hosts:
    """The names under which the console may be asked for."""

    def __init__(self, bound_to: str, extra: Iterable[str] = ()) -> None:
        self._names = {*_LOCAL, bound_to.lower(), *(name.lower() for name in extra)} - {*_ANY}
        # Bound to every address, it cannot know its own; a number is safe, as rebinding needs a name.
        self._any_address = bound_to in _ANY

    def allows(self, host_header: str) -> bool:
        """Tell whether a request with this Host header means us."""
        name = hostname(host_header)
        return name in self._names or (self._any_address and _is_address(name))


def hostname(host_header: str) -> str:
    """Return the name in a Host header in lower case, without port and brackets; `""` when there is none."""
    try:
        return urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
