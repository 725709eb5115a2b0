"""One made-up call on its way: collector, pipeline, lint, plan, destinations; nothing is kept, nothing is sent.

Only duplicates cannot be told: that a message id came before is known by the running pipeline alone.
"""

import threading
import time
from collections.abc import Callable, Collection, Hashable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, cast

import msgspec

from trackway.collector.intake import Body, Limits, Origin, take_in
from trackway.errors import TrackwayError
from trackway.events.context_lint import check_context
from trackway.events.naming_lint import NamingLint
from trackway.events.records import Place, RawRecord, decode_raw
from trackway.events.remarks import Remark
from trackway.events.semantic import SemanticEvent, check_properties, recognise
from trackway.node.playground.rendering import Renderer, kinds_to_show
from trackway.node.playground.told import (
    ContextTold,
    NamingTold,
    PlanTold,
    PropertyTold,
    RemarkTold,
    SemanticTold,
    Told,
    VerdictTold,
    ViolationTold,
)
from trackway.node.tracing.stages import Run, StageStory, tell_finding, tell_steps
from trackway.pipeline.chain import Stage, Step, build_chain, build_default_chain, chain_stamp, trace_chain
from trackway.pipeline.draft import Draft
from trackway.pipeline.ends import event_record
from trackway.pipeline.stages.plan import action_for
from trackway.workspace.model import Source, Workspace
from trackway.workspace.plans import PlanCheck, load_plans
from trackway.workspace.plans.folder import Followed

EXAMPLE_SOURCE = "playground"
_HERE = Place(0, 0)
_NOT_EVENT: dict[str, Any] = {}


class _Ready(NamedTuple):
    """What the files of a workspace say."""

    stages: Sequence[Stage]
    plans: dict[str, tuple[Followed, PlanCheck]]
    renderer: Renderer
    mistake: str


class Playground:
    """Says what would become of calls. For any thread; one call at a time."""

    def __init__(
        self,
        workspace: Callable[[], Workspace] | None,
        names: Callable[[str], Collection[str]] = lambda _: (),
    ) -> None:
        """Without a `workspace` there is no plan, and example settings stand for all destinations.

        `names` gives the event names that a source uses already.
        """
        self._workspace = workspace
        self._names = names
        self._lock = threading.Lock()
        self._made: tuple[Workspace | None, Hashable, _Ready] | None = None

    def preview(
        self,
        body: bytes,
        *,
        source: str = "",
        path_type: str | None = None,
        ip: str = "",
        user_agent: str = "",
        client_side: bool = False,
        examples: bool = True,
    ) -> Told:
        """Return what would become of the call whose JSON is `body`, were it sent to `source` now.

        `examples` also shows destination types that the workspace does not have.

        Raises:
            TrackwayError: there is no such source.
        """
        began = time.perf_counter()
        origin = Origin(time.time_ns() // 1_000_000, ip, user_agent, client_side)
        with self._lock:
            workspace = self._workspace() if self._workspace else None
            key, settings = _source(workspace, source)
            ready = self._ready(workspace)
            raw = _taken_in(body, key, path_type, origin, settings)
            told = self._told(ready, workspace, raw, examples=examples)
        told.duration_ms = round((time.perf_counter() - began) * 1000, 1)
        return told

    def _told(self, ready: _Ready, workspace: Workspace | None, raw: RawRecord, *, examples: bool) -> Told:
        steps = [] if raw.refusal else trace_chain(ready.stages, raw, _HERE)
        run = tell_steps(steps, raw, _HERE, raw.message_id) if steps else Run(stages=[], event=None)
        draft = _chosen(steps[-1], raw.message_id) if steps else None
        sent = steps[0].drafts[0].event if steps else _sent(raw.body)
        record = event_record(draft) if draft is not None and draft.end is None else None
        kinds = kinds_to_show(workspace) if examples else []
        told = Told(
            verdict=_verdict(raw),
            size_bytes=len(raw.body),
            event=run.event,
            stages=run.stages,
            findings=[tell_finding(one) for one in (draft.findings if draft else [])],
            naming=self._naming(ready, raw, sent),
            context=[
                ContextTold(pointer=one.pointer, message=one.message) for one in check_context(sent.get("context"))
            ],
            semantic=_semantic(raw.type, sent),
            plan=_planned(ready, steps, raw),
            destinations=ready.renderer.show(record, kinds),
            mistake=ready.mistake,
        )
        if run.stages and (last := run.stages[-1]).end:
            _note_end(told, last)
        return told

    def _ready(self, workspace: Workspace | None) -> _Ready:
        """Return what the files say, read again when one changed."""
        stamp = chain_stamp(workspace) if workspace else None
        if self._made is None or self._made[0] is not workspace or self._made[1] != stamp:
            self._made = (workspace, stamp, _read(workspace))
        return self._made[2]

    def _naming(self, ready: _Ready, raw: RawRecord, sent: dict[str, Any]) -> list[NamingTold]:
        name = sent.get("event")
        if raw.type != "track" or not isinstance(name, str) or not name:
            return []
        followed = ready.plans.get(raw.source)
        planned = set(followed[0].plan.events()) if followed else set[str]()
        if name in planned:
            return []  # a plan is somebody's decision
        lint = NamingLint({*planned, *self._names(raw.source)})
        return [NamingTold(code=one.code, message=one.message, suggestion=one.suggestion) for one in lint.check(name)]


def _source(workspace: Workspace | None, key: str) -> tuple[str, Source]:
    if workspace is None:
        return EXAMPLE_SOURCE, Source(write_keys=[EXAMPLE_SOURCE])
    name = key or next(iter(workspace.sources), "")
    found = workspace.sources.get(name)
    if found is None:
        raise TrackwayError(f"there is no source {name[:100]}; there are: {', '.join(workspace.sources) or 'none'}")
    return name, found


def _read(workspace: Workspace | None) -> _Ready:
    if workspace is None:
        return _Ready(build_default_chain(), {}, Renderer(None), "")
    try:
        followed = load_plans(workspace.folder, workspace.sources).by_source()
        checks = {one.plan.id: PlanCheck(one.plan) for one in followed.values()}
        plans = {source: (one, checks[one.plan.id]) for source, one in followed.items()}
        return _Ready(build_chain(workspace), plans, Renderer(workspace), "")
    except TrackwayError as error:
        return _Ready(build_default_chain(), {}, Renderer(workspace), str(error))


def _taken_in(body: bytes, source: str, path_type: str | None, origin: Origin, settings: Source) -> RawRecord:
    sent_at = _sent(body).get("sentAt")
    call = Body((body,), None, sent_at if isinstance(sent_at, str) else None)
    limits = Limits(int(settings.max_event), settings.max_batch)
    return decode_raw(take_in(call, source=source, path_type=path_type, origin=origin, limits=limits).records[0])


def _sent(body: bytes) -> dict[str, Any]:
    try:
        found: object = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _NOT_EVENT
    return cast("dict[str, Any]", found) if isinstance(found, dict) else _NOT_EVENT


def _verdict(raw: RawRecord) -> VerdictTold:
    refusal = raw.refusal
    told = VerdictTold(accepted=refusal is None, type=raw.type, message_id=raw.message_id)
    if refusal is not None:
        told.reason, told.pointer, told.message = refusal.reason, refusal.pointer, refusal.message
    return told


def _chosen(step: Step, message_id: str) -> Draft:
    return next((draft for draft in step.drafts if draft.event.get("messageId") == message_id), step.drafts[0])


def _note_end(told: Told, last: StageStory) -> None:
    told.ended = f"{last.end} in {last.stage}"
    told.reason, told.message = last.reason, last.message


def _semantic(kind: str, sent: dict[str, Any]) -> SemanticTold | None:
    name = sent.get("event")
    known = recognise(name) if kind == "track" and isinstance(name, str) else None
    if known is None:
        return None
    properties = sent.get("properties")
    given = cast("dict[str, Any]", properties) if isinstance(properties, dict) else {}
    remarks: Sequence[Remark] = check_properties(known, given)
    return SemanticTold(
        name=known.name,
        category=known.category,
        summary=known.summary,
        properties=[_expected(known, name, given) for name in known.properties],
        remarks=[RemarkTold(code=one.code, pointer=one.pointer, detail=one.detail) for one in remarks],
        renames={name: right for name, right in known.renames.items() if name in given and right not in given},
    )


def _expected(known: SemanticEvent, name: str, given: dict[str, Any]) -> PropertyTold:
    rule = known.properties[name]
    return PropertyTold(
        name=name,
        type=rule.type if isinstance(rule.type, str) else " or ".join(rule.type),
        description=rule.description,
        advised=any(name in group for group in known.advised),
        given=name in given,
    )


def _planned(ready: _Ready, steps: Sequence[Step], raw: RawRecord) -> PlanTold | None:
    """Return what the plan says of the event as it comes to the plan's stage."""
    if raw.source not in ready.plans:
        return None
    followed, check = ready.plans[raw.source]
    before = _before_plan(steps, raw.message_id)
    event = before.event if before is not None else {}
    name = event.get("event") if raw.type == "track" else ""
    rule = followed.plan.rule(raw.type, name if isinstance(name, str) else "")
    told = PlanTold(plan=followed.plan.name, file=f"plans/{followed.plan.id}.yaml", planned=rule is not None)
    if rule is not None:
        told.rows = [
            {
                "path": row.name,
                "types": row.types,
                "required": row.required,
                "enum": row.enum,
                "description": row.description,
            }
            for row in rule.rows
        ]
    if before is not None:
        verdict = check.judge(event)
        told.unknown_version = verdict.unknown_version
        told.violations = [
            ViolationTold(
                kind=one.kind,
                pointer=one.pointer,
                description=one.description,
                action=action_for(one, raw.type, followed.controls),
            )
            for one in verdict.violations
        ]
    return told


def _before_plan(steps: Sequence[Step], message_id: str) -> Draft | None:
    for earlier, step in pairwise(steps):
        if step.stage == "plan":
            return _chosen(earlier, message_id)
    return None
