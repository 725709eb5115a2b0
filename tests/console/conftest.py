from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.console.harness import TOKEN, ConsoleServer


@pytest.fixture
def tmp_path(memory_path: Path) -> Path:
    """In memory: what tests put into the logs one by one need not wait for a disk each time."""
    return memory_path


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleServer]:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>Trackway</title>")
    (static / "assets" / "index-abc123.js").write_text("console.log(1)")
    with ConsoleServer(tmp_path / "log", static=static) as server:
        yield server


@pytest.fixture
async def http(console: ConsoleServer) -> AsyncIterator[aiohttp.ClientSession]:
    """A program with the token."""
    async with aiohttp.ClientSession(console.url, headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        yield session


@pytest.fixture
async def stranger(console: ConsoleServer) -> AsyncIterator[aiohttp.ClientSession]:
    """Someone without the token, who keeps cookies."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(console.url, cookie_jar=jar) as session:
        yield session
