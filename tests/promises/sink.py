"""A webhook receiver that remembers what it got."""

import http.server
import json
import threading
from collections.abc import Callable
from typing import Any


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a sender that is killed resets its connections."""


class Sink:
    """Counts each event and the idempotency keys it came with. Answers 200, or what `answer` says of the body."""

    def __init__(self, answer: Callable[[Any], int] = lambda _: 200) -> None:
        self.refused: set[str] = set()
        """Message ids that were ever answered otherwise than by 200."""
        self.keys: dict[str, set[str]] = {}
        """Idempotency keys by message id."""
        self.requests = 0
        self._lock = threading.Lock()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                value = json.loads(body)
                status = answer(value)
                sink._note(value, self.headers["Idempotency-Key"], status)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where to send."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def _note(self, value: Any, key: str, status: int) -> None:
        with self._lock:
            self.requests += 1
            for event in value if isinstance(value, list) else [value]:
                if event.get("type") == "delete":
                    continue
                if status != 200:
                    self.refused.add(event["messageId"])
                self.keys.setdefault(event["messageId"], set()).add(key)
