import importlib.util
import shutil
import subprocess
import sys
import tempfile
import traceback
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest

import hatch_build
from hatch_build import SUFFIX, compile_below
from tests.services import ROOT, need_compiler

SUMS = """\
def divided(int one, int by):
    return one // by
"""
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "parts"
version = "1.0"
requires-python = ">=3"

[tool.hatch.build.targets.wheel]
packages = ["src/parts"]

[tool.hatch.build.targets.wheel.hooks.custom]
"""


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFLAGS", "-O0")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of packages with one module to compile."""
    package = tmp_path / "src" / "parts" / "inner"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "sums.pyx").write_text(SUMS)
    (package / "sums.pyi").write_text("def divided(one: int, by: int) -> int: ...\n")
    return tmp_path / "src"


@pytest.fixture
def project(source: Path) -> Path:
    """A project whose wheels are built with our hook."""
    (source.parent / "pyproject.toml").write_text(PROJECT)
    (source.parent / ".gitignore").write_text("*.so\n")
    shutil.copy(ROOT / "hatch_build.py", source.parent)
    return source.parent


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_module_is_compiled_beside_its_source_and_nothing_else_is_left(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_compiler()
    before = files(source)
    built = source / "parts" / "inner" / f"sums{SUFFIX}"
    assert compile_below(source) == ([built], [])
    assert files(source) - before == {f"parts/inner/sums{SUFFIX}"}

    monkeypatch.syspath_prepend(source)
    sums = importlib.import_module("parts.inner.sums")
    assert sums.__file__ == str(built)
    assert sums.divided(7, 2) == 3
    with pytest.raises(ZeroDivisionError) as raised:
        sums.divided(7, 0)
    [*_, frame] = traceback.extract_tb(raised.tb)
    assert (frame.filename, frame.lineno) == ("parts/inner/sums.pyx", 2)


def test_one_that_does_not_compile_is_told_and_spoils_no_other(source: Path) -> None:
    need_compiler()
    inner = source / "parts" / "inner"
    (inner / "broken.pyx").write_text("def divided(int one):\n    return one //\n")
    stale = inner / f"broken{SUFFIX}"
    stale.write_text("of an earlier source")
    modules, [complaint] = compile_below(source)
    assert modules == [inner / f"sums{SUFFIX}"]
    assert "parts/inner/broken.pyx:2:" in complaint
    assert "broken.pyx was not compiled" in complaint
    assert "1.6 times the processor time" in complaint
    assert not stale.exists()


def test_without_a_compiler_it_says_what_to_do_and_an_old_module_goes(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = source / "parts" / "inner" / f"sums{SUFFIX}"
    stale.write_text("of an earlier source")
    monkeypatch.setenv("CC", "/nonexistent/cc -pthread")
    modules, [complaint] = compile_below(source)
    assert modules == []
    assert "for want of a C compiler (/nonexistent/cc)" in complaint
    assert "1.6 times the processor time" in complaint
    assert "Run `apt-get install gcc libc6-dev` (macOS" in complaint
    assert not stale.exists()


def test_without_pythons_headers_it_says_so(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_build.sysconfig, "get_path", lambda _: str(source))
    modules, [complaint] = compile_below(source)
    assert modules == []
    assert "the C headers of Python" in complaint
    assert "`apt-get install python3-dev`" in complaint


def test_without_cython_it_says_so(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_build.importlib.util, "find_spec", lambda name: None if name == "Cython" else name)
    modules, [complaint] = compile_below(source)
    assert modules == []
    assert "the package cython" in complaint
    assert "-m pip install cython`" in complaint


def test_a_full_disk_does_not_end_the_build(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_compiler()
    monkeypatch.setattr(tempfile, "TemporaryDirectory", Mock(side_effect=OSError(28, "No space left on device")))
    modules, [complaint] = compile_below(source)
    assert modules == []
    assert "No space left on device" in complaint


def test_without_anything_to_compile_no_compiler_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/nonexistent/cc")
    assert compile_below(tmp_path) == ([], [])


def test_a_wheel_holds_what_was_compiled_and_is_for_this_platform(project: Path) -> None:
    need_compiler()
    name, held, said = build_wheel(project)
    assert name.startswith(f"parts-1.0-cp{sys.version_info.major}{sys.version_info.minor}-")
    assert not name.endswith("-any.whl")
    assert said == ""
    assert held == {"__init__.py", "inner/__init__.py", "inner/sums.pyx", "inner/sums.pyi", f"inner/sums{SUFFIX}"}


def test_without_a_compiler_a_wheel_is_for_every_platform(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "src" / "parts" / "inner" / f"sums{SUFFIX}").write_text("of an earlier source")
    monkeypatch.setenv("CC", "/nonexistent/cc")
    name, held, said = build_wheel(project)
    assert name == "parts-1.0-py3-none-any.whl"
    assert held == {"__init__.py", "inner/__init__.py", "inner/sums.pyx", "inner/sums.pyi"}
    assert "a C compiler (/nonexistent/cc)" in said


def build_wheel(project: Path) -> tuple[str, set[str], str]:
    """Return a wheel's name, what it holds of the package, and what people were told."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "made"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    [wheel] = (project / "made").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        held = {name.removeprefix("parts/") for name in archive.namelist() if name.startswith("parts/")}
    return wheel.name, held, done.stderr.replace(f"made/{wheel.name}", "").strip()
