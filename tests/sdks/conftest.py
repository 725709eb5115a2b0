import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

from tests.running import Trackway, start_trackway
from tests.sdks.browser_page import Drive, Site, build_bundle, drive_visitor, start_visitor
from tests.sdks.recording_proxy import RecordingProxy
from trackway.workspace.model import Step


@pytest.fixture(scope="session")
def trackway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trackway]:
    """One running product for all tests here: each looks for its own events."""
    # Examples have a source, and so a schema, of their own: other tests must not decide their columns' types.
    own = {"write_keys": ["wk_own"], "browser_sdk": "trackway", "cookie_domain": "shop.example"}
    sources = {"examples": {"write_keys": ["wk_examples"]}, "own": own}
    # What is compared here is what clients sent with what is stored; what the pipeline adds of its own stays out.
    plain = {"skip": list(get_args(Step)), "currency": None, "rename_events": False}
    folder = tmp_path_factory.mktemp("workspace")
    with start_trackway(folder, sources=sources, pipeline=plain) as running:
        yield running


@pytest.fixture
def proxy(trackway: Trackway) -> Iterator[RecordingProxy]:
    """A fresh record of what goes to the collector."""
    with RecordingProxy(trackway.collector_url) as recording:
        yield recording


@pytest.fixture(scope="session")
def bundle(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the page's script."""
    return build_bundle(node, tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def site(bundle: Path) -> Iterator[Site]:
    """The site whose page uses the client."""
    with Site(bundle) as site:
        yield site


@pytest.fixture(scope="session")
def visitor(node: str, chromium: str) -> Iterator["subprocess.Popen[str]"]:
    """Chromium and the script that uses it; one for all tests, since starting it takes longer than all they do."""
    with start_visitor(node, chromium) as process:
        yield process


@pytest.fixture
def drive(site: Site, visitor: "subprocess.Popen[str]") -> Drive:
    """Runs a scenario of the script to its end and returns what page and browser reported."""
    return partial(drive_visitor, site, visitor)
