"""What each stage of today's pipeline makes of a call: the chain, run again on the raw record."""

from collections.abc import Sequence
from typing import Any, cast

from msgspec import Struct, field

from trackway.events import lenient_json
from trackway.events.records import Finding, Place, RawRecord, Refusal
from trackway.node.tracing.changes import Change, changes
from trackway.pipeline.chain import Stage, Step, trace_chain
from trackway.pipeline.draft import Draft


class FindingStory(Struct, kw_only=True):
    """A remark on the event."""

    code: str
    pointer: str
    detail: str


class StageStory(Struct, kw_only=True):
    """What one stage did to the event."""

    stage: str
    changes: list[Change] = field(default_factory=list[Change])
    findings: list[FindingStory] = field(default_factory=list[FindingStory])
    end: str = ""
    """`quarantined` or `dropped` when the event goes no further."""
    reason: str = ""
    message: str = ""
    others: list[str] = field(default_factory=list[str])
    """Message ids of the other events that the stage split the call into."""


class Run(Struct, kw_only=True):
    """A call's way through today's stages."""

    stages: list[StageStory]
    event: dict[str, Any] | None
    """What comes out; None when nothing does."""


def run_again(chain: Sequence[Stage], raw: RawRecord, place: Place, message_id: str) -> Run:
    """Return what today's `chain` does to a call; of one that is split, the way of the event with `message_id`."""
    return tell_steps(trace_chain(chain, raw, place), raw, place, message_id)


def tell_steps(steps: Sequence[Step], raw: RawRecord, place: Place, message_id: str) -> Run:
    """Return what was done to a call in `steps`; of one that is split, the way of the event with `message_id`."""
    before = Draft(raw, place, _sent(raw), findings=[])
    stories: list[StageStory] = []
    parts = 1
    for step in steps:
        draft = _choose(step.drafts, message_id)
        story = _tell(step.stage, before, draft)
        if len(step.drafts) > parts:
            parts = len(step.drafts)
            story.others = [str(one.event.get("messageId")) for one in step.drafts if one is not draft]
        stories.append(story)
        before = draft
    return Run(stages=stories, event=before.event if before.end is None else None)


def _choose(drafts: list[Draft], message_id: str) -> Draft:
    return next((draft for draft in drafts if draft.event.get("messageId") == message_id), drafts[0])


def _tell(stage: str, before: Draft, after: Draft) -> StageStory:
    new = after.findings[len(before.findings) :]
    story = StageStory(stage=stage, findings=[tell_finding(finding) for finding in new])
    if after.end is None or after.event:
        story.changes = changes(before.event, after.event)
    if isinstance(after.end, Refusal):
        story.end, story.reason, story.message = "quarantined", after.end.reason, after.end.message
    elif after.end is not None:
        story.end, story.reason, story.message = "dropped", after.end.reason, after.end.detail
    return story


def tell_finding(finding: Finding) -> FindingStory:
    """Return a finding with its fields named."""
    return FindingStory(code=finding.code, pointer=finding.pointer, detail=finding.detail)


def _sent(raw: RawRecord) -> dict[str, Any]:
    try:
        value, _ = lenient_json.loads(raw.body)
    except lenient_json.NotJson:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
