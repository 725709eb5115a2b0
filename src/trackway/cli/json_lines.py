"""A file with a call on each line, as batches that can be told from each other: for sending, and for going on later.

A call without a message id gets `send-RUN-LINE`. The run is named when sending breaks off, so that whoever goes on
sends the same ids again, and nothing counts twice.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, Self, cast

import msgspec
from msgspec import Struct

from trackway.events import lenient_json

BATCH_BYTES = 450_000
"""A request of a batch stays below Segment's 500 KB with room for what is around the calls."""
_RESUME = re.compile(r"([0-9a-z]{1,40}):(\d+-\d*(?:,\d+-\d*)*)")


class Span(NamedTuple):
    """Lines from `first` to `last`, both included; `last` None is the end of the file. Lines count from 1."""

    first: int
    last: int | None

    def __str__(self) -> str:
        return f"{self.first}-{'' if self.last is None else self.last}"


class Run(NamedTuple):
    """A name for one sending of a file, and the lines of it to send."""

    name: str
    spans: tuple[Span, ...] = (Span(1, None),)

    @classmethod
    def new(cls) -> Self:
        """Return a new run of all lines."""
        return cls(secrets.token_hex(6))

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `str` writes, such as `9f2c61:401-500,901-`.

        Raises:
            ValueError: it is not that.
        """
        found = _RESUME.fullmatch(text)
        if found is None:
            raise ValueError("write it as it was printed, like 9f2c61:401-500,901-")
        spans = [part.partition("-") for part in found[2].split(",")]
        return cls(found[1], tuple(Span(int(first), int(last) if last else None) for first, _, last in spans))

    def __str__(self) -> str:
        return f"{self.name}:{','.join(map(str, self.spans))}"

    def wants(self, line: int) -> bool:
        """Tell whether a line is to be sent."""
        return any(span.first <= line and (span.last is None or line <= span.last) for span in self.spans)

    @property
    def end(self) -> int | None:
        """The last line to send; None when that is the end of the file."""
        lasts = [span.last for span in self.spans]
        return None if None in lasts else max(cast("list[int]", lasts))

    def only(self, spans: Iterable[Span]) -> Self:
        """Return this run with other lines, neighbouring spans joined."""
        joined: list[Span] = []
        for span in sorted(spans, key=lambda one: one.first):
            before = joined[-1].last if joined else None
            if joined and (before is None or span.first <= before + 1):
                last = None if before is None or span.last is None else max(before, span.last)
                joined[-1] = Span(joined[-1].first, last)
            else:
                joined.append(span)
        return self._replace(spans=tuple(joined))


class Batch(Struct):
    """Neighbouring lines that go into one request."""

    calls: list[tuple[int, bytes]]
    """Line and JSON text."""
    unreadable: list[tuple[int, str]]
    """Lines that are no JSON, and why; they are not sent."""
    span: Span
    """All the lines it covers, empty ones as well."""
    read_bytes: int
    """How much of the file that is."""

    def body(self, sent_at: str) -> bytes:
        """Return the body of the request."""
        calls = b",".join(call for _, call in self.calls)
        return b'{"batch":[' + calls + b'],"sentAt":' + msgspec.json.encode(sent_at) + b"}"


def read_batches(file: BinaryIO, run: Run, *, count: int, max_bytes: int = BATCH_BYTES) -> Iterator[Batch]:
    """Yield the run's lines in order, at most `count` calls and about `max_bytes` to a batch."""
    batch, size = _empty(1), 0
    for number, line in enumerate(file, 1):
        if run.end is not None and number > run.end:
            break
        if run.wants(number) and line.strip():
            call, why = with_message_id(line.strip(), f"send-{run.name}-{number}")
            if call and batch.calls and (len(batch.calls) >= count or size + len(call) > max_bytes):
                yield batch
                batch, size = _empty(number), 0
            if call:
                batch.calls.append((number, call))
                size += len(call) + 1
            else:
                batch.unreadable.append((number, why))
        batch.span = Span(batch.span.first, number)
        batch.read_bytes += len(line)
    if batch.calls or batch.unreadable:
        yield batch


def with_message_id(line: bytes, message_id: str) -> tuple[bytes, str]:
    """Return a line's call with `message_id` if it has none of its own, or `b""` and why it is no JSON."""
    try:
        own = _peek(line).messageId
        if own:
            return line, ""
        if own is msgspec.UNSET:
            rest = line[1:].lstrip()
            return b'{"messageId":"%s"%s%s' % (message_id.encode(), b"" if rest[:1] == b"}" else b",", rest), ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # what is wrong with it is found out, or forgiven, below
    try:
        value, _ = lenient_json.loads(line)
    except lenient_json.NotJson as error:
        return b"", f"The line is not JSON: {error}."
    if isinstance(value, dict):
        call = cast("dict[str, Any]", value)
        call["messageId"] = call.get("messageId") or message_id
    return lenient_json.dumps(value), ""


def unsent(run: Run, failed: Sequence[Span], next_line: int | None) -> Run | None:
    """Return the run of what is still to be sent: `failed` batches, and all from `next_line` on; None if nothing is."""
    rest = [] if next_line is None else [Span(next_line, None)]
    wanted = [both for span in [*failed, *rest] for of in run.spans if (both := _common(span, of))]
    return run.only(wanted) if wanted else None


def _common(one: Span, other: Span) -> Span | None:
    first = max(one.first, other.first)
    lasts = [last for last in (one.last, other.last) if last is not None]
    last = min(lasts) if lasts else None
    return None if last is not None and last < first else Span(first, last)


def _empty(first: int) -> Batch:
    return Batch([], [], Span(first, first), 0)


class _Peek(Struct, gc=False):
    messageId: Any = msgspec.UNSET  # noqa: N815


_peek = msgspec.json.Decoder(_Peek).decode
