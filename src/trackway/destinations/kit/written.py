"""Mistakes in paths and templates that people write: they would lead nowhere, and leave fields out in silence."""

import difflib
import re

from trackway.destinations.kit.directives import MappingError

MEMBERS = (
    *("type", "event", "name", "category", "userId", "anonymousId", "groupId", "previousId", "properties", "traits"),
    *("context", "integrations", "messageId", "timestamp", "originalTimestamp", "sentAt", "receivedAt", "channel"),
    *("version", "projectId", "writeKey", "options"),
)
"""What an event has at its top, in Segment's terms; it may have others."""
_WITHOUT_DOT = re.compile(rf"\$({'|'.join(MEMBERS)})\b")
_FIRST = re.compile(r"[^.\[\]]*")
_HOLE = re.compile(r"\{\{\{?([^{}]+)\}?\}\}")
_ALIKE = 0.8
"""How near a name is to one in `MEMBERS` that surely was meant; the ratio of difflib."""


def check_text(text: str, where: str) -> None:
    """Refuse a text that was surely meant to be a path or a template.

    Raises:
        MappingError: it says how to write it.
    """
    if text.startswith("$."):
        check_path(text, where)
    elif _WITHOUT_DOT.match(text):
        raise MappingError(f"a path begins with $. - did you mean $.{text[1:]}? A text is {{const: …}}", where=where)
    elif "{{" in text or "}}" in text:
        _check_template(text, where)


def check_path(path: str, where: str) -> None:
    """Refuse a path that surely leads nowhere.

    Raises:
        MappingError: it says what was meant.
    """
    inner = path.removeprefix("$").removeprefix(".")
    if inner and (".." in inner or inner.startswith(".") or inner.endswith(".")):
        raise MappingError(f"{path} has an empty name in it; write it like $.properties.total", where=where)
    first = _FIRST.match(inner)
    name = first[0] if first else ""
    if not name or name in MEMBERS or ".each[1]" in where:  # there, paths begin at an item
        return
    for meant in difflib.get_close_matches(name, MEMBERS, n=1, cutoff=_ALIKE):
        told = f"an event has no {name}; did you mean $.{meant}{inner[len(name) :]}?"
        raise MappingError(f"{told} (Yours do? {{path: {path}}} takes any name.)", where=where)


def _check_template(text: str, where: str) -> None:
    for hole in _HOLE.findall(text):
        check_path(hole.strip(), where)
    left = _HOLE.sub("", text)
    if "{{" in left or "}}" in left:
        raise MappingError("a hole in a template is written {{properties.plan}}; a text is {const: …}", where=where)
