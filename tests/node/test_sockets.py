"""Sockets to serve on."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.running import free_port
from trackway.errors import TrackwayError
from trackway.node.sockets import listen


def test_a_port_that_is_taken_is_waited_for_as_long_as_is_said():
    with socket.socket() as other:
        port = free_port()
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(TrackwayError, match=rf"127\.0\.0\.1:{port} cannot be listened on: .*; set another$"):
            listen("127.0.0.1", port, "set another")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(listen, "127.0.0.1", port, "set another", patience_s=60)
            other.close()
            with waiting.result(60) as mine:
                assert mine.getsockname()[1] == port
