"""Clients that send as fast as they are answered, over connections they keep."""

import contextlib
import http.client
import itertools
import json
import threading
from collections import Counter
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.running import Trackway, basic_auth


class Load:
    """Sends single events with one write key while the context is open, from several connections.

    Every answer is noted. A connection that breaks is opened again, and what was not answered is sent again.
    """

    def __init__(self, trackway: Trackway, *, write_key: str | None = None, connections: int = 2) -> None:
        self._url = urlsplit(trackway.collector_url)
        self._key = write_key or trackway.write_key
        self.statuses: Counter[int] = Counter()
        self.broken = 0
        """Requests that got no answer."""
        self.answered: set[str] = set()
        """Message ids of events answered 200."""
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(connections)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more; return when nothing is under way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)

    def _send(self, connection_number: int) -> None:
        connection = self._connect()
        for number in itertools.count():
            message_id = f"{self._key}-{connection_number}-{number}"
            call = {"type": "track", "messageId": message_id, "userId": "u", "event": "Sent under load"}
            while not self._stopping.is_set():
                try:
                    status = self._post(connection, call)
                except (OSError, http.client.HTTPException):
                    self.broken += 1
                    connection.close()
                    connection = self._connect()
                    continue
                self.statuses[status] += 1
                if status == 200:
                    self.answered.add(message_id)
                break
            if self._stopping.wait(0.002):
                connection.close()
                return

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=30)

    def _post(self, connection: http.client.HTTPConnection, call: dict[str, Any]) -> int:
        headers = {"Authorization": basic_auth(self._key), "Content-Type": "application/json"}
        connection.request("POST", "/v1/track", json.dumps(call), headers)
        with contextlib.closing(connection.getresponse()) as answer:
            answer.read()
            return answer.status
