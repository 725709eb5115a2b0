"""The patterns of `match`: `*`, `?`, `[abc]`, `[a-z]`, `[^a]`, and `\\x` for the character x itself."""

import re
from functools import lru_cache


class BadPattern(ValueError):
    """A pattern that means nothing; the text says why."""


@lru_cache(maxsize=256)
def compile_glob(pattern: str) -> re.Pattern[str]:
    """Return a regular expression to `fullmatch` with, linear in the text's length for each `*`.

    Raises:
        BadPattern: a `[` without its `]`, an empty or reversed range, or a `\\` at the end.
    """
    chunks: list[str] = [""]
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "*":
            chunks.append("")
            position += 1
            continue
        if char == "[":
            piece, position = _character_class(pattern, position + 1)
        elif char == "?":
            piece, position = ".", position + 1
        else:
            piece, position = _character(pattern, position)
            piece = re.escape(piece)
        chunks[-1] += piece
    if len(chunks) == 1:
        return re.compile(chunks[0], re.DOTALL)
    first, *middle, last = chunks
    # The earliest place for a middle part is always as good as a later one: atomic groups never come back to it.
    return re.compile(first + "".join(f"(?>.*?{chunk})" for chunk in middle if chunk) + ".*" + last, re.DOTALL)


def glob_matches(text: str, pattern: str) -> bool:
    """Tell whether the whole of `text` is of the pattern; a bad pattern fits nothing."""
    try:
        return compile_glob(pattern).fullmatch(text) is not None
    except BadPattern:
        return False


def _character_class(pattern: str, position: int) -> tuple[str, int]:
    """Return the expression of a class whose members begin at `position`, and where the pattern goes on."""
    negated = pattern[position : position + 1] == "^"
    position += negated
    members = ""
    while not (members and pattern[position : position + 1] == "]"):
        if pattern[position : position + 1] in ("", "-", "]"):
            raise BadPattern("`[` needs characters and a `]` after it; write `\\[` for the character itself")
        low, position = _character(pattern, position)
        high = low
        if pattern[position : position + 1] == "-":
            if pattern[position + 1 : position + 2] in ("", "-", "]"):
                raise BadPattern("a range needs a character on both sides of `-`")
            high, position = _character(pattern, position + 1)
        if low > high:
            raise BadPattern(f"the range {low}-{high} is the wrong way round")
        members += re.escape(low) if low == high else f"{re.escape(low)}-{re.escape(high)}"
    return f"[{'^' if negated else ''}{members}]", position + 1


def _character(pattern: str, position: int) -> tuple[str, int]:
    if pattern[position] != "\\":
        return pattern[position], position + 1
    if position + 1 == len(pattern):
        raise BadPattern("`\\` at the end of a pattern escapes nothing; write `\\\\`")
    return pattern[position + 1], position + 2
