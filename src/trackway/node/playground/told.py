"""What the playground says about a call, as plain data for its page."""

from typing import Any

from msgspec import Struct, field

from trackway.node.tracing.stages import FindingStory, StageStory


class VerdictTold(Struct, kw_only=True):
    """The collector's word on the call."""

    accepted: bool
    type: str
    message_id: str
    reason: str = ""
    pointer: str = ""
    message: str = ""


class NamingTold(Struct, kw_only=True):
    """Something that could be better about the name."""

    code: str
    message: str
    suggestion: str | None


class PropertyTold(Struct, kw_only=True):
    """A property that a known event expects."""

    name: str
    type: str
    description: str
    advised: bool
    """Many destinations need it."""
    given: bool


class RemarkTold(Struct, kw_only=True):
    """Something about a known event's properties."""

    code: str
    pointer: str
    detail: str


class ContextTold(Struct, kw_only=True):
    """A member of the context whose value has not the meaning that everybody expects of it."""

    pointer: str
    message: str


class SemanticTold(Struct, kw_only=True):
    """The known event that the name means."""

    name: str
    category: str
    summary: str
    properties: list[PropertyTold]
    remarks: list[RemarkTold]
    renames: dict[str, str]
    """Properties that are given under another spelling, and the right one."""


class ViolationTold(Struct, kw_only=True):
    """Something that is not as planned."""

    kind: str
    pointer: str
    description: str
    action: str
    """What the source does about it: `allow`, `flag`, `omit` or `quarantine`."""


class PlanTold(Struct, kw_only=True):
    """What the source's tracking plan says."""

    plan: str
    file: str
    planned: bool
    """Whether the plan has a rule for the event."""
    violations: list[ViolationTold] = field(default_factory=list[ViolationTold])
    unknown_version: bool = False
    rows: list[Any] = field(default_factory=list[Any])
    """`path`, `types`, `required`, `enum`, `description` of what is planned."""


class DestinationTold(Struct, kw_only=True):
    """What one destination would get."""

    key: str
    """Its key in trackway.yaml; `""` for an example."""
    type: str
    name: str
    enabled: bool = True
    outcome: str = ""
    """`sent`, `discarded`, `failed`, or `error` when its settings are wrong."""
    reason: str = ""
    meaning: str = ""
    detail: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Told(Struct, kw_only=True):
    """All of it."""

    verdict: VerdictTold
    size_bytes: int
    event: dict[str, Any] | None
    """The clean event; None when the call becomes none."""
    ended: str = ""
    """`quarantined` or `dropped`, in which stage and why, when the pipeline ends it."""
    reason: str = ""
    message: str = ""
    stages: list[StageStory]
    findings: list[FindingStory]
    naming: list[NamingTold]
    context: list[ContextTold]
    semantic: SemanticTold | None
    plan: PlanTold | None
    destinations: list[DestinationTold]
    duration_ms: float = 0.0
    mistake: str = ""
    """Why a part of the settings could not be used, such as a plan that cannot be read."""
