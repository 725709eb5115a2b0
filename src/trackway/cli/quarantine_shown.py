"""Refused calls on the screen."""

import json
from collections.abc import Iterable
from typing import Any, cast

from rich.table import Table
from rich.text import Text

from trackway.cli.trace_shown import clean, show_changes
from trackway.events.clock_skew import format_ms
from trackway.node.quarantine.found import Quarantined, call_of
from trackway.node.quarantine.groups import Group, position
from trackway.node.tracing.changes import changes


def group_table(groups: Iterable[Group]) -> Table:
    """Return groups as a table, with what each is about below its reason: five columns fit into any terminal."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("calls", "source", "reason, event, place", "newest", ""):
        whole = heading in ("calls", "newest", "")
        table.add_column(heading, justify="right" if heading == "calls" else "left", no_wrap=whole, overflow="fold")
    for one in groups:
        about = Text(one.reason)
        if one.name or one.pointer:
            about.append(f"\n  {clean(one.name)}", "bold").append(f" {clean(one.pointer)}", "dim")
        newest_at = f"{one.newest_at[5:10]} {one.newest_at[11:16]}"  # day and minute: the rest needs the room
        table.add_row(f"{one.count:,}", Text(clean(one.source)), about, newest_at, one.newest)
    return table


def show_line(one: Quarantined) -> Text:
    """Return a call in a line."""
    record = one.record
    return Text.assemble(
        f"{position(one)}  ",
        (format_ms(record.received_at_ms), "dim"),
        f"  {record.source}  {record.type or '?'}  {clean(one.name)}  ",
        (f"{record.refusal.reason} {clean(record.refusal.pointer)}", "red"),
        (f"  {clean(record.message_id)}", "dim"),
        ("  released", "green") if one.released else "",
    )


def show_call(one: Quarantined) -> Text:
    """Return a call wholly, the line that its pointer names marked by an arrow."""
    refusal = one.record.refusal
    text = show_line(one).append(f"\n{_lines_clean(refusal.message)}\n", "red")
    call = call_of(one.record.body)
    if call is None:
        return text.append(f"\n{_lines_clean(one.record.body.decode('utf-8', 'replace'))}")
    for pointer, line in _lines(call, "", ""):
        marked = pointer == refusal.pointer and bool(pointer)
        text.append(f"\n{'→' if marked else ' '} {clean(line)}", "red" if marked else "")
    if refusal.pointer and not _has(call, refusal.pointer):
        text.append(f"\n→ {clean(refusal.pointer)} is not there", "red")
    return text


def show_change(one: Quarantined, body: bytes, refused: str) -> Text:
    """Return what is changed about a call, and what would become of it."""
    text = Text(f"{position(one)}  {clean(one.name)}  ")
    text.append(f"still refused: {clean(refused)}" if refused else "accepted", "red" if refused else "green")
    if body != one.record.body:
        for line in show_changes(changes(call_of(one.record.body), call_of(body))):
            text.append("\n    ").append_text(line)
    return text


def _lines(value: Any, pointer: str, lead: str, name: str = "", end: str = "") -> Iterable[tuple[str, str]]:
    """Yield JSON in lines, each with the pointer of what begins in it."""
    members: list[tuple[str, str, Any]]
    if isinstance(value, dict) and value:
        named = cast("dict[str, Any]", value)
        members = [
            (
                f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}",
                f"{json.dumps(key, ensure_ascii=False)}: ",
                member,
            )
            for key, member in named.items()
        ]
    elif isinstance(value, list) and value:
        items = cast("list[Any]", value)
        members = [(f"{pointer}/{number}", "", item) for number, item in enumerate(items)]
    else:
        yield pointer, f"{lead}{name}{json.dumps(value, ensure_ascii=False)}{end}"
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield pointer, f"{lead}{name}{opening}"
    for number, (place, label, member) in enumerate(members, 1):
        yield from _lines(member, place, lead + "  ", label, "," if number < len(members) else "")
    yield "", f"{lead}{closing}{end}"


def _has(call: dict[str, Any], pointer: str) -> bool:
    return any(place == pointer for place, _ in _lines(call, "", ""))


def _lines_clean(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines())
