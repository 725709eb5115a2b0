import gc

import hypothesis
import pytest

from tests import services

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("trackway", deadline=None)
hypothesis.settings.load_profile("trackway")

# Helpers that assert say what differs, as tests do; this must come before anything imports them.
pytest.register_assert_rewrite("tests.running", "tests.sdks.arrival", "tests.sdks.warehouse_rows")


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over the tests themselves, hundreds of megabytes, for as long as they run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; start it with `services.CHROMIUM_FLAGS`."""
    return services.find_chromium()


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node."""
    return services.find_program("node")
