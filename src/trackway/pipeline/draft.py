"""An event on its way through the stages."""

from typing import Any, Self, cast

from msgspec import Struct

from trackway.events.reasons import DROPS
from trackway.events.records import Finding, Place, RawRecord, Refusal
from trackway.events.verdicts import refuse

Part = tuple[int, ...]
"""Which of the events of a call: `()` for the first, `(2,)` for the second that was split from it, `(2, 1)` for the
first that a later stage split from that."""


def part_id(message_id: str, part: Part) -> str:
    """Return the message id of a part of the call with `message_id`."""
    return ":".join((message_id, *map(str, part)))


class Drop(Struct, frozen=True, gc=False):
    """Why an event is left out by design."""

    reason: str
    """A code from `trackway.events.reasons.DROPS`."""
    detail: str = ""


class Draft(Struct):
    """A call that is becoming an event; stages change `event` in place and add findings."""

    raw: RawRecord
    place: Place
    """Where `raw` stands in the raw log."""
    event: dict[str, Any]
    """The event as JSON values, in Segment's terms."""
    timestamp_ms: int = 0
    findings: list[Finding] = []
    end: Refusal | Drop | None = None
    """Set when the event goes no further; later stages do not see it."""
    ended_in: str = ""
    """The name of the stage that ended it."""
    part: Part = ()
    """Which event of the call it is, where stages split it."""
    children: int = 0
    """How many events were split from it."""

    def find(self, code: str, pointer: str, detail: str = "") -> None:
        """Remark on the event."""
        self.findings.append(Finding(code, pointer, detail))

    def quarantine(self, reason: str, pointer: str = "", message: str | None = None) -> None:
        """End the event: it is kept in quarantine. `message` says what to do; default: the reason's own sentence."""
        self.end = refuse(reason, pointer, message)

    def drop(self, reason: str, detail: str = "") -> None:
        """End the event: it is left out by design, and counted under `reason`, one of `events.reasons.DROPS`."""
        if reason not in DROPS:
            raise ValueError(f"{reason} is no reason to drop an event; the codes are in trackway.events.reasons.DROPS")
        self.end = Drop(reason, detail)

    def split(self, events: list[dict[str, Any]]) -> list[Self]:
        """Return a draft for each of `events`, at least one, that this event becomes instead.

        The first keeps the message id, the others get `<id>:1`, `<id>:2`, …, so that they are the same at every replay.
        Later stages go on: what one splits from `<id>` gets `<id>:3`, what it splits from `<id>:1` gets `<id>:1:1`.
        """
        drafts = [self]
        self.event = events[0]
        for event in events[1:]:
            self.children += 1
            part = (*self.part, self.children)
            event["messageId"] = part_id(self.raw.message_id, part)
            child = type(self)(self.raw, self.place, event, self.timestamp_ms, list(self.findings), part=part)
            drafts.append(child)
        return drafts

    def context(self) -> dict[str, Any]:
        """Return the event's `context`, after `set_common_fields` always an object."""
        return cast("dict[str, Any]", self.event["context"])

    def note(self, name: str, value: Any) -> None:
        """Set `context.trackway.<name>`, the place of what we found out and Segment has no name for."""
        context = self.context()
        ours = context.get("trackway")
        if not isinstance(ours, dict):
            ours = context["trackway"] = {}
        ours[name] = value

    def originals(self) -> Any:
        """Return `context.trackway.original`: what `keep_original` added, or what a client or a function put there."""
        context: Any = self.event.get("context")  # a function may have taken it away
        ours = cast("dict[str, Any]", context).get("trackway") if isinstance(context, dict) else None
        return cast("dict[str, Any]", ours).get("original") if isinstance(ours, dict) else None

    def keep_original(self, pointer: str, value: Any) -> None:
        """Add to `context.trackway.original` what the client sent at `pointer`, before a stage replaces it.

        A list of `{pointer, value}`, so that it is one column of a warehouse whatever was replaced.
        """
        kept = self.originals()
        entry = {"pointer": pointer, "value": value}
        if isinstance(kept, list):
            cast("list[Any]", kept).append(entry)
        else:
            self.note("original", [entry])
