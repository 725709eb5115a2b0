"""Replays on the screen."""

from collections.abc import Iterable, Iterator, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trackway.cli.trace_shown import clean, show_changes
from trackway.delivery.replay.orders import Replay
from trackway.events.reasons import meaning_of
from trackway.node.replay_preview import Preview, Sample, Sent

_ROW_CHARS = 400


def show_replays(found: Iterable[Replay]) -> RenderableType:
    """Return replays as a table."""
    # One space between columns: all of them fit into 80.
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("replay", "destination", "state", "events", "= delivered", "+ discarded", "+ failed", "+ pending"):
        text = heading in ("destination", "state")
        table.add_column(
            heading, justify="left" if text else "right", no_wrap=heading != "destination", overflow="fold"
        )
    for one in found:
        counts = one.counts
        numbers = (counts.accepted, counts.delivered, sum(counts.discarded.values()), sum(counts.failed.values()))
        cells = (str(one.id), one.destination, one.state, *(f"{number:,}" for number in (*numbers, counts.pending)))
        table.add_row(*cells)
    return table


def show_replay(found: Replay) -> RenderableType:
    """Return one replay with the reasons of its events' ends."""
    parts: list[RenderableType] = [show_replays([found])]
    if found.error:
        parts.append(Text(clean(found.error), "red"))
    for end, counts in (("discarded", found.counts.discarded), ("failed", found.counts.failed)):
        parts += _reasons(end, counts)
    return Group(*parts)


def show_preview(found: Preview, destination: str) -> RenderableType:
    """Return what a replay would do."""
    parts: list[RenderableType] = [
        Text(f"{found.to_send:,} of {found.looked_at:,} events would be sent to {destination}.", "bold"),
        *_reasons("left out", found.left_out),
        *_reasons("would fail", found.failing),
    ]
    if found.differing:
        parts.append(Text(f"{found.differing:,} differ from what is stored.", "yellow"))
    if found.sent_otherwise:
        parts.append(Text(f"{found.sent_otherwise:,} would be sent otherwise than they were sent then.", "yellow"))
    for sample in found.samples:
        parts += [Text(), *_sample(sample)]
    return Group(*parts)


def _reasons(end: str, counts: Mapping[str, int]) -> Iterator[Text]:
    for reason, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield Text(f"  {number:,} {end}: {reason}  {meaning_of(reason)}")


def _sample(sample: Sample) -> Iterator[Text]:
    place = f"events/{sample.position.partition}/{sample.position.offset}"
    yield Text.assemble((clean(sample.message_id), "bold"), f"  {clean(sample.name)}  {place}")
    if sample.then is not None:
        yield Text(clean(f"  then  {sample.then.outcome} {sample.then.reason}".rstrip()), "dim")
    for row in sample.sent.rows if sample.sent else ():
        yield Text(f"  sent  {clean(row[:_ROW_CHARS])}", "dim")
    for row in sample.now:
        yield Text(f"  now   {clean(row[:_ROW_CHARS])}")
    if sample.differs:
        yield Text("  the event, by today's pipeline:", "dim")
        yield from _indented(show_changes(sample.differs))
    if sample.sent is not None:
        yield from _since(sample.sent)


def _since(sent: Sent) -> Iterator[Text]:
    """Yield how what would be sent differs from what was sent."""
    settings = f", with the settings that were changed at {sent.settings_until}" if sent.settings_until else ""
    if sent.end:
        yield Text(clean(f"  sent at {sent.at}; the same event ends today as {sent.end}{settings}"), "yellow")
    elif sent.differs:
        yield Text(f"  what is sent, against {sent.at}{settings}:", "dim")
        yield from _indented(show_changes(sent.differs))
    else:
        yield Text(f"  the same as was sent at {sent.at}", "dim")
    if sent.unknown:
        yield Text(clean(f"  as today, since their values then are not kept: {', '.join(sent.unknown)}"), "yellow")


def _indented(lines: Iterable[Text]) -> Iterator[Text]:
    for line in lines:
        yield Text("    ").append_text(line)
