"""Receivers of webhooks for browser tests and pictures: one that takes all, one that refuses some, one that is down."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REFUSAL = '{"error":"unknown_trait","message":"trait plan is not declared"}'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, text = self._answer(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def _answer(self, body: bytes) -> tuple[int, str]:
        if self.path.startswith("/down"):
            return 503, '{"error":"maintenance"}'
        if self.path.startswith("/locked"):
            return 401, '{"error":"invalid token"}'
        picky = self.path.startswith("/picky") and json.loads(body).get("type") == "identify"
        return (400, REFUSAL) if picky else (200, '{"ok":true}')

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def sinks() -> Iterator[str]:
    """Give the address of `/ok/…`, `/picky/…` (refuses identify calls), `/down/…` and `/locked/…`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
