"""Compare versions by the precedence of Semantic Versioning 2.0.0 (semver.org, section 11)."""

import operator
import re
from typing import Any

OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_VERSION = re.compile(
    r"v?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)
_Rank = tuple[tuple[int, int, int], bool, list[tuple[bool, int, str]]]


def version_matches(version: Any, comparison: Any, other: Any) -> bool:
    """Tell whether two versions compare so; false when one is no version. `1` and `1.2` stand for `1.0.0`, `1.2.0`."""
    if not (isinstance(version, str) and isinstance(other, str) and isinstance(comparison, str)):
        return False
    mine, its, compare = _rank(version), _rank(other), OPERATORS.get(comparison)
    return bool(compare(mine, its)) if mine and its and compare else False


def _rank(text: str) -> _Rank | None:
    """Return what versions are ordered by: the numbers, then releases after pre-releases, then those by their parts."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    numbers = (int(found[1]), int(found[2] or 0), int(found[3] or 0))
    parts = found[4].split(".") if found[4] else []
    return numbers, not parts, [(not p.isdecimal(), int(p) if p.isdecimal() and len(p) < 4000 else 0, p) for p in parts]
