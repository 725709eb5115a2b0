"""What may be shown of requests and answers: never a secret, never much."""

from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import quote, urlsplit, urlunsplit

from trackway.destinations.kit import Request

EXCERPT_BYTES = 2048
_PLAIN_HEADERS = frozenset({"accept", "content-encoding", "content-type", "idempotency-key", "user-agent"})


class Redactor:
    """Replaces a destination's secrets by `***`, also where they are quoted for URLs."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""), quote(secret))}
        self._secrets = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "***")
        return text

    def answer(self, body: bytes, request: Request) -> str:
        """Return the beginning of an answer's body; servers like to repeat what they were sent, headers too."""
        if not body:
            return ""
        text = self.text(body.decode("utf-8", "replace"))
        for name, value in request.headers.items():
            if 3 < len(value) <= len(text) and name.lower() not in _PLAIN_HEADERS:
                text = text.replace(value, "***")
        return _beginning(text)

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
