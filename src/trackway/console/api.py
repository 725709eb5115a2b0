"""The console's JSON API, but for the live tail. Words of an event are written as Segment writes them (`messageId`)."""

import asyncio
from collections.abc import Mapping, Sequence
from threading import Event
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from trackway import __version__
from trackway.console import history
from trackway.console.answers import encoded_answer, json_answer
from trackway.console.bodies import read_json
from trackway.console.contract import Queries
from trackway.console.entries import Entry, Filter, Position, open_record, with_body
from trackway.console.errors import ApiError
from trackway.console.overview import Overview
from trackway.console.query import number, truth
from trackway.events.clock_skew import format_ms
from trackway.events.records import RAW, Place, decode_raw
from trackway.log.contract import EventLog
from trackway.warehouse.contract import QueryError, QueryRefused, QueryResult, QueryTimeout
from trackway.workspace import Workspace

PAGE = 100
MAX_PAGE = 1_000
MAX_SQL_CHARS = 100_000
QUERY_TIMEOUT_S = 30.0
QUERIES_AT_ONCE = 2
_LOOK_EVERY_S = 0.1
_BEYOND = 1 << 62
"""No log reaches this number, and no database minds one below it."""


class RawView(Struct, kw_only=True, rename="camel"):
    """A call as it came in."""

    position: Position
    received_at: str
    sent_at: str | None
    ip: str
    user_agent: str
    client_side: bool
    body: str
    """The call's own text; what is not UTF-8 in it is shown as �."""
    shared: str
    """The request's common `context` and `integrations`."""


class RecordView(Struct):
    """One record, and the call that it came from while the raw log keeps that."""

    record: Entry
    raw: RawView | UnsetType


class SqlQuestion(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/sql`."""

    sql: Annotated[str, Meta(min_length=1, max_length=MAX_SQL_CHARS)]
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    warehouse: str | None = None
    """Its name in trackway.yaml; default: the first."""


class Api:
    """Answers `/api/…`."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        ingest_url: str,
        clean: EventLog,
        raw: EventLog,
        overview: Overview,
        queries: Queries | None,
    ) -> None:
        self._clean, self._raw = clean, raw
        self._overview = overview
        self.configure(workspace, ingest_url=ingest_url, queries=queries)
        self._query_slots = asyncio.Semaphore(QUERIES_AT_ONCE)

    def configure(
        self,
        workspace: Workspace,
        *,
        ingest_url: str,
        queries: Queries | None,
        mistake: str = "",
        waiting: Sequence[str] = (),
    ) -> None:
        """Show these settings from now on, and how they stand; see `reconfigure` in `app.py`."""
        self._workspace, self._ingest_url, self._queries = workspace, ingest_url, queries
        self._settings = {"mistake": mistake or None, "waiting": list(waiting)}

    async def workspace(self, request: Request) -> Response:
        """`GET /api/workspace`: sources, destinations, addresses, and how trackway.yaml stands; no secrets."""
        workspace = self._workspace
        sources = [
            {
                "key": key,
                "name": workspace.display_name(key),
                "write_keys": source.write_keys,
                "enabled": source.enabled,
            }
            for key, source in workspace.sources.items()
        ]
        destinations = [
            {"key": key, "name": each.name or key, "type": each.type, "enabled": each.enabled}
            for key, each in workspace.destinations.items()
        ]
        return json_answer(
            {
                "version": __version__,
                "ingest_url": self._ingest_url,
                "sources": sources,
                "destinations": destinations,
                "sql": self._queries is not None,
                "settings": self._settings,
            }
        )

    async def overview(self, request: Request) -> Response:
        """`GET /api/overview`: the counts of this moment."""
        return encoded_answer(await self._overview.current())

    async def events(self, request: Request) -> Response:
        """`GET /api/events`: the newest records below `before`, newest first."""
        query = request.query_params
        wanted = Filter.of_query(query)
        limit = number(query, "limit", default=PAGE, most=MAX_PAGE)
        bodies = truth(query, "body", default=True)
        before = self._before(query)
        page = await asyncio.to_thread(self._read_page, wanted, before, limit, bodies)
        return json_answer(
            {
                "events": page.entries,
                "scanned": page.scanned,
                "exhausted": page.exhausted,
                "before": history.format_vector(page.before),
            }
        )

    def _before(self, query: Mapping[str, str]) -> history.Vector | None:
        text = query.get("before", "")
        if not text:
            return None
        vector = history.parse_vector(text, self._clean.topics)
        if vector is None:
            raise ApiError(400, "bad_parameter", "before is what an earlier answer gave as before")
        return vector

    def _read_page(self, wanted: Filter, before: history.Vector | None, limit: int, bodies: bool) -> history.Page:
        start = history.heads(self._clean) if before is None else before
        return history.read_page(self._clean, wanted, before=start, limit=limit, bodies=bodies)

    async def event(self, request: Request) -> Response:
        """`GET /api/events/{topic}/{partition}/{offset}`: one record with the call it came from."""
        params = request.path_params
        topic, partition, offset = params["topic"], params["partition"], params["offset"]
        if topic not in self._clean.topics:
            raise ApiError(404, "unknown_topic", f"records stand in {', '.join(self._clean.topics)}, not in {topic}")
        in_range = partition < _BEYOND and offset < _BEYOND
        found = await asyncio.to_thread(self._read_record, topic, partition, offset) if in_range else None
        if found is None:
            place = f"{topic}/{partition}/{offset}"
            raise ApiError(
                404, "not_found", f"there is no record {place}: it is too old to be kept, or not yet written"
            )
        return json_answer(found)

    def _read_record(self, topic: str, partition: int, offset: int) -> RecordView | None:
        record = _read_one(self._clean, topic, Place(partition, offset))
        if record is None:
            return None
        found = open_record(topic, partition, offset, record)
        raw = _read_one(self._raw, RAW, found.raw)
        if raw is None:
            return RecordView(with_body(found.entry, found.body), UNSET)
        call = decode_raw(raw)
        view = RawView(
            position=Position(RAW, *found.raw),
            received_at=format_ms(call.received_at_ms),
            sent_at=call.sent_at,
            ip=call.ip,
            user_agent=call.user_agent,
            client_side=call.client_side,
            body=call.body.decode("utf-8", "replace"),
            shared=call.shared.decode("utf-8", "replace"),
        )
        return RecordView(with_body(found.entry, found.body or call.body), view)

    async def sql(self, request: Request) -> Response:
        """`POST /api/sql`: the answer of the warehouse to a reading query."""
        queries = self._queries
        if queries is None:
            raise ApiError(404, "no_warehouse", "no warehouse is switched on in trackway.yaml")
        question = await read_json(request, SqlQuestion)
        async with self._query_slots:
            try:
                result = await _asked(request, queries, question)
            except QueryError as error:
                return _query_failed(error)
        return json_answer(
            {
                "columns": [{"name": n, "type": t} for n, t in zip(result.columns, result.types, strict=True)],
                "rows": result.rows,
                "truncated": result.truncated,
                "duration_ms": round(result.duration_s * 1000, 1),
            }
        )


async def _asked(request: Request, queries: Queries, question: SqlQuestion) -> QueryResult:
    """Return the answer; a query whose asker has gone is stopped.

    Raises:
        QueryError: as the warehouse has it.
    """
    stop = Event()
    asking = asyncio.create_task(
        asyncio.to_thread(
            queries.query,
            question.sql,
            limit=question.limit,
            timeout_s=QUERY_TIMEOUT_S,
            warehouse=question.warehouse,
            stop=stop,
        )
    )
    while not (await asyncio.wait({asking}, timeout=_LOOK_EVERY_S))[0]:
        if await request.is_disconnected():
            stop.set()
    return asking.result()


def _read_one(log: EventLog, topic: str, place: Place) -> bytes | None:
    for got in log.read(topic, place.partition, place.offset):
        return got.records[0]
    return None


def _query_failed(error: QueryError) -> Response:
    refused, late = isinstance(error, QueryRefused), isinstance(error, QueryTimeout)
    code = "query_refused" if refused else "query_timeout" if late else "query_failed"
    return json_answer({"code": code, "message": str(error), "position": error.position}, status=400)
