"""How commands speak: answers on standard output, everything else on standard error."""

import os
import sys
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

_UNBOUNDED = 1_000
"""Columns where nobody looks at a terminal: what goes into a file or another program is not folded."""


def screen() -> Console:
    """Return standard output, for people: colours if it is a terminal, tables as wide as it is or as they need."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNBOUNDED
    return console


def side_screen() -> Console:
    """Return standard error, for progress, remarks and complaints: they never mix with an answer."""
    return Console(stderr=True, highlight=False)


def complain(sentence: str) -> None:
    """Say in red, on standard error, what is wrong."""
    side_screen().print(Text(sentence, style="red"), soft_wrap=True)


def remark(sentence: str) -> None:
    """Say something on standard error."""
    side_screen().print(Text(sentence, style="dim"), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print `value` as one line of JSON, at once, for programs."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.flush()
