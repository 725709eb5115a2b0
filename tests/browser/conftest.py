import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Browser, missing
from tests.console.harness import TOKEN, ConsoleServer


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all browser tests; each opens a fresh page in it."""
    if lack := missing():
        if os.environ.get("TRACKWAY_REQUIRE_SERVICES") == "1":
            pytest.fail(lack)
        pytest.skip(lack)
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def port() -> int:
    """One port for all consoles, so that the browser has their scripts already."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def console(memory_path: Path, port: int) -> Iterator[ConsoleServer]:
    server = ConsoleServer(memory_path)
    try:
        server.start(port)
    except OSError:  # somebody else has taken it meanwhile
        server.start(0)
    yield server
    server.close()


@pytest.fixture
def browser(chromium: Browser, console: ConsoleServer) -> Iterator[Browser]:
    """A fresh page; whatever goes wrong in it fails the test.

    It depends on the console, so that the page is asked before the server is gone: an open stream would complain.
    """
    chromium.open()
    yield chromium
    assert chromium.problems() == []


@pytest.fixture
def page(browser: Browser, console: ConsoleServer) -> Browser:
    """A fresh page, logged in and looking at the live view."""
    browser.goto(f"{console.url}/login?token={TOKEN}&next=/live")
    browser.until("document.querySelector('.connection-live')")
    return browser
