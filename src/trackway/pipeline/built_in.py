"""The built-in stages of a chain, by what they are."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from trackway.pipeline.stages.block import BlockStage
from trackway.pipeline.stages.common_fields import CommonFields
from trackway.pipeline.stages.enrich import Enrich
from trackway.pipeline.stages.functions import FunctionStage
from trackway.pipeline.stages.plan import PlanStage
from trackway.pipeline.stages.privacy import Privacy, Suppress
from trackway.pipeline.stages.reserved_properties import DefaultCurrency, ReservedProperties
from trackway.pipeline.stages.semantic_events import SemanticEvents
from trackway.pipeline.stages.times import Times


class BuiltIn(NamedTuple):
    """The built-in stages of a chain; None for one that is left out."""

    common: CommonFields
    times: Times
    enrich: Enrich
    suppress: Suppress | None = None
    reserved: ReservedProperties | None = None
    semantic: SemanticEvents | None = None
    block: BlockStage | None = None
    privacy: Privacy | None = None
    functions: tuple[FunctionStage, ...] = ()
    plan: PlanStage | None = None
    currency: DefaultCurrency | None = None

    @classmethod
    def of(cls, chain: Sequence[Any]) -> Self | None:
        """Return the stages of `chain` by what they are; None if they are others, or in another order."""
        fields = {
            CommonFields: "common",
            Suppress: "suppress",
            Times: "times",
            Enrich: "enrich",
            ReservedProperties: "reserved",
            SemanticEvents: "semantic",
            BlockStage: "block",
            Privacy: "privacy",
            FunctionStage: "functions",
            PlanStage: "plan",
            DefaultCurrency: "currency",
        }
        kinds: list[type] = [type(stage) for stage in chain if not isinstance(stage, FunctionStage)]
        if kinds != [kind for kind in fields if kind in kinds] or not {CommonFields, Times, Enrich} <= set(kinds):
            return None
        found: dict[str, Any] = {fields[type(stage)]: stage for stage in chain}
        found["functions"] = tuple(one for one in chain if isinstance(one, FunctionStage))
        return cls(**found)
