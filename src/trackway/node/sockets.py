"""Sockets to serve on."""

import socket
from pathlib import Path

from trackway.errors import TrackwayError

_BACKLOG = 2048


def listen(host: str, port: int, advice: str) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        TrackwayError: it cannot; `advice` says what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise TrackwayError(f"{host}:{port} cannot be listened on: {error.strerror}; {advice}") from error
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
