"""Signatures of requests: HMAC, as webhooks have them, and AWS Signature Version 4.

Source:   RFC 2104 and https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, with
          the vectors of AWS's own test suite in `tests/destinations/kit/test_signing.py`; read 2026-11-26.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

import msgspec
from msgspec import Struct

from trackway.destinations.kit.contract import Request
from trackway.workspace.secret import Secret

Digest = Literal["sha1", "sha256", "sha512"]
_SPACES = re.compile(r" +")
_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = frozenset({"authorization", "connection", "expect", "user-agent", "x-amzn-trace-id"})
"""Headers that proxies and clients change under way."""


def hmac_signature(secret: str, content: bytes, *, digest: Digest = "sha256", base64: bool = False) -> str:
    """Return the HMAC of `content` under `secret`, in hex or in base 64."""
    made = hmac.new(secret.encode(), content, digest).digest()
    return b64encode(made).decode() if base64 else made.hex()


class Aws(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose signature a request to AWS gets, and for what."""

    access_key_id: str
    """AWS: IAM > Users > your user > Access keys."""
    secret_access_key: Secret
    """Beside the access key."""
    region: str
    """Such as `eu-central-1`."""
    service: str
    """What is called: `execute-api` for API Gateway, `lambda` for function URLs."""
    session_token: Secret | None = None
    """Of temporary credentials."""


def aws_signed(request: Request, aws: Aws, *, at: datetime | None = None) -> Request:
    """Return `request` with the headers of AWS Signature Version 4, as of `at` (default: now); its content is signed.

    The path is signed as services other than S3 want it, encoded twice. A request is good for 15 minutes.
    """
    time = (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/{aws.region}/{aws.service}/aws4_request"
    headers = {**request.headers, "X-Amz-Date": time}
    if request.body is None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    if aws.session_token is not None:
        headers["X-Amz-Security-Token"] = aws.session_token.reveal()
    names, canonical = _canonical(request, headers)
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    signature = _keyed(aws, scope, f"{_ALGORITHM}\n{time}\n{scope}\n{hashed}")
    credential = f"Credential={aws.access_key_id}/{scope}"
    headers["Authorization"] = f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    return msgspec.structs.replace(request, headers=headers)


def _canonical(request: Request, headers: dict[str, str]) -> tuple[str, str]:
    """Return the names of the headers that are signed, and the text that is."""
    parts = urlsplit(request.url)
    signed = {name.lower(): _SPACES.sub(" ", value.strip()) for name, value in headers.items()}
    signed = {name: value for name, value in signed.items() if name not in _UNSIGNED}
    signed["host"] = _host(request.url)
    names = ";".join(sorted(signed))
    lines = [
        request.method,
        quote(parts.path or "/", safe="/~"),
        _query(parts.query),
        *(f"{name}:{signed[name]}" for name in sorted(signed)),
        "",
        names,
        hashlib.sha256(request.content()).hexdigest(),
    ]
    return names, "\n".join(lines)


def _host(url: str) -> str:
    """Return the `Host` header that a client sends: without the port where it is the usual one."""
    parts = urlsplit(url)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    name = parts.netloc.rpartition("@")[2]
    return name if parts.port not in (None, usual) else (parts.hostname or "")


def _query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    coded = [(quote(unquote(name), safe="~"), quote(unquote(value), safe="~")) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(coded))


def _keyed(aws: Aws, scope: str, text: str) -> str:
    key = b"AWS4" + aws.secret_access_key.reveal().encode()
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()
