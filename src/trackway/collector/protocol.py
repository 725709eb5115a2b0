"""HTTP on the wire: uvicorn's httptools protocol with bounds that it leaves open, and a short way for usual requests.

**Bounds.** A request's line and headers are bounded in size and time before anything of them reaches the app: a client
that drips or floods headers costs its own connection and nothing else.

**The short way.** Nearly all requests are a POST to a tracking path that arrives whole in one packet. Nothing of theirs
has to be waited for but the commit, so they need no ASGI scope, no task and no events: the calls are judged as soon as
the parser has the request, and the log's commit calls back with the answer. That halves the cost of a request
(docs/benchmarks.md). Everything else (slow bodies, queries, prefixes, pipelined requests, other routes) goes the long
way, through uvicorn and the ASGI app; both come to the same `Reception`.
"""

import asyncio
from functools import partial
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from trackway.collector.answers import SUCCESS, Answer, cors_headers, error
from trackway.collector.app import BUSY, CollectorApp
from trackway.collector.bounds import HEAD_BYTES
from trackway.collector.incoming import Incoming
from trackway.collector.reception import NOT_KEPT, Taken
from trackway.collector.routes import TRACKING, Route
from trackway.log.contract import LogError

HEAD_SECONDS = 15.0
_UPGRADE_HEADERS = {b"connection", b"upgrade", b"http2-settings"}


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
    _short: "ShortExchange | None" = None
    """A request that is on the short way as far as it has arrived."""
    _whole: "ShortExchange | None" = None
    """One that has just arrived whole."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        app = cast("object", self.app)  # pyright: ignore[reportUnknownMemberType]
        self._collector = app if isinstance(app, CollectorApp) else None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._short = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._in_head:
            self._feed(data)
            return
        if self._arrived > HEAD_BYTES:
            self._refuse(_headers_too_large())
            return
        self._arrived += len(data)
        self._feed(data)
        if self._whole is not None:
            # Not in the parser's callback: it would take an error of ours for one of the client's.
            whole, self._whole = self._whole, None
            whole.begin()
        if self.transport.is_closing():
            return
        if self._short is not None:
            self._go_the_long_way()
        elif self._in_head and self._arrived and self._head_timer is None:
            self._start_timer()

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as asked:
            self._without_upgrade(data[asked.args[0] :])
        except HttpParserError:
            self.send_400_response("")

    def _without_upgrade(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 with a request that offered another protocol; the parser would drop its body.

        We speak nothing else, and a server may ignore the offer (RFC 9110, section 7.8); `curl --http2` makes it.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(error(405, "method_not_allowed", "This is no proxy."))
            return
        lines = [b"%s: %s\r\n" % header for header in self.headers if header[0] not in _UPGRADE_HEADERS]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            lines.append(b"connection: close\r\n")
        self.parser = HttpRequestParser(self)
        self._feed(b"".join([method, b" ", self.url, b" HTTP/1.1\r\n", *lines, b"\r\n", rest]))

    def on_message_begin(self) -> None:
        # uvicorn's scope is made when it is needed: in `_go_the_long_way`.
        self.url = b""
        self.expect_100_continue = False
        self.headers: list[tuple[bytes, bytes]] = []
        self._in_head, self._too_large = True, False

    def on_headers_complete(self) -> None:
        self._stop_timer()
        # A body may have come in the same packet: only then is it worth counting.
        if self._arrived > HEAD_BYTES and self._head_size() > HEAD_BYTES:
            self._too_large = True
            raise HeadTooLarge
        self._in_head, self._arrived = False, 0
        if self.parser.should_upgrade():
            return  # the parser stops here; `_without_upgrade` starts it again
        self._short = self._short_way()
        if self._short is None:
            self._go_the_long_way()

    def on_body(self, body: bytes) -> None:
        if self._short is None:
            super().on_body(body)
        else:
            self._short.body += body

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._in_head, self._arrived = True, 0
        if self._short is None:
            super().on_message_complete()
            return
        self.cycle: Any = self._short
        self._whole, self._short = self._short, None

    def _short_way(self) -> "ShortExchange | None":
        """Return the request's exchange, if there may be no need to wait for anything but the commit."""
        route, app, parser = TRACKING.get(self.url), self._collector, self.parser
        if route is None or app is None or self.expect_100_continue or self.flow.write_paused:
            return None
        if parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return None
        if self.cycle is not None and not self.cycle.response_complete:
            return None
        request = Incoming("POST", "", self.headers, peer=self.client[0] if self.client else "")
        return ShortExchange(self, app, route, request, keep_alive=parser.should_keep_alive())

    def _go_the_long_way(self) -> None:
        """Hand over to uvicorn what has arrived of the request."""
        headers, url, expect = self.headers, self.url, self.expect_100_continue
        super().on_message_begin()
        self.headers.extend(headers)
        self.url, self.expect_100_continue = url, expect
        super().on_headers_complete()
        short, self._short = self._short, None
        if short is not None and short.body:
            super().on_body(short.body)

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
        self.transport.write(_render(answer, None, keep_alive=False))
        self.transport.close()


class ShortExchange:
    """A request on the short way, and its answer. To uvicorn it is the connection's current request."""

    __slots__ = (
        "_app",
        "_held",
        "_protocol",
        "_request",
        "_route",
        "_size",
        "body",
        "disconnected",
        "keep_alive",
        "response_complete",
    )

    def __init__(
        self, protocol: CollectorProtocol, app: CollectorApp, route: Route, request: Incoming, *, keep_alive: bool
    ) -> None:
        self._protocol = protocol
        self._app = app
        self._route = route
        self._request = request
        self._size = self._held = 0
        self.body = b""
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False

    @property
    def message_event(self) -> "ShortExchange":
        """What uvicorn sets to wake its own cycle; there is nobody to wake."""
        return self

    def set(self) -> None:
        """Do nothing."""

    def begin(self) -> None:
        """Judge a request whose body is whole; it is answered at once, or when its calls are durable."""
        app, body, self.body = self._app, self.body, b""
        if app.in_flight.full:
            self._answer(BUSY)
            return
        self._size = len(body)
        app.in_flight.bytes += self._size
        taken = app.reception.begin(self._route, self._request, body)
        if isinstance(taken, Answer):
            self._answer(taken)
        else:
            self._held = taken.size
            app.in_flight.bytes += taken.size
            app.appender.hand_over(taken.intake.records, partial(self._kept, taken))

    def _kept(self, taken: Taken, _first: int, failure: LogError | None) -> None:
        self._answer(NOT_KEPT if failure is not None else self._app.reception.finish(taken))

    def _answer(self, answer: Answer) -> None:
        app, protocol = self._app, self._protocol
        app.in_flight.bytes -= self._size + self._held
        app.counts.body_bytes += self._size
        app.counts.in_flight_bytes = app.in_flight.bytes
        app.counts.count_request(answer.status)
        self.response_complete = True
        transport = protocol.transport
        if not transport.is_closing():
            origin = self._request.headers.get(b"origin")
            if answer is SUCCESS and origin is None and self.keep_alive:
                transport.write(_SUCCESS)
            else:
                transport.write(_render(answer, origin, keep_alive=self.keep_alive))
            if not self.keep_alive:
                transport.close()
        protocol.on_response_complete()


def _render(answer: Answer, origin: bytes | None, *, keep_alive: bool) -> bytes:
    """Return an answer as it stands on the wire."""
    lines = [STATUS_LINE[answer.status]]
    lines += [b"%s: %s\r\n" % header for header in (*answer.headers, *cors_headers(origin))]
    lines.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    lines.append(answer.body)
    return b"".join(lines)


_SUCCESS = _render(SUCCESS, None, keep_alive=True)


def _headers_too_large() -> Answer:
    return error(400, "headers_too_large", f"The request line and headers have more than {HEAD_BYTES} bytes.")
