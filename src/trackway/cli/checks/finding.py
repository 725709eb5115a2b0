"""What a check found."""

from typing import Literal

from msgspec import Struct

Status = Literal["OK", "WARN", "FAIL"]


class CheckResult(Struct, frozen=True):
    """One line of the doctor's report."""

    name: str
    status: Status
    finding: str
    advice: str = ""
    """What to do, when something is wrong."""


def ok(name: str, finding: str) -> CheckResult:
    """Return that all is well."""
    return CheckResult(name, "OK", finding)


def warn(name: str, finding: str, advice: str) -> CheckResult:
    """Return that it works, but may not for long, or not well."""
    return CheckResult(name, "WARN", finding, advice)


def fail(name: str, finding: str, advice: str) -> CheckResult:
    """Return that it does not work."""
    return CheckResult(name, "FAIL", finding, advice)


def size(count: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
