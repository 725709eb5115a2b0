"""Stories of events on the screen."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import UNSET
from rich.text import Text

from trackway.delivery.trace import AttemptStory, DestinationStory
from trackway.events.clock_skew import format_ms
from trackway.events.reasons import meaning_of
from trackway.node.tracing.changes import Change
from trackway.node.tracing.stages import StageStory
from trackway.node.tracing.story import Position, Story

_LABEL = 21
_VALUE_CHARS = 80
_STYLES = {"event": "green", "delivered": "green", "pending": "yellow", "retrying": "yellow", "earlier": "dim"}


def show_line(story: Story) -> Text:
    """Return a story in a line."""
    return Text.assemble(
        (format_ms(story.received_at_ms), "dim"),
        "  ",
        (f"{_outcome(story):11}", _STYLES.get(story.outcome, "red")),
        f"  {story.type or '?':8}  {clean(story.name)}  ",
        (clean(story.message_id), "bold"),
    )


def show_story(story: Story) -> Text:
    """Return the whole story, a line for each thing that happened."""
    text = Text.assemble(
        (clean(story.message_id), "bold"),
        f"  {story.type or 'a call'} ",
        (clean(story.name), "bold"),
        f" from {story.source}",
    )
    for lines in (_call(story), _stages(story), _end(story), _warehouses(story), _destinations(story)):
        for label, line in lines:
            gap = "" if len(label) < _LABEL or not label else "  "
            text.append(f"\n{label:{_LABEL}}{gap}", "dim").append_text(line)
    return text


def clean(text: str) -> str:
    """Return `text` with control characters made visible: what clients send must not steer the terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def show_changes(found: Iterable[Change]) -> Iterator[Text]:
    """Yield a line for each change."""
    yield from map(_change, found)


_Lines = Iterator[tuple[str, Text]]


def _call(story: Story) -> _Lines:
    call = story.call
    if call is None:
        yield "received", Text(f"{format_ms(story.received_at_ms)}; the raw log has deleted the call by now")
        return
    where = _at(call.position)
    yield "received", Text(f"{format_ms(story.received_at_ms)}  {where}  {call.size_bytes:,} bytes")
    if call.released is not None:
        yield "", Text(f"let out of quarantine: {_at(call.released)}", "yellow")
    if call.ip or call.user_agent:
        yield "", Text(clean(f"{call.ip}  {call.user_agent}"), "dim")
    yield "sent", Text(clean(_short(call.body, 4 * _VALUE_CHARS)), "dim")


def _stages(story: Story) -> _Lines:
    for stage in story.stages:
        label = stage.stage
        for line in _stage(stage):
            yield label, line
            label = ""
    for number, change in enumerate(story.today):
        yield "" if number else "differs now", _change(change)


def _stage(stage: StageStory) -> Iterator[Text]:
    for change in stage.changes:
        yield _change(change)
    for finding in stage.findings:
        what = finding.detail or meaning_of(finding.code)
        yield Text(clean(f"{finding.code} {finding.pointer}  {what}"), "yellow")
    if stage.others:
        yield Text(clean(f"split; the other events are {', '.join(stage.others)}"), "yellow")
    if stage.end:
        first, *others = stage.message.splitlines() or [""]
        yield Text(clean(f"{stage.end}: {stage.reason}  {first}"), "red")
        yield from (Text(clean(f"  {line}"), "red") for line in others)
    elif not stage.changes and not stage.findings and not stage.others:
        yield Text("changes nothing", "dim")


def _change(change: Change) -> Text:
    if change.before is UNSET:
        return Text.assemble(("+ ", "green"), f"{clean(change.pointer)}  ", (_value(change.after), "green"))
    if change.after is UNSET:
        return Text.assemble(("- ", "red"), f"{clean(change.pointer)}  ", (_value(change.before), "red"))
    before, after = (_value(change.before), "red"), (_value(change.after), "green")
    return Text.assemble(("~ ", "yellow"), f"{clean(change.pointer)}  ", before, " → ", after)


def _end(story: Story) -> _Lines:
    style = _STYLES.get(story.outcome, "red")
    line = Text.assemble((_outcome(story), style), f"  {_at(story.position)}")
    if story.reason:
        line.append(f"  {story.reason} in {story.stage}", style)
        if story.pointer:
            line.append(f" at {clean(story.pointer)}", style)
    yield "became", line
    for line in story.message.splitlines():
        yield "", Text(clean(line))
    if story.original is not None:
        yield "", Text(f"the first one is {_at(story.original)}")
    for finding in story.findings:
        yield "", Text(clean(f"remark: {finding.code} {finding.pointer}"), "yellow")


def _warehouses(story: Story) -> _Lines:
    for one in story.warehouses:
        tables = ", ".join(row.table for row in one.rows)
        state = f"loaded into {tables}" if tables else "passed by the loader" if one.loaded else "not loaded yet"
        yield one.warehouse, Text(state, "green" if tables else "yellow")


def _destinations(story: Story) -> _Lines:
    for one in story.destinations:
        label = one.destination if one.replay is None else f"replay {one.replay}"
        for line in _destination(one):
            yield label, line
            label = ""


def _destination(one: DestinationStory) -> Iterator[Text]:
    words = {"earlier": "came before this destination's start"}
    head = Text(words.get(one.outcome, one.outcome), _STYLES.get(one.outcome, "red"))
    if one.replay is not None:
        head.append(f" to {one.destination}", "dim")
    first, *others = (one.detail or meaning_of(one.reason)).splitlines() if one.reason else [""]
    if one.reason:
        head.append(clean(f"  {one.reason}  {first}"))
    if one.next_try_ms is not None:
        head.append(f"  next try {format_ms(one.next_try_ms)}", "yellow")
    yield head
    yield from (Text(clean(f"  {line}"), "red") for line in others)
    for attempt in one.attempts:
        yield _attempt(attempt)
    if one.request:
        yield Text(clean(_short(one.request.replace("\n", " ⏎ "), 4 * _VALUE_CHARS)), "dim")


def _attempt(attempt: AttemptStory) -> Text:
    answer = f"{attempt.status}" if attempt.status is not None else attempt.reason
    others = f", with {attempt.events - 1:,} others" if attempt.events > 1 else ""
    line = Text(f"  {format_ms(attempt.at_ms)}  {answer} after {attempt.duration_ms:,} ms{others}")
    if attempt.answer:
        line.append(clean(f"  {_short(attempt.answer, _VALUE_CHARS)}"), "dim")
    return line


def _outcome(story: Story) -> str:
    return {"event": "an event", "quarantined": "quarantined", "dropped": "dropped"}[story.outcome]


def _at(position: Position) -> str:
    return f"{position.topic}/{position.partition}/{position.offset}"


def _value(value: Any) -> str:
    return clean(_short(msgspec.json.encode(value).decode(), _VALUE_CHARS))


def _short(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"
