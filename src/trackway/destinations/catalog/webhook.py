"""Webhook: every event, as it stands, to a URL of your own.

Source:   requests recorded from Segment's open-source webhook action, and its documentation,
          https://segment.com/docs/connections/destinations/catalog/actions-webhook/.
Body:     the event's JSON; with `batch.events` above 1 a JSON array of events, in order.
Signed:   `X-Signature` is the hex HMAC-SHA1 of the body with the shared secret; for an array, of its first event. With
          `aws` a request has AWS Signature Version 4: for API Gateway, or the URL of a Lambda function.
Repeats:  the same event may come twice, always under the same `Idempotency-Key`: the message id, or for an array a
          digest of its message ids; for a body that a mapping made, with a digest of it behind.
Refused:  an array that is answered 400, 413 or 422 is sent in halves, and they again, until the event is known that
          your server refuses; the others are not sent again.
Deletes:  people, by sending `{"type": "delete", "userId": …}`, signed like an event.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, structs

from trackway.destinations import kit
from trackway.destinations.kit import Action, Field, Mapping, at, field


def _body(settings: "Settings", made: Any, event: kit.Event) -> kit.Row:
    """Return the row of what a mapping made."""
    row = kit.Row.of(event, made)
    return structs.replace(row, whole=bytes(row.value) == event.body)


NAME = "Webhook"
PAGES_COUNT = True  # the server is the operator's own, and may answer what it likes
ACTIONS = {
    "send": Action(
        fields={"data": Field.any(at(""), required=True, about="What is sent, as JSON; unless written, the event.")},
        row=field("data"),
        build=_body,
        about="Sends an event.",
    ),
}
MAPPINGS = {"event": Mapping(action="send", trigger="all")}
AS_IT_STANDS = True

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset({"content-length", "host", "idempotency-key", "transfer-encoding", "x-signature"})
_OURS_AT_AWS = frozenset({"authorization", "x-amz-date", "x-amz-security-token"})


class Batch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many events share a request. 4000 is the most that Segment's webhook sends."""

    events: Annotated[int, Meta(ge=1, le=4000)] = 1
    bytes: kit.Size = kit.Size(4 * 1024 * 1024)
    wait: kit.Duration = kit.Duration(1)
    """How long an event waits for a request to fill."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the events go, and how."""

    url: str
    """`https://…`. Its path is shown in traces; secrets belong into `headers`, its query or `shared_secret`."""
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: dict[str, kit.Secret] = {}
    """Sent with every request, and shown nowhere."""
    shared_secret: kit.Secret | None = None
    """Signs each request; without it there is no `X-Signature`."""
    aws: kit.Aws | None = None
    """Sign requests as AWS wants it."""
    batch: Batch = Batch()
    timeout: kit.Duration = kit.Duration(5)
    """How long the answer may take before the request counts as failed."""
    concurrency: Annotated[int, Meta(ge=1, le=256)] = 16
    """Requests under way at once. Events of one person go one after the other all the same."""

    def __post_init__(self) -> None:
        """Refuse what could never be sent."""
        try:
            parts = urlsplit(self.url)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fine = False
        if not fine or not self.url.isprintable() or " " in self.url:
            raise ValueError("url must be a whole address like https://example.com/hook")
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value.reveal()):
                raise ValueError(f"headers: {name!r} cannot be sent: a name is letters, digits and -, a value one line")
            if name.lower() in (_OURS if self.aws is None else _OURS | _OURS_AT_AWS):
                raise ValueError(f"headers: {name} is set by Trackway itself")


def limits(settings: Settings) -> kit.Limits:
    """Return what the operator asked for."""
    batch = settings.batch
    wait_s = float(batch.wait) if batch.events > 1 else 0.0
    return kit.Limits(events=batch.events, bytes=int(batch.bytes), wait_s=wait_s, concurrency=settings.concurrency)


def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    """Return a request with the event as an object, or, where batches are asked for, with an array of any length."""
    first = bytes(rows[0].value)
    key = kit.idempotency_key([row.message_id for row in rows])
    if settings.batch.events > 1:
        return _signed(settings, kit.json_list(rows), first, key)
    if not rows[0].whole:  # of the event's several bodies, if mappings make several, each has its own key
        key = f"{key}-{hashlib.sha256(first).hexdigest()[:8]}"
    return _signed(settings, first, first, key)


def delete_user(settings: Settings, person: kit.Person, cache: kit.Cache) -> kit.Request:
    """Return the request that tells of a user's deletion, an object with `type` "delete"."""
    body = msgspec.json.encode({"type": "delete", "userId": person.user_id})
    return _signed(settings, body, body, f"delete-{hashlib.sha256(person.user_id.encode()).hexdigest()[:40]}")


def _signed(settings: Settings, body: bytes, signed: bytes, key: str) -> kit.Request:
    headers = {name: value.reveal() for name, value in settings.headers.items()}
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    headers["Idempotency-Key"] = key
    if settings.shared_secret is not None:
        headers["X-Signature"] = kit.hmac_signature(settings.shared_secret.reveal(), signed, digest="sha1")
    request = kit.Request(
        method=settings.method, url=settings.url, headers=headers, body=body, timeout_s=float(settings.timeout)
    )
    return request if settings.aws is None else kit.aws_signed(request, settings.aws)
