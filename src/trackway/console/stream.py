"""`GET /api/live`: the live tail as server-sent events.

    history   how the opening went: {"resumed", "scanned", "exhausted", "before"}; clear what you show unless resumed
    records   a JSON array of entries, oldest first; the event id is where to resume
    gap       {"count"}: records that were not sent because the viewer was too slow or away too long
    overview  the counts, at most once a second, when they changed

Reconnecting with `Last-Event-ID` (or `?after=`) goes on without loss, up to `RESUME_RECORDS`.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trackway.console import history
from trackway.console.entries import Entry, Filter, open_record, with_body
from trackway.console.errors import ApiError
from trackway.console.history import Vector
from trackway.console.live import Hub, Piece, Viewer
from trackway.console.overview import Overview
from trackway.console.query import number, truth
from trackway.log.contract import EventLog

RECENT = 200
MAX_RECENT = 5_000
RESUME_RECORDS = 10_000
HEARTBEAT_S = 10.0
MESSAGE_GAP_S = 0.01
"""At most one `records` message in this time, so that a viewer's work has a bound …"""
MESSAGE_RECORDS = 200
"""… of this many records each: 20,000 a second. What comes faster is a gap."""
CHUNK_RECORDS = 500


class Wish(Struct, frozen=True):
    """What a viewer asked for."""

    wanted: Filter
    recent: int
    bodies: bool
    after: Vector | None

    @classmethod
    def of_request(cls, request: Request, topics: tuple[str, ...]) -> "Wish":
        """Read the query and `Last-Event-ID`.

        Raises:
            ApiError: 400, for a parameter that makes no sense.
        """
        query = request.query_params
        # A browser that reconnects by itself repeats the old address and sends the newer place as a header.
        place = request.headers.get("last-event-id") or query.get("after", "")
        return cls(
            Filter.of_query(query),
            number(query, "recent", default=RECENT, most=MAX_RECENT),
            truth(query, "body", default=True),
            history.parse_vector(place, topics) if place else None,
        )


class LiveStream:
    """Answers `GET /api/live`."""

    def __init__(self, log: EventLog, hub: Hub, overview: Overview, *, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._log, self._hub, self._overview, self._heartbeat_s = log, hub, overview, heartbeat_s

    async def respond(self, request: Request) -> Response:
        """Return the endless answer to one viewer."""
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        wish = Wish.of_request(request, self._log.topics)
        if self._hub.full:
            raise ApiError(503, "too_many_viewers", "too many live views are open; close one and try again")
        # Proxies that collect an answer before they pass it on would stop the live view: nginx heeds this header.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._messages(wish), media_type="text/event-stream", headers=headers)

    async def _messages(self, wish: Wish) -> AsyncIterator[bytes]:
        async with self._hub.watch() as viewer:
            yield b"retry: 1000\n\n"
            async for message in self._opening(wish, viewer.start):
                yield message
            async for message in self._following(wish, viewer):
                yield message

    async def _opening(self, wish: Wish, start: Vector) -> AsyncIterator[bytes]:
        """Yield what was in the log before the viewer came."""
        after = wish.after if wish.after is not None and _reachable(wish.after, start) else None
        page = await self._page(wish, start, after, wish.recent if after is None else RESUME_RECORDS)
        told = {
            "resumed": after is not None,
            "scanned": page.scanned,
            "exhausted": page.exhausted,
            "before": history.format_vector(page.before),
        }
        yield _message("history", msgspec.json.encode(told))
        place = dict(page.before)
        if after is not None and not page.exhausted:
            yield _gap(sum(place.get(of, 0) - after.get(of, 0) for of in place if of[0] in wish.wanted.topics))
        entries = page.entries[::-1]
        for i in range(0, len(entries), CHUNK_RECORDS):
            chunk = entries[i : i + CHUNK_RECORDS]
            for at in (entry.position for entry in chunk):
                place[at.topic, at.partition] = at.offset + 1
            yield _records(chunk, place)
        yield _place(start)

    async def _page(self, wish: Wish, before: Vector, floor: Vector | None, limit: int) -> history.Page:
        scan = history.MAX_SCANNED if floor is None else RESUME_RECORDS
        return await asyncio.to_thread(
            history.read_page,
            self._log,
            wish.wanted,
            before=before,
            limit=limit,
            floor=floor,
            bodies=wish.bodies,
            max_scanned=scan,
        )

    async def _following(self, wish: Wish, viewer: Viewer) -> AsyncIterator[bytes]:
        """Yield what comes from now on."""
        vector = dict(viewer.start)
        version = 0
        spoke_at = time.monotonic()
        while not viewer.closed:
            silence_s = time.monotonic() - spoke_at
            taken = viewer.take(max_records=MESSAGE_RECORDS)
            entries = _entries(taken.pieces, wish)
            for piece in taken.pieces:
                vector[piece.topic, piece.partition] = piece.next
            if taken.missed:
                yield _gap(taken.missed)
            if entries:
                yield _records(entries, vector)
            elif silence_s >= self._heartbeat_s:
                yield _place(vector)
            if version != self._overview.version and self._overview.latest:
                version = self._overview.version
                yield _message("overview", self._overview.latest)
            if entries or silence_s >= self._heartbeat_s:
                spoke_at = time.monotonic()
            if taken.pieces:
                await asyncio.sleep(MESSAGE_GAP_S)
            else:
                await viewer.wait(self._heartbeat_s)


def _reachable(after: Vector, start: Vector) -> bool:
    """Tell whether `after` is a place in this log: one beyond its end comes from a log that was deleted since."""
    return all(offset <= start.get(place, 0) for place, offset in after.items())


def _entries(pieces: list[Piece], wish: Wish) -> list[Entry]:
    topics = wish.wanted.topics
    entries: list[Entry] = []
    for piece in pieces:
        if piece.topic not in topics:
            continue
        for i, record in enumerate(piece.records):
            found = open_record(piece.topic, piece.partition, piece.first + i, record)
            if wish.wanted.matches(found):
                entries.append(with_body(found.entry, found.body) if wish.bodies else found.entry)
    return entries


def _records(entries: list[Entry], vector: Vector) -> bytes:
    return _id(vector) + _message("records", msgspec.json.encode(entries))


def _gap(count: int) -> bytes:
    return _message("gap", msgspec.json.encode({"count": count}))


def _place(vector: Vector) -> bytes:
    """A heartbeat that also moves the place to resume at past records that the filter kept back."""
    return b": here\n" + _id(vector) + b"\n"


def _id(vector: Vector) -> bytes:
    return f"id: {history.format_vector(vector)}\n".encode()


def _message(event: str, data: bytes) -> bytes:
    # Bodies stand in `data` as their senders wrote them, and JSON may have line breaks between its tokens.
    data = data.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"
