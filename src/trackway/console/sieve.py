"""Tells of most records without decoding them that a text is not in them.

A search looks at every record of the log, and nearly none has what is looked for. Finding bytes in a record costs a
tenth of decoding it, and finding them in any case (by lower-casing all of it first) about as much as reading it: so a
part of the text without letters, such as the number in a user id, is what is looked for if there is one.
"""

import re
from collections.abc import Callable, Iterable

_UNESCAPED = r"0-9 \-_.:@#$%*=,;!?()\[\]{}~^|"
"""What every JSON encoder writes as itself, besides letters; some escape `<`, `>`, `&`, `+`, `'`, `/`."""
_CASELESS = re.compile(f"[{_UNESCAPED}]+")
_ANY_CASE = re.compile(f"[a-z{_UNESCAPED}]+")
_LONG_ENOUGH = 3
"""Shorter parts without letters are in most records."""


def sieve(texts: Iterable[str]) -> Callable[[bytes], bool]:
    """Return what says False of a record that lacks one of `texts` (case-folded), as itself or as JSON has it.

    True says nothing. Of letters that fold to ASCII ones without being such, ß (`ss`) is thought of, none of the rare
    ones (the Kelvin sign).
    """
    exact: list[bytes] = []
    folded: list[bytes] = []
    for text in texts:
        caseless, any_case = _longest(_CASELESS, text), _longest(_ANY_CASE, text.strip("s").replace("ss", "ß"))
        if len(caseless) >= _LONG_ENOUGH:
            exact.append(caseless)
        elif any_case:
            folded.append(any_case)

    def may_have(record: bytes) -> bool:
        for part in exact:
            if part not in record:
                return False
        if folded:
            lower = record.lower()
            return all(part in lower for part in folded)
        return True

    return may_have


def _longest(pattern: re.Pattern[str], text: str) -> bytes:
    return max(pattern.findall(text), key=len, default="").encode()
