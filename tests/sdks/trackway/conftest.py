from collections.abc import Iterator

import pytest

from tests.sdks.trackway.visitor import Shop, Visitor, start_visitor
from tests.services import miss
from trackway.collector.browser_client import STATIC


@pytest.fixture(scope="session")
def chrome(node: str, chromium: str) -> Iterator[Visitor]:
    """One Chromium for all tests here."""
    if not (STATIC / "trackway.js").is_file():
        miss("the browser client", "run `make build`")
    with start_visitor(node, chromium) as visitor:
        yield visitor


@pytest.fixture
def visitor(chrome: Visitor) -> Visitor:
    """Somebody new, without cookies."""
    chrome.new()
    return chrome


@pytest.fixture
def shop() -> Iterator[Shop]:
    """The site that the visitor is on."""
    with Shop() as shop:
        yield shop
