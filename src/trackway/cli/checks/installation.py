"""Checks of what was installed."""

from importlib import import_module
from pathlib import Path

import trackway
from trackway.cli.checks.finding import CheckResult, ok, warn

_ADVICE = (
    "all works without, but the pipeline takes about 1.6 times the processor time: install a C compiler and Python's "
    "headers (`apt-get install gcc libc6-dev python3-dev`, on macOS `xcode-select --install`), then `make setup` or "
    "install Trackway's sources again"
)


def check_compiled(root: Path = Path(trackway.__file__).parents[1]) -> CheckResult:
    """Check that what is written in Cython below `root` can be imported; an installation has these sources too."""
    sources = sorted((root / "trackway").rglob("*.pyx"))
    names = [".".join(one.relative_to(root).with_suffix("").parts) for one in sources]
    missing = [why for one in names if (why := _why_not(one))]
    if missing:
        return warn("compiled", f"not there: {'; '.join(missing)}", _ADVICE)
    return ok("compiled", ", ".join(names) or "there is nothing to compile")


def _why_not(module: str) -> str:
    try:
        import_module(module)
    except ImportError as error:
        return str(error)
    return ""
