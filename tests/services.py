"""Programs that some tests need beside Python.

A test whose program is missing is skipped with a hint; with TRACKWAY_REQUIRE_SERVICES=1, as in CI, it fails.
"""

import importlib
import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

import hatch_build
from tests.browser import chromium

ROOT = Path(__file__).parents[1]
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str:
    """Return the path of a Chromium."""
    return chromium.find_chromium() or miss(
        "Chromium", "install the package chromium, or name one in TRACKWAY_CHROMIUM"
    )


def find_program(name: str) -> str:
    """Return the path of a program on the PATH."""
    return shutil.which(name) or miss(name, f"install {name}")


def find_node_package(name: str) -> Path:
    """Return the folder of an npm package of this repository."""
    folder = ROOT / "node_modules" / name
    return folder if folder.is_dir() else miss(f"the npm package {name}", "run `make setup`")


def find_compiled(name: str) -> ModuleType:
    """Return a module that is written in Cython."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        miss(
            f"the compiled module {name} ({error})",
            "run `apt-get install gcc libc6-dev python3-dev`, then `make setup`",
        )


def need_compiler() -> None:
    """Go on only where modules can be compiled."""
    if missing := hatch_build.missing_tools():
        miss(" and ".join(missing), "run " + " and ".join(missing.values()))


def miss(what: str, hint: str) -> NoReturn:
    """Skip the test, or fail it where everything has to be there."""
    message = f"{what} is missing: {hint}"
    if os.environ.get("TRACKWAY_REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)
