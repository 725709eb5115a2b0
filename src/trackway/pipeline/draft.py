"""An event on its way through the stages."""

from typing import Any

from msgspec import Struct

from trackway.events.records import Finding, Place, RawRecord


class Draft(Struct):
    """A call that is becoming an event; stages change `event` in place and add findings."""

    raw: RawRecord
    place: Place
    """Where `raw` stands in the raw log."""
    event: dict[str, Any]
    """The event as JSON values, in Segment's terms."""
    timestamp_ms: int = 0
    findings: list[Finding] = []

    def find(self, code: str, pointer: str, detail: str = "") -> None:
        """Remark on the event."""
        self.findings.append(Finding(code, pointer, detail))
