from collections.abc import Iterator

import pytest

from tests.running import Trackway, start_trackway
from tests.sdks.recording_proxy import RecordingProxy


@pytest.fixture(scope="session")
def trackway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trackway]:
    """One running product for all tests here: each looks for its own events."""
    # Examples have a source, and so a schema, of their own: other tests must not decide their columns' types.
    sources = {"examples": {"write_keys": ["wk_examples"]}}
    with start_trackway(tmp_path_factory.mktemp("workspace"), sources=sources) as running:
        yield running


@pytest.fixture
def proxy(trackway: Trackway) -> Iterator[RecordingProxy]:
    """A fresh record of what goes to the collector."""
    with RecordingProxy(trackway.collector_url) as recording:
        yield recording
