"""HTTP on the wire: uvicorn's httptools protocol with bounds that it leaves open, and errors that clients understand.

A request's line and headers are bounded in size and time before anything of them reaches the app: a client that drips
or floods headers costs its own connection and nothing else.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trackway.collector.answers import Answer, cors_headers, error

HEAD_BYTES = 32 * 1024
"""Of the request line and all headers. Pixels carry their event in the URL; browsers and proxies stop at 8 to 32 KB."""
HEAD_SECONDS = 15.0
_STATUS_LINES = {400: b"HTTP/1.1 400 Bad Request\r\n", 408: b"HTTP/1.1 408 Request Timeout\r\n"}


class HeadTooLarge(Exception):
    """More than `HEAD_BYTES` before the body."""


class CollectorProtocol(HttpToolsProtocol):
    """One connection; the methods are those of asyncio and of the parser."""

    # ruff: noqa: D102 - uvicorn's own methods, widened

    _in_head = True
    _arrived = 0
    """Bytes since the head began; the last of them may belong to the body."""
    _too_large = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._in_head:
            super().data_received(data)
            return
        if self._arrived > HEAD_BYTES:
            self._refuse(_headers_too_large())
            return
        self._arrived += len(data)
        super().data_received(data)
        if self._in_head and self._arrived and self._head_timer is None and not self.transport.is_closing():
            self._start_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._too_large = True, False

    def on_headers_complete(self) -> None:
        self._stop_timer()
        # A body may have come in the same packet: only then is it worth counting.
        if self._arrived > HEAD_BYTES and self._head_size() > HEAD_BYTES:
            self._too_large = True
            raise HeadTooLarge
        self._in_head, self._arrived = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._arrived = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; also called for `HeadTooLarge`, which the parser turns into its own error."""
        if self._too_large:
            self._refuse(_headers_too_large())
        else:
            self._refuse(error(400, "not_http", "This is no HTTP request that can be read."))

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._in_head and not self.transport.is_closing():
            self._refuse(error(408, "too_slow", "The request did not arrive in time; send it again."))

    def _refuse(self, answer: Answer) -> None:
        """Answer without the app and close."""
        if self.transport.is_closing():
            return
        headers = [*answer.headers, *cors_headers(None), (b"connection", b"close")]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(_STATUS_LINES[answer.status] + lines + b"\r\n" + answer.body)
        self.transport.close()


def _headers_too_large() -> Answer:
    return error(400, "headers_too_large", f"The request line and headers have more than {HEAD_BYTES} bytes.")
