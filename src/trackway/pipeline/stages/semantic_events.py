"""Recognise Segment's semantic events; `events/semantic.py` has the rules."""

from trackway.events.remarks import shown
from trackway.events.semantic import check_properties, recognise, rename_properties
from trackway.pipeline.draft import Draft
from trackway.pipeline.stages.reserved_properties import report


class SemanticEvents:
    """The stage that gives old names their current ones and reports missing and mistyped properties."""

    name = "semantic_events"

    def __init__(self, skipping: frozenset[str] = frozenset(), *, rename: bool = True) -> None:
        """Leave the events of the sources `skipping` alone; without `rename` all events keep their spelling."""
        self.skipping = skipping
        self.rename = rename

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Change `drafts` in place."""
        rename = self.rename
        for draft in drafts:
            if draft.raw.type != "track" or draft.raw.source in self.skipping:
                continue
            event = draft.event
            sent = event.get("event")
            found = recognise(sent) if type(sent) is str else None
            if found is None:
                continue
            properties = event["properties"]
            if rename:
                if sent != found.name:
                    event["event"] = found.name
                    draft.find("event_renamed", "/event", shown(sent))
                    draft.keep_original("/event", sent)
                if renamed := rename_properties(found, properties):
                    report(draft, renamed)
            if remarks := check_properties(found, properties):
                # What the repairs of reserved properties have remarked on is not said twice.
                known = {finding.pointer for finding in draft.findings}
                report(draft, [remark for remark in remarks if remark.pointer not in known])
        return drafts
