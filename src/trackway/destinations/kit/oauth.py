"""OAuth 2: a token for requests, asked for when there is none, kept as long as it lives, asked for anew after a 401."""

from collections.abc import Callable, Generator, Sequence

import msgspec
from msgspec import Struct

from trackway.destinations.kit.contract import Answer, Outcome, Rejected, Request, Response, Retry, Row, retry_after_s
from trackway.destinations.kit.sending import FORM, Cache, basic, form

_EARLIER_S = 60.0
"""A token is renewed so long before its end: clocks differ, and requests take time."""
_UNTOLD_S = 600.0
"""How long a token is kept that does not tell its end."""


class Grant(Struct, frozen=True, kw_only=True):
    """How to get a token: with a refresh token if there is one, else as the client itself."""

    url: str
    client_id: str
    client_secret: str
    refresh_token: str = ""
    scope: str = ""
    in_header: bool = False
    """Name and secret go into the `Authorization` header instead of the form."""

    def request(self) -> Request:
        """Return the request for a token (RFC 6749, sections 4.4 and 6)."""
        client = {} if self.in_header else {"client_id": self.client_id, "client_secret": self.client_secret}
        kind = "refresh_token" if self.refresh_token else "client_credentials"
        members = {"grant_type": kind, "refresh_token": self.refresh_token or None, "scope": self.scope or None}
        headers = {"Content-Type": FORM, "Accept": "application/json"}
        if self.in_header:
            headers["Authorization"] = basic(self.client_id, self.client_secret)
        return Request(method="POST", url=self.url, headers=headers, body=form(members | client))

    @property
    def key(self) -> str:
        """The token's name in the cache."""
        return f"oauth {self.url} {self.client_id} {self.refresh_token}"


class _Token(Struct):
    access_token: str
    expires_in: float = _UNTOLD_S + _EARLIER_S


def token(grant: Grant, cache: Cache) -> Generator[Request, Answer, str | Retry | Rejected]:
    """Return a token, from the cache or after a request for it; else why there is none."""
    if (kept := cache.get(grant.key)) is not None:
        return kept
    answer = yield grant.request()
    if not isinstance(answer, Response):
        return answer
    if answer.status == 429 or answer.status >= 500:
        return Retry("token_" + str(answer.status), retry_after_s(answer))
    if answer.status // 100 != 2:
        return Rejected("token_refused", answer.body[:500].decode("utf-8", "replace"))
    try:
        # Some servers write `expires_in` as text.
        found = msgspec.json.decode(answer.body, type=_Token, strict=False)
    except msgspec.DecodeError:
        return Retry("token_unreadable")
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
    answer = yield from _called(grant, cache, make)
    if isinstance(answer, Response) and answer.status == 401:
        cache.drop(grant.key)
        answer = yield from _called(grant, cache, make)
    return answer


def _called(grant: Grant, cache: Cache, make: Callable[[str], Request]) -> Generator[Request, Answer, Answer]:
    found = yield from token(grant, cache)
    return (yield make(found)) if isinstance(found, str) else found
