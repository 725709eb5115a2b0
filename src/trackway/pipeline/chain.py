"""The chain of stages between the raw call and the clean event.

Stages are pure over a batch: what they make of a call follows from the raw record, their settings and side tables (a
geo file, a plan) alone, never from a clock or from other calls. So a trace can run the chain again and show what each
stage changed, and any split into batches gives the same events.
"""

import copy
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from trackway.events.records import Place, RawRecord
from trackway.events.verdicts import refuse
from trackway.pipeline.draft import Draft
from trackway.pipeline.stages.block import BlockStage
from trackway.pipeline.stages.common_fields import CommonFields
from trackway.pipeline.stages.enrich import Enrich
from trackway.pipeline.stages.functions import FunctionStage, function_stages
from trackway.pipeline.stages.plan import PlanStage
from trackway.pipeline.stages.privacy import Privacy, Suppress
from trackway.pipeline.stages.read import read_all
from trackway.pipeline.stages.reserved_properties import DefaultCurrency, ReservedProperties
from trackway.pipeline.stages.semantic_events import SemanticEvents
from trackway.pipeline.stages.times import Times
from trackway.workspace.model import Workspace
from trackway.workspace.plans import plans_stamp
from trackway.workspace.suppression import suppression_file

Call = tuple[RawRecord, Place]
"""A raw call and where it stands in the raw log."""


class Stage(Protocol):
    """One step from a raw call to a clean event. Typed settings and side tables go into its constructor."""

    name: str
    """Shown in traces and quarantine, such as `enrich`."""

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Change `drafts` in place and return them, with what is split from one (`Draft.split`) right behind it.

        Only drafts that no stage ended come in. Ends an event by `Draft.quarantine` or `Draft.drop`; the ended draft
        stays in the list. An exception costs only the event that causes it: each is then run again alone.
        """
        ...


class Step(NamedTuple):
    """A call after one stage, for a trace."""

    stage: str
    drafts: list[Draft]
    """One, or several once a stage split it; copies that later stages do not touch."""


def build_chain(workspace: Workspace) -> list[Stage]:
    """Return the stages that `workspace` asks for, in order; `read` comes before them, in `run_chain`.

    Reads the files that stages need (a geo file, plans); build it anew when they change.

    Raises:
        TrackwayError: such a file cannot be read.
    """
    settings = workspace.pipeline
    stages: list[Stage] = [
        CommonFields(),
        Suppress.from_workspace(workspace),
        Times(settings),
        Enrich.from_workspace(workspace),
    ]
    stages += [
        *build_repairs(workspace),
        BlockStage.from_workspace(workspace),
        Privacy.from_workspace(workspace),
        *function_stages(workspace),
        PlanStage.from_workspace(workspace),
    ]
    # Behind the plan, which judges what was sent.
    unrepaired = workspace.skipping("reserved_properties")
    if unrepaired is not None and settings.currency:
        stages.append(DefaultCurrency(settings.currency, unrepaired))
    return stages


def build_repairs(workspace: Workspace) -> list[Stage]:
    """Return the stages that make values and names right before anything judges them."""
    stages: list[Stage] = []
    unrepaired = workspace.skipping("reserved_properties")
    if unrepaired is not None:
        stages.append(ReservedProperties(unrepaired))
    # Behind the repairs, so that it judges what is left to be judged.
    unrecognised = workspace.skipping("semantic_events")
    if unrecognised is not None:
        stages.append(SemanticEvents(unrecognised, rename=workspace.pipeline.rename_events))
    return stages


def chain_stamp(workspace: Workspace) -> Hashable:
    """Return what changes whenever a file does that `build_chain` reads."""
    files = [suppression_file(workspace.data)]
    if workspace.pipeline.geo_file:
        files.append(workspace.folder / workspace.pipeline.geo_file)
    return (plans_stamp(workspace.folder), *map(_file_stamp, files))


def _file_stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def build_default_chain() -> list[Stage]:
    """Return the stages of a workspace that has neither settings nor files for them."""
    return [
        CommonFields(),
        Times(),
        Enrich(),
        ReservedProperties(),
        SemanticEvents(),
        DefaultCurrency("USD"),
    ]


def run_chain(stages: Sequence[Stage], calls: Sequence[Call]) -> list[Draft]:
    """Return what `calls` become, in their order; each gives one draft, more where a stage split it.

    Drafts with `end` set are no events. A stage that fails on an event quarantines it as `pipeline_error`.
    """
    try:
        return _run(stages, calls)
    except _StageFailed:
        # Some drafts are half changed: from the raw records again, each alone, so that a fault costs only its event.
        return [draft for call in calls for draft in _run_alone(stages, call)]


def trace_chain(stages: Sequence[Stage], raw: RawRecord, place: Place) -> list[Step]:
    """Return the call after `read` and after each stage that saw it; a stage that failed is the last."""
    try:
        drafts = _read_all([(raw, place)])
    except _StageFailed as failure:
        drafts = [_failed(raw, place, failure)]
    steps = [Step("read", copy.deepcopy(drafts))]
    for stage in stages:
        if isinstance(stage, FunctionStage) and raw.source not in stage.sources:
            continue
        live = [draft for draft in drafts if draft.end is None]
        if not live:
            break
        ended = [draft for draft in drafts if draft.end is not None]
        try:
            drafts = _through(stage, live) + ended
        except _StageFailed as failure:
            drafts = [_failed(raw, place, failure)]
        steps.append(Step(stage.name, copy.deepcopy(drafts)))
    return steps


class _StageFailed(Exception):
    def __init__(self, stage: str, error: Exception) -> None:
        super().__init__(f"{stage} failed: {type(error).__name__}: {error}")
        self.stage = stage


def _run(stages: Sequence[Stage], calls: Sequence[Call]) -> list[Draft]:
    live = _read_all(calls)
    ended = _take_ended(live)
    for stage in stages:
        live = _through(stage, live)
        ended += _take_ended(live)
    if not ended and len(live) == len(calls):
        return live
    order = {place: number for number, (_, place) in enumerate(calls)}
    return sorted(live + ended, key=lambda draft: (order[draft.place], draft.part))


def _run_alone(stages: Sequence[Stage], call: Call) -> list[Draft]:
    try:
        return _run(stages, [call])
    except _StageFailed as failure:
        return [_failed(*call, failure)]


def _through(stage: Stage, drafts: list[Draft]) -> list[Draft]:
    try:
        drafts = stage.run(drafts)
    except Exception as error:  # a fault of ours must not cost the event: it waits in quarantine
        raise _StageFailed(stage.name, error) from error
    for draft in drafts:
        if draft.end is not None:
            draft.ended_in = stage.name
    return drafts


def _take_ended(drafts: list[Draft]) -> list[Draft]:
    """Take the drafts that go no further out of `drafts`, and return them."""
    ended = [draft for draft in drafts if draft.end is not None]
    if ended:
        drafts[:] = [draft for draft in drafts if draft.end is None]
    return ended


def _read_all(calls: Sequence[Call]) -> list[Draft]:
    try:
        return read_all(calls)
    except Exception as error:  # as in `_through`
        raise _StageFailed("read", error) from error


def _failed(raw: RawRecord, place: Place, failure: _StageFailed) -> Draft:
    end = refuse("pipeline_error", "", str(failure))
    return Draft(raw, place, {}, findings=[], end=end, ended_in=failure.stage)
