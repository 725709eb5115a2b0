"""What may be shown of requests and answers: never a secret, never much."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

from trackway.destinations.kit import Request

EXCERPT_BYTES = 2048
_PLAIN_HEADERS = frozenset({"accept", "content-encoding", "content-type", "idempotency-key", "user-agent"})

_TOKEN = re.compile(r'("(?:access|refresh|id)_token"\s*:\s*")[^"]*')
"""In an answer that hands out tokens (RFC 6749, section 5.1): they are no settings, and as good as a password."""
_SHORTEST = 6
"""Characters of what is taken for a credential in a URL; shorter values, such as `true`, stand in any answer."""
_IN_HEADER = 4
"""As above, of a header's value."""
_RECOGNISED = 4
"""Characters of a credential at the end of a text that tell it, where the text was cut in the middle of it."""


class Redactor:
    """Replaces a destination's secrets by `***`, also where they are quoted for URLs."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: list[str] = []
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Replace this one, too."""
        forms = {secret, quote(secret, safe=""), quote(secret)} if secret else set[str]()
        if not forms <= {*self._secrets}:
            self._secrets = sorted({*self._secrets, *forms}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "***")
        return text

    def note(self, text: str) -> str:
        """Return the beginning of a text without secrets."""
        return _beginning(self.text(text))

    def answer(self, body: bytes, request: Request) -> str:
        """Return the beginning of an answer's body without secrets; servers like to repeat what they were sent."""
        if len(body) < _IN_HEADER:
            return self.note(body.decode("utf-8", "replace"))
        return _beginning(self._cleaned(body.decode("utf-8", "replace"), _credentials(request)))

    def detail(self, text: str, request: Request) -> str:
        """Return a part of an answer without secrets, also where it was cut in the middle of one."""
        credentials = _credentials(request)
        text = self._cleaned(text, credentials)
        for value in (*self._secrets, *credentials):
            for kept in range(min(len(value) - 1, len(text)), _RECOGNISED - 1, -1):
                if text.endswith(value[:kept]):
                    return text[:-kept] + "***"
        return text

    def _cleaned(self, text: str, credentials: list[str]) -> str:
        text = self.text(text)
        for value in credentials:
            if value in text:
                text = text.replace(value, "***")
        return _TOKEN.sub(r"\1***", text) if "_token" in text else text

    def request(self, request: Request, content: bytes) -> str:
        """Return a request as text, with `content` as the body: method, URL, headers, an empty line, the body."""
        lines = [f"{request.method} {_url(request.url)}"]
        for name, value in request.headers.items():
            lines.append(f"{name}: {value if name.lower() in _PLAIN_HEADERS else '***'}")
        # Secrets go before the text is cut: half a secret would not be recognised.
        return _beginning(self.text("\n".join([*lines, "", content.decode("utf-8", "replace")])))

    def shown(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request as plain data (`method`, `url`, `headers`, `body`) without secrets and credentials."""
        headers = {
            name: value if name.lower() in _PLAIN_HEADERS else "***"
            for name, value in cast("dict[str, str]", told["headers"]).items()
        }
        body = self._values(told["body"])
        return {"method": told["method"], "url": self.text(_url(told["url"])), "headers": headers, "body": body}

    def _values(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value).items()
            return {self.text(name): self._values(member) for name, member in members}
        if isinstance(value, list):
            return [self._values(item) for item in cast("list[Any]", value)]
        return value


def _credentials(request: Request) -> list[str]:
    """Return what of a request's headers and URL may be one, whole and in the parts that a server may repeat."""
    found = [
        value
        for name, value in request.headers.items()
        if len(value) >= _IN_HEADER and name.lower() not in _PLAIN_HEADERS
    ]
    # Without its scheme, such as Bearer.
    found += [rest for value in found if len(rest := value.partition(" ")[2]) >= _SHORTEST]
    return sorted([*found, *_in_url(request.url)], key=len, reverse=True)


@lru_cache(maxsize=256)  # mostly the same few
def _in_url(url: str) -> list[str]:
    parts = urlsplit(url)
    values = [pair.partition("=")[2] for pair in parts.query.split("&")]
    values += [unquote_plus(value) for value in values] + parts.netloc.rpartition("@")[0].split(":", 1)
    return [value for value in values if len(value) >= _SHORTEST]


def _url(url: str) -> str:
    """Return `url` without what may be a credential: user, password, and the values of its query."""
    parts = urlsplit(url)
    query = "&".join(f"{pair.partition('=')[0]}=***" for pair in parts.query.split("&") if pair)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def _beginning(text: str) -> str:
    """Return what of `text` fits into `EXCERPT_BYTES` of UTF-8, without NUL, which PostgreSQL cannot keep."""
    text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if len(text) * 4 <= EXCERPT_BYTES:
        return text
    return text.encode("utf-8", "replace")[:EXCERPT_BYTES].decode("utf-8", "ignore")
