"""The sources of a workspace, ready for requests: who may write, from where, and how much."""

import base64
import binascii
import fnmatch
from collections.abc import Callable, Mapping

from trackway.collector.intake import Limits
from trackway.collector.rate_limit import TokenBucket
from trackway.events import canary
from trackway.workspace.model import Source, Workspace
from trackway.workspace.units import Size


class OpenSource:
    """A source and what the collector keeps for it."""

    __slots__ = (
        "_origins", "blocked", "browser_sdk", "bucket", "client_retries", "cookie_domain", "enabled", "limits", "name",
        "strict",
    )  # fmt: skip

    def __init__(self, name: str, source: Source, clock: Callable[[], float]) -> None:
        self.name = name
        self.enabled = source.enabled
        self.strict = source.strict
        self.browser_sdk = source.browser_sdk
        self.cookie_domain = source.cookie_domain
        self.client_retries = source.client_retries
        self.blocked = [rule for rule in source.block if isinstance(rule, str)]
        self.limits = Limits(source.max_event, source.max_batch)
        self._origins = tuple(source.allowed_origins)
        self.bucket = None
        if source.rate_limit is not None:
            burst = source.rate_burst if source.rate_burst is not None else 2 * source.rate_limit
            self.bucket = TokenBucket(source.rate_limit, burst, clock)

    def allows(self, origin: bytes | None) -> bool:
        """Return whether a page of `origin` may send; a request without one comes from no page."""
        if not self._origins or origin is None:
            return True
        text = origin.decode("latin-1").lower()
        return any(fnmatch.fnmatchcase(text, pattern.lower()) for pattern in self._origins)


class Sources:
    """All sources of a workspace, by write key."""

    def __init__(self, workspace: Workspace, clock: Callable[[], float], *, canary_key: str = "") -> None:
        """`canary_key` is what the canary writes with; `""` means that there is none."""
        self._by_key: Mapping[str, OpenSource] = {
            key: opened
            for name, source in workspace.sources.items()
            for opened in (OpenSource(name, source, clock),)
            for key in source.write_keys
        }
        if canary_key:
            self._by_key = {**self._by_key, canary_key: OpenSource(canary.SOURCE, _canary(canary_key), clock)}
        # What clients really send, so that the hot path decodes no base64: with the colon, and without for old callers.
        self._by_header: Mapping[bytes, OpenSource] = {
            b"Basic " + base64.b64encode(text.encode()): opened
            for key, opened in self._by_key.items()
            for text in (f"{key}:", key)
        }

    def by_header(self, authorization: bytes) -> OpenSource | None:
        """Return the source that an `Authorization: Basic …` header names."""
        found = self._by_header.get(authorization)
        return found or self._by_key.get(_basic_user(authorization) or "")

    def by_key(self, key: str) -> OpenSource | None:
        """Return the source that a write key names."""
        return self._by_key.get(key)


def _canary(key: str) -> Source:
    # A page cannot send one, and nobody many: the key is known to our own processes alone, but that is no reason.
    return Source(write_keys=[key], allowed_origins=["canary:"], max_event=Size(1024), rate_limit=10)


_NOBODY = {b"", base64.b64encode(b":").rstrip(b"=")}


def names_a_key(authorization: bytes) -> bool:
    """Return whether an `Authorization` header means to give a write key: `Basic`, and not for the empty user."""
    scheme, _, user = authorization.strip().partition(b" ")
    return scheme.lower() == b"basic" and user.strip().rstrip(b"=") not in _NOBODY


def _basic_user(authorization: bytes) -> str | None:
    """Return the user name of a Basic header written in an unusual way."""
    scheme, _, value = authorization.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(value.strip() + b"==").decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return None
