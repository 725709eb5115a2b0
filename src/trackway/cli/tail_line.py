"""An entry of the log as one line for people."""

from datetime import datetime

from msgspec import UNSET, UnsetType
from rich.text import Text

from trackway.console.entries import Entry

_MARKS = {"ok": ("✓", "green"), "quarantined": ("✗", "red"), "dropped": ("–", "yellow")}
_TYPE_STYLES = {
    "track": "cyan",
    "identify": "magenta",
    "page": "blue",
    "screen": "blue",
    "group": "magenta",
    "alias": "magenta",
}


def tail_line(entry: Entry) -> Text:
    """Return time of receipt (of this machine's zone), outcome, type, name, who, source and message id."""
    mark, style = _MARKS[entry.outcome]
    line = Text.assemble(
        (_local_time(entry.received_at), "dim"),
        "  ",
        (mark, style),
        " ",
        (f"{entry.type or '?':<8}", _TYPE_STYLES.get(entry.type, "red")),
        "  ",
        (f"{entry.name or '·':<26}", "bold" if entry.outcome == "ok" else ""),
        "  ",
        f"{_who(entry):<24}",
        "  ",
        (entry.source, "dim"),
        "  ",
        (entry.message_id, "dim"),
    )
    if entry.outcome != "ok":
        pointer = f" at {entry.pointer}" if entry.pointer else ""
        line.append(f"  {_text(entry.reason)}{pointer}", style)
    elif not isinstance(entry.findings, UnsetType):
        line.append("  " + ", ".join(finding.code for finding in entry.findings), "yellow")
    return _printable(line)


def _who(entry: Entry) -> str:
    if not isinstance(entry.user_id, UnsetType):
        return entry.user_id
    return f"({entry.anonymous_id})" if entry.anonymous_id is not UNSET else "·"


def _text(value: str | UnsetType) -> str:
    return "" if isinstance(value, UnsetType) else value


def _local_time(received_at: str) -> str:
    moment = datetime.fromisoformat(received_at).astimezone()
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def _printable(line: Text) -> Text:
    """Return the line with control characters made visible: what clients send must not steer the terminal."""
    text = "".join(char if char.isprintable() else "�" for char in line.plain)
    return Text(text, spans=line.spans)
