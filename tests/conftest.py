import gc
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import services
from tests.memory import memory_folder

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("trackway", deadline=None)
hypothesis.settings.load_profile("trackway")

# Helpers that assert say what differs, as tests do; this must come before anything imports them.
pytest.register_assert_rewrite("tests.running", "tests.sdks.arrival", "tests.sdks.warehouse_rows")
pytest_plugins = ["tests.databases"]


# Collecting the tests makes hundreds of megabytes of objects that stay. The garbage collector would look at them again
# and again meanwhile, which takes longer than all else, and afterwards, for as long as the tests run.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; start it with `services.CHROMIUM_FLAGS`."""
    return services.find_chromium()


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node."""
    return services.find_program("node")


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """A `tests.memory.memory_folder`."""
    with memory_folder() as folder:
        yield folder
