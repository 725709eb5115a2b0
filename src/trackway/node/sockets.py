"""Sockets to serve on."""

import errno
import socket
import time
from pathlib import Path

from trackway.errors import TrackwayError

_BACKLOG = 2048
_AGAIN_S = 0.1


def listen(host: str, port: int, advice: str, *, patience_s: float = 0.0) -> socket.socket:
    """Return a socket that listens there; a port that is taken is asked for again for `patience_s`.

    Raises:
        TrackwayError: it cannot; `advice` says what to do.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return _listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise TrackwayError(f"{host}:{port} cannot be listened on: {error.strerror}; {advice}") from error
        time.sleep(_AGAIN_S)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def listen_at(place: Path) -> socket.socket:
    """Return a Unix socket that listens at a path, in a folder that none but our own processes may enter."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(place))
    listener.listen(_BACKLOG)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address under which this machine reaches a socket."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{host}:{port}"
