"""The part of the API about tracking plans: coverage, violations, drafts of rules, and the schema as CSV.

What a plan says comes from the workspace's folder `plans/` as it is now; what was sent from the catalogue.
"""

import asyncio
import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.catalogue import violations, volumes
from trackway.catalogue.entries import CatalogueReader, EventEntry
from trackway.catalogue.inventory import inventory
from trackway.console import history
from trackway.console.answers import json_answer
from trackway.console.entries import Filter
from trackway.console.errors import ApiError
from trackway.console.query import number
from trackway.errors import TrackwayError
from trackway.events.clock_skew import format_ms
from trackway.events.naming_lint import NamingLint
from trackway.log.contract import EventLog
from trackway.workspace.model import Workspace
from trackway.workspace.plans import Plan, Row, Rule, load_plans
from trackway.workspace.plans.folder import FOLDER, Plans
from trackway.workspace.plans.inferring import PlanInference
from trackway.workspace.plans.model import MEMBERS
from trackway.workspace.plans.writing import write_plan

MOST_INFERRED = 500
"""Of the newest events, for a draft of a rule."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class RowView(Struct, kw_only=True):
    """What is planned of one value."""

    path: str
    types: list[str]
    required: bool
    enum: list[Any]
    description: str


class RuleView(Struct, kw_only=True):
    """What is planned of an event, and whether it came."""

    type: str
    name: str
    version: int
    description: str
    rows: list[RowView]
    seen: int
    last_ms: int | None


class Coverage(Struct, kw_only=True):
    """How what a source sends and what is planned for it go together."""

    source: str
    plan: str = ""
    """The plan's name; `""`: the source follows none."""
    file: str = ""
    controls: Any = None
    rules: list[RuleView] = field(default_factory=list[RuleView])
    planned_names: int = 0
    """Of the `names` (and types of calls without one) about which the plan says something; so are the next three."""
    names: int = 0
    planned_events: int = 0
    events: int = 0
    mistake: str = ""
    """Why the plans cannot be read."""


class Draft(Struct, kw_only=True):
    """A rule as YAML."""

    file: str
    """Where it belongs, relative to the workspace."""
    rule: str
    """The rule alone."""
    whole: str
    """The file with the rule in it; comments of the file are not kept."""
    events: int
    """How many events it was learnt from."""
    new_file: bool


class PlanApi:
    """Answers `/api/plan/…`, and of the catalogue volumes, names, the CSV and the inventory of personal data."""

    def __init__(self, workspace: Callable[[], Workspace], engine: Engine, clean: EventLog) -> None:
        self._workspace, self._engine, self._clean = workspace, engine, clean
        self._catalogue = CatalogueReader(engine)
        self.routes = [
            Route("/api/plan/coverage", self.coverage),
            Route("/api/plan/violations", self.violations),
            Route("/api/plan/draft", self.draft),
            Route("/api/catalogue/volumes", self.volumes),
            Route("/api/catalogue/naming", self.naming),
            Route("/api/catalogue/schema.csv", self.csv),
            Route("/api/catalogue/personal", self.personal),
        ]

    async def coverage(self, request: Request) -> Response:
        """`GET /api/plan/coverage`: for each source, what is planned, and how much of what came is."""
        return json_answer({"coverage": await asyncio.to_thread(self._coverage)})

    async def violations(self, request: Request) -> Response:
        """`GET /api/plan/violations`: of the last `days`, grouped, counted, with samples."""
        days = number(request.query_params, "days", default=violations.KEPT_DAYS, most=violations.KEPT_DAYS)
        source = request.query_params.get("source") or None
        since = time.time_ns() // 1_000_000 // violations.DAY_MS - days + 1
        found = await asyncio.to_thread(violations.read, self._engine, source=source, since_day=since)
        return json_answer({"violations": found, "since_day": since})

    async def draft(self, request: Request) -> Response:
        """`GET /api/plan/draft?source=&type=&event=`: a rule for an event, learnt from the newest ones."""
        query = request.query_params
        source, kind, name = query.get("source", ""), query.get("type", "track"), query.get("event", "")
        return json_answer(await asyncio.to_thread(self._draft, source, kind, name))

    async def volumes(self, request: Request) -> Response:
        """`GET /api/catalogue/volumes`: events an hour of the last `hours`, by source, type and name."""
        hours = number(request.query_params, "hours", default=168, most=volumes.KEPT_HOURS)
        newest = time.time_ns() // 1_000_000 // volumes.HOUR_MS
        found = await asyncio.to_thread(volumes.read, self._engine, since_hour=newest - hours + 1)
        told = [
            {"source": source, "type": kind, "name": name, "hours": _series(by_hour, newest - hours + 1, hours)}
            for (source, kind, name), by_hour in found.items()
        ]
        return json_answer({"first_hour": newest - hours + 1, "volumes": told})

    async def naming(self, request: Request) -> Response:
        """`GET /api/catalogue/naming`: what could be better about the names in use, by source."""
        return json_answer({"naming": await asyncio.to_thread(self._naming)})

    async def csv(self, request: Request) -> Response:
        """`GET /api/catalogue/schema.csv`: all events and properties of `source`, or of all."""
        source = request.query_params.get("source") or None
        text = await asyncio.to_thread(lambda: schema_csv(self._catalogue.events(source=source)))
        disposition = 'attachment; filename="trackway-schema.csv"'
        return Response(text, headers={"Content-Disposition": disposition}, media_type="text/csv; charset=utf-8")

    async def personal(self, request: Request) -> Response:
        """`GET /api/catalogue/personal`: the fields of `source`, or of all, that hold personal data."""
        source = request.query_params.get("source") or None
        privacy = self._workspace().privacy
        found = await asyncio.to_thread(lambda: inventory(self._catalogue.events(source=source), privacy))
        return json_answer({"fields": found})

    def _plans(self) -> Plans:
        workspace = self._workspace()
        return load_plans(workspace.folder, workspace.sources)

    def _coverage(self) -> list[Coverage]:
        entries: dict[str, list[EventEntry]] = {}
        for entry in self._catalogue.events():
            entries.setdefault(entry.source, []).append(entry)
        try:
            plans, mistake = self._plans(), ""
        except TrackwayError as error:
            plans, mistake = None, str(error)
        return [_covered(source, entries.get(source, []), plans, mistake) for source in self._workspace().sources]

    def _naming(self) -> list[dict[str, Any]]:
        names: dict[str, set[str]] = {}
        for entry in self._catalogue.events():
            if entry.type == "track":
                names.setdefault(entry.source, set()).add(entry.name)
        told: list[dict[str, Any]] = []
        for source, used in names.items():
            lint = NamingLint(used)
            told += [
                {"source": source, "name": name, "code": one.code, "message": one.message, "suggestion": one.suggestion}
                for name in sorted(used)
                for one in lint.check(name)
            ]
        return told

    def _draft(self, source: str, kind: str, name: str) -> Draft:
        workspace = self._workspace()
        if source not in workspace.sources:
            raise ApiError(
                404, "no_source", f"there is no source {source[:100]}; there are: {', '.join(workspace.sources)}"
            )
        if kind not in MEMBERS:
            raise ApiError(400, "bad_parameter", f"a plan has rules for {', '.join(MEMBERS)}, not for {kind[:50]}")
        seen, count = self._learn(source, kind, name)
        if not count:
            raise ApiError(404, "no_events", f"the log has no {name or kind} event of {source} to learn from")
        rules = seen.plan("").rules
        try:
            followed = self._plans().of(source)
        except TrackwayError as error:
            raise ApiError(409, "plan_unreadable", f"{error}; mend the plan first") from None
        return _drafted(followed.plan if followed else None, source, rules, count)

    def _learn(self, source: str, kind: str, name: str) -> tuple[PlanInference, int]:
        wanted = Filter(outcome="ok", source=source, type=kind, name=name.casefold() if kind == "track" else "")
        page = history.read_page(self._clean, wanted, before=history.heads(self._clean), limit=MOST_INFERRED)
        seen, count = PlanInference(), 0
        for entry in page.entries:
            if isinstance(entry.body, msgspec.Raw) and (kind != "track" or entry.name == name):
                seen.add(msgspec.json.decode(entry.body))
                count += 1
        return seen, count


def _series(by_hour: Mapping[int, int], first: int, hours: int) -> list[int]:
    return [by_hour.get(first + i, 0) for i in range(hours)]


def _covered(source: str, entries: Sequence[EventEntry], plans: Plans | None, mistake: str) -> Coverage:
    found = Coverage(source=source, mistake=mistake, names=len(entries), events=sum(one.count for one in entries))
    followed = plans.of(source) if plans else None
    if followed is None:
        return found
    plan = followed.plan
    found.plan, found.file = plan.name, _file_of(plan)
    found.controls = followed.controls
    by_key = {(one.type, one.name if one.type == "track" else ""): one for one in entries}
    planned = {(rule.type, rule.event) for rule in plan.rules}
    # A plan says something about every track event, and about calls of the other types that it has a rule for; page and
    # screen events have names of their own, but one rule.
    meant = [entry for entry in entries if entry.type == "track" or (entry.type, "") in planned]
    found.names, found.events = len(meant), sum(one.count for one in meant)
    for entry in meant:
        if (entry.type, entry.name if entry.type == "track" else "") in planned:
            found.planned_names += 1
            found.planned_events += entry.count
    found.rules = [_rule_view(rule, by_key, entries) for rule in plan.rules]
    return found


def _rule_view(rule: Rule, by_key: Mapping[tuple[str, str], EventEntry], entries: Sequence[EventEntry]) -> RuleView:
    if rule.type == "track":
        hit = by_key.get(("track", rule.event))
        seen = [hit] if hit else []
    else:
        seen = [one for one in entries if one.type == rule.type]
    return RuleView(
        type=rule.type,
        name=rule.event,
        version=rule.version,
        description=rule.description,
        rows=[_row_view(row) for row in rule.rows],
        seen=sum(one.count for one in seen),
        last_ms=max((one.last_ms for one in seen), default=None),
    )


def _row_view(row: Row) -> RowView:
    return RowView(
        path=row.name, types=list(row.types), required=row.required, enum=list(row.enum), description=row.description
    )


def _file_of(plan: Plan) -> str:
    return f"{FOLDER}/{plan.id}.yaml"


def _drafted(plan: Plan | None, source: str, rules: Sequence[Rule], count: int) -> Draft:
    new_file = plan is None
    if plan is None:
        plan = Plan(name=f"{source} plan", id=source, sources={source: Plan(name="").controls})
    others = [one for one in plan.rules if (one.type, one.event) not in {(rule.type, rule.event) for rule in rules}]
    alone = write_plan(Plan(name="x", rules=tuple(rules))).partition("\n")[2].lstrip("\n")
    whole = write_plan(msgspec.structs.replace(plan, rules=(*others, *rules)))
    return Draft(file=_file_of(plan), rule=alone, whole=whole, events=count, new_file=new_file)


def schema_csv(entries: Sequence[EventEntry]) -> str:
    """Return events and properties as CSV, a property a line; texts that a spreadsheet would run are quoted for it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ("source", "type", "event", "count", "first seen", "last seen", "property", "types", "values", "samples",
         "property first seen", "property last seen")
    )  # fmt: skip
    for one in entries:
        about = (one.source, one.type, one.name, one.count, format_ms(one.first_ms), format_ms(one.last_ms))
        if not one.paths:
            writer.writerow([_safe(cell) for cell in (*about, "", "", "", "", "", "")])
        for path in one.paths:
            types, values = "|".join(path.types), sum(path.types.values())
            cells = (
                path.path,
                types,
                values,
                "|".join(path.samples),
                format_ms(path.first_ms),
                format_ms(path.last_ms),
            )
            writer.writerow([_safe(cell) for cell in (*about, *cells)])
    return out.getvalue()


def _safe(cell: Any) -> Any:
    """Return a cell that a spreadsheet takes as text: names come from strangers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
