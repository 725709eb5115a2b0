"""Compiles what is written in Cython, each `*.pyx` below src/, to a module beside its source.

hatchling calls it for a wheel and for an installation, `make` runs it (`python hatch_build.py`) when such a source has
changed. Trackway works without what is compiled here. So where there is no C compiler, or it fails, this says
what is missing, what that costs and what to do, and everything goes on.
"""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig

SUFFIX: str = sysconfig.get_config_var("EXT_SUFFIX")
_READ = (".pyx", ".pxd", ".pxi")
_FLAGS = f"{sysconfig.get_config_var('CFLAGS') or ''} -O3 -g0"  # Python's own, which on Debian are -O2 -g
_TOLD_LINES = 30
_COST = "everything works without, but the pipeline takes about 1.6 times the processor time"


class Compiled(NamedTuple):
    """What came of a compilation: the modules made, and a text for people about what was not."""

    modules: list[Path]
    complaints: list[str]


class CompiledParts(BuildHookInterface[WheelBuilderConfig]):
    """Has a wheel hold the compiled modules, for this Python and this platform; one without any fits all."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tell hatchling what there is now."""
        root = Path(self.root)
        modules, complaints = compile_below(root / "src")
        for one in complaints:
            self.app.display_warning(one)
        if modules:
            build_data["artifacts"] += [f"/{one.relative_to(root).as_posix()}" for one in modules]
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def compile_below(folder: Path) -> Compiled:
    """Compile every `*.pyx` below `folder`, the root of its packages; a module that was there before is gone."""
    for one in folder.rglob(f"*{SUFFIX}"):
        one.unlink()  # it may not fit its source; and processes that have it loaded would not bear to be written over
    sources = sorted(folder.rglob("*.pyx"))
    if not sources:
        return Compiled([], [])
    if missing := missing_tools():
        why, remedy = " and ".join(missing), " and ".join(missing.values())
        return Compiled([], [f"Trackway is not compiled, for want of {why}: {_COST}. Run {remedy}, then this again."])
    failures = {one: _failure(folder, one.relative_to(folder)) for one in sources}
    complaints = [
        f"{output}\nTrackway's {one.name} was not compiled, see above: {_COST}. "
        "If a C header was not found: `apt-get install libc6-dev python3-dev`."
        for one, output in failures.items()
        if output
    ]
    return Compiled([one.with_name(one.stem + SUFFIX) for one, output in failures.items() if not output], complaints)


def missing_tools() -> dict[str, str]:
    """Return what compiling needs and is not there, in words, each with the command that installs it."""
    missing: dict[str, str] = {}
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if not shutil.which(compiler):
        missing[f"a C compiler ({compiler})"] = "`apt-get install gcc libc6-dev` (macOS: `xcode-select --install`)"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        missing[f"the C headers of {python} (Python.h)"] = "`apt-get install python3-dev`"
    for package, module in (("cython", "Cython"), ("setuptools", "setuptools")):
        if not importlib.util.find_spec(module):
            missing[f"the package {package}"] = f"`{sys.executable} -m pip install {package}`"
    return missing


def _failure(folder: Path, source: Path) -> str:
    """Compile `source`, which is relative to `folder`; return "" or why that failed."""
    try:
        with tempfile.TemporaryDirectory() as place:
            # A copy keeps what is generated out of the sources.
            copy = shutil.copytree(folder, Path(place, "src"), ignore=_not_for_cython)
            done = _cythonize(copy, source)
            if done.returncode == 0:
                shutil.copy2(copy / source.with_name(source.stem + SUFFIX), folder / source.parent)
                return ""
    except OSError as error:
        return str(error)
    lines = done.stdout.splitlines()
    return "\n".join(lines[-_TOLD_LINES:]) or f"{shlex.join(done.args)} ended with {done.returncode}"


def _cythonize(folder: Path, source: Path) -> subprocess.CompletedProcess[str]:
    # From within the folder: tracebacks name the source as it is named here.
    return subprocess.run(  # noqa: S603 - our own sources
        [sys.executable, "-m", "Cython.Build.Cythonize", "--inplace", "-3", "--quiet", str(source)],
        cwd=folder,
        env={"CFLAGS": _FLAGS, **os.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def _not_for_cython(folder: str, names: Collection[str]) -> set[str]:
    return {
        name for name in names if not (name == "__init__.py" or name.endswith(_READ) or Path(folder, name).is_dir())
    }


def main() -> int:
    """Compile in place, tell the terminal what was not, and return 1 if anything was not."""
    complaints = compile_below(Path(__file__).parent / "src").complaints
    print(*complaints, sep="\n", end="\n" if complaints else "", file=sys.stderr)
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
