"""OAuth 2: a token for requests, asked for when there is none, kept as long as it lives, asked for anew after a 401.

Where the vendor hands out another refresh token with each use, the newest one is kept and used (RFC 6749, section 6).
"""

import hashlib
from collections.abc import Callable, Generator, Sequence

import msgspec
from msgspec import Struct

from trackway.destinations.kit.contract import Answer, Outcome, Rejected, Request, Response, Retry, Row, retry_after_s
from trackway.destinations.kit.sending import FORM, Cache, basic, form

_EARLIER_S = 60.0
"""A token is renewed so long before its end: clocks differ, and requests take time."""
_UNTOLD_S = 600.0
"""How long a token is kept that does not tell its end."""
_RENEWALS = 3
"""Requests for a token in a row, while others use up refresh tokens at the same time."""


class Grant(Struct, frozen=True, kw_only=True):
    """How to get a token: with a refresh token if there is one, else as the client itself."""

    url: str
    client_id: str
    client_secret: str
    refresh_token: str = ""
    scope: str = ""
    in_header: bool = False
    """Name and secret go into the `Authorization` header instead of the form."""

    def request(self, refresh_token: str = "") -> Request:
        """Return the request for a token (RFC 6749, sections 4.4 and 6), with another refresh token if one is given."""
        client = {} if self.in_header else {"client_id": self.client_id, "client_secret": self.client_secret}
        kind = "refresh_token" if self.refresh_token else "client_credentials"
        refresh_token = refresh_token or self.refresh_token
        members = {"grant_type": kind, "refresh_token": refresh_token or None, "scope": self.scope or None}
        headers = {"Content-Type": FORM, "Accept": "application/json"}
        if self.in_header:
            headers["Authorization"] = basic(self.client_id, self.client_secret)
        body = form(members | client)
        return Request(method="POST", url=self.url, headers=headers, body=body, shared=self.key)

    @property
    def key(self) -> str:
        """The token's name in the cache."""
        return f"oauth {self.url} {self.client_id} {self.refresh_token}"

    def newest(self, cache: Cache) -> str:
        """Return the refresh token to use: the last that the vendor gave for the one of the settings, else that one."""
        return (cache.kept.get(self._name) if self.refresh_token else None) or self.refresh_token

    def keep(self, refresh_token: str, cache: Cache) -> None:
        """Keep what the vendor gave in place of the last one."""
        if self.refresh_token and refresh_token and refresh_token != self.newest(cache):
            cache.kept.put(self._name, refresh_token)

    @property
    def _name(self) -> str:
        # Of a digest: it stands in the state database, and what is secret in it shall not.
        return hashlib.sha256(self.key.encode()).hexdigest()


class _Token(Struct):
    access_token: str
    refresh_token: str | None = None
    expires_in: float = _UNTOLD_S + _EARLIER_S


def token(grant: Grant, cache: Cache) -> Generator[Request, Answer, str | Retry | Rejected]:
    """Return a token, from the cache or after a request for it; else why there is none."""
    for _ in range(_RENEWALS):
        if (kept := cache.get(grant.key)) is not None:
            return kept
        refresh_token = grant.newest(cache)
        answer = yield grant.request(refresh_token)
        if not isinstance(answer, Response):
            return answer
        if answer.status // 100 == 2:
            return _taken(grant, cache, answer)
        if answer.status == 429 or answer.status >= 500:
            return Retry("token_" + str(answer.status), retry_after_s(answer))
        # Another process may have used this refresh token a moment ago, and kept the next.
        if cache.get(grant.key) is None and grant.newest(cache) == refresh_token:
            return Rejected("token_refused", answer.body[:500].decode("utf-8", "replace"))
    return Retry("token_refused")


def _taken(grant: Grant, cache: Cache, answer: Response) -> str | Retry:
    """Keep what a server gave, and return the access token."""
    try:
        # Some servers write `expires_in` as text.
        found = msgspec.json.decode(answer.body, type=_Token, strict=False)
    except msgspec.DecodeError:
        return Retry("token_unreadable")
    grant.keep(found.refresh_token or "", cache)
    cache.put(grant.key, found.access_token, seconds=max(0.0, found.expires_in - _EARLIER_S))
    return found.access_token


def with_token(
    grant: Grant,
    cache: Cache,
    rows: Sequence[Row],
    make: Callable[[str], Request],
    judge: Callable[[Response, int], list[Outcome]],
) -> Generator[Request, Answer, list[Outcome]]:
    """Return the outcomes of the request that `make` makes with a token; after a 401 once more with a new one."""
    answer = yield from authorised(grant, cache, make)
    return judge(answer, len(rows)) if isinstance(answer, Response) else [answer] * len(rows)


def authorised(grant: Grant, cache: Cache, make: Callable[[str], Request]) -> Generator[Request, Answer, Answer]:
    """Return the answer to the request that `make` makes with a token; after a 401 once more with a new one."""
    found = yield from token(grant, cache)
    if not isinstance(found, str):
        return found
    answer = yield make(found)
    if isinstance(answer, Response) and answer.status == 401:
        if cache.get(grant.key) == found:  # else another request has got a new one meanwhile
            cache.drop(grant.key)
        found = yield from token(grant, cache)
        return (yield make(found)) if isinstance(found, str) else found
    return answer
