"""Raw calls to measure the pipeline with, and a tracking plan of 200 events that they follow.

browser    visitors of three sites, each call alone, 830 bytes on average: pages, what is done on them, 200 event names
strangers  the same, but no two calls have the same context
shop       `trackway demo` as the collector hands it on: web, apps in batches and a backend, 1.2 kB, troubles included
"""

import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from benchmarks._harness import START_MS, TRACKS, iso, properties_of
from trackway.cli.shop import Plan as Play
from trackway.cli.shop import as_requests, simulate
from trackway.cli.shop.devices import BROWSERS
from trackway.cli.shop.people import PLACES
from trackway.collector.encodings import unpack
from trackway.collector.intake import Limits, Origin, read_batch, read_single, take_in
from trackway.events.records import Place, RawRecord, decode_raw
from trackway.pipeline.chain import build_default_chain, run_chain
from trackway.workspace.plans.inferring import PlanInference
from trackway.workspace.plans.writing import write_plan

SOURCES = {"browser": ("shop", "blog", "docs"), "strangers": ("shop", "blog", "docs"), "shop": ("web", "app", "server")}
PLANNED = 200
_VISITORS = 500
"""Who are there at the same time."""
_MOVES, _LEAVES = 0.3, 0.05
"""How often a call is a new page, and how often a visitor gives way to another."""
_OBJECTS = (
    "Report", "Dashboard", "Invoice", "Project", "Task", "Comment", "File", "Folder", "Video", "Lesson", "Quiz",
    "Survey", "Ticket", "Article", "Chart", "Query", "Alert", "Team", "Member", "Token", "Webhook", "Template",
    "Export", "Role",
)  # fmt: skip
_ACTIONS = ("Created", "Opened", "Edited", "Shared", "Deleted", "Archived", "Exported", "Renamed")
_CUSTOM = [f"{thing} {action}" for thing in _OBJECTS for action in _ACTIONS][: PLANNED - len(TRACKS)]
_SEARCHES = ("?utm_source=news&utm_medium=email&utm_campaign=spring", "?gclid=Cj0KCQiA1NebBhDDARIsAANiDD2J", "?q=lamp")
_REFERRERS = ("", "", "https://www.google.com/", "https://{site}.example/", "https://t.co/x1", "https://blog.example/a")
_LIMITS = Limits(1 << 20, 5000)
_encode = msgspec.json.Encoder().encode


def calls(traffic: str, count: int) -> Iterator[RawRecord]:
    """Yield `count` raw calls of a traffic; the same ones every time."""
    return _TRAFFIC[traffic](count)


def plan_text(traffic: str) -> str:
    """Return the YAML of a plan of 200 track events, inferred from what the traffic becomes, filled up with others."""
    inference = PlanInference()
    sample = [(raw, Place(0, offset)) for offset, raw in enumerate(calls(traffic, 20_000))]
    for draft in run_chain(build_default_chain(), sample):
        if draft.end is None and not draft.findings:
            inference.add(draft.event)
    chance = random.Random(3)
    planned = len(list(inference.plan("").events()))
    for number, name in enumerate(_CUSTOM[: max(0, PLANNED - planned)] if traffic == "shop" else ()):
        for _ in range(60):
            inference.add({"type": "track", "event": name, "properties": _custom(chance, number)})
    return write_plan(inference.plan("Everything"))


def _browser(count: int, *, strangers: bool = False) -> Iterator[RawRecord]:
    chance = random.Random(2)
    visitors = [_Visitor(chance, number) for number in range(_VISITORS)]
    for number in range(count):
        place = chance.randrange(_VISITORS)
        if chance.random() < _LEAVES:
            visitors[place] = _Visitor(chance, number + _VISITORS)
        visitor = visitors[place]
        received_ms = START_MS + number // 5
        body = visitor.act(chance, number, received_ms, stranger=strangers)
        yield RawRecord(
            visitor.site,
            body["type"],
            body["messageId"],
            received_ms,
            _encode(body),
            ip=visitor.ip,
            user_agent=visitor.agent,
            client_side=True,
        )


class _Visitor:
    """Somebody on a page."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.site = chance.choice(SOURCES["browser"])
        self.number = number
        self.ip = f"203.0.{chance.randrange(256)}.{chance.randrange(256)}"
        browser = chance.choice(BROWSERS)
        self.agent = browser.user_agent.replace("141.", f"{chance.randint(100, 141)}.")
        self.place = chance.choice(PLACES)
        self.page: dict[str, str] = {}
        self.move(chance)

    def move(self, chance: random.Random) -> None:
        """Go to another page."""
        path = f"/p/{int(chance.paretovariate(0.5)) % 500}"
        search = chance.choice(_SEARCHES) if chance.random() < 0.2 else ""
        self.page = {
            "path": path,
            "referrer": chance.choice(_REFERRERS).format(site=self.site),
            "search": search,
            "title": "Shop",
            "url": f"https://{self.site}.example{path}{search}",
        }

    def act(self, chance: random.Random, number: int, received_ms: int, *, stranger: bool) -> dict[str, Any]:
        """Return the next call, as analytics.js words it."""
        dice = chance.random()
        kind = "page" if dice < _MOVES else "identify" if dice < _MOVES + 0.03 else "track"
        if kind == "page":
            self.move(chance)
        if stranger:
            self.page = {**self.page, "title": f"Shop {number}"}
        call: dict[str, Any] = {"timestamp": iso(received_ms - 240), "integrations": {}, "type": kind}
        if kind == "track":
            call |= _tracked(chance, number)
        elif kind == "page":
            call |= {"name": "Product", "properties": {"name": "Product", **self.page}}
        else:
            plan = chance.choice(["free", "pro"])
            call["traits"] = {"email": f"user{self.number}@mail.example", "plan": plan, "logins": number}
        context: dict[str, Any] = {
            "page": self.page,
            "userAgent": self.agent,
            "locale": self.place.locale,
            "timezone": self.place.timezone,
            "library": {"name": "analytics.js", "version": "npm:next-1.81.0"},
        }
        user = f"user-{self.number}" if self.number % 3 else None
        return call | {
            "context": context,
            "messageId": f"ajs-next-{received_ms}-{chance.getrandbits(96):024x}{number:08x}",
            "userId": user,
            "anonymousId": f"{self.number:08x}-7d3c-4b0e-9a51-2f6c1d0e8b77",
            "sentAt": iso(received_ms - 200),
            "_metadata": {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
        }


def _tracked(chance: random.Random, number: int) -> dict[str, Any]:
    if chance.random() < 0.3:
        custom = chance.randrange(len(_CUSTOM))
        return {"event": _CUSTOM[custom], "properties": _custom(chance, custom)}
    event = chance.choices(*zip(*TRACKS, strict=True))[0]
    properties = properties_of(chance, event, number)
    if chance.random() < 0.01:
        properties["left_over"] = True  # not planned
    return {"event": event, "properties": properties}


def _custom(chance: random.Random, number: int) -> dict[str, Any]:
    """Return properties of one of the events that no specification knows, by its number."""
    found: dict[str, Any] = {
        "workspace": f"w-{chance.randrange(10_000)}",
        "tier": chance.choice(["free", "pro", "team"]),
        "seats": chance.randint(1, 500),
        "duration_ms": chance.randint(1, 90_000) / 8,
        "beta": chance.random() < 0.1,
    }
    if number % 3 == 0:
        found["tags"] = [f"tag-{chance.randrange(30)}" for _ in range(3)]
    if number % 5 == 0:
        found["target"] = {"kind": "row", "id": f"r-{number}", "depth": chance.randrange(9)}
    return found


def _shop(count: int) -> Iterator[RawRecord]:
    """Yield what the collector makes of the demo's requests, each channel a source of its own."""
    play = Play(seed=1, start_ms=START_MS, write_key="k", rate=1000, duration_s=count / 1000 + 1)
    client_side = {"web": True, "app": True, "server": False}
    made = 0
    for request in as_requests(play, simulate(play)):
        text = unpack(request.body, request.headers.get("Content-Encoding", "").encode(), max_bytes=1 << 24)
        path = request.path.rsplit("/", 1)[1]
        body = read_batch(text) if path in ("b", "batch") else read_single(text)
        origin = Origin(
            START_MS + int(request.due_s * 1000),
            f"203.0.113.{zlib.crc32(request.events[0].visitor.anonymous_id.encode()) % 256}",
            request.headers["User-Agent"],
            client_side[request.channel],
        )
        taken = take_in(body, source=request.channel, path_type=None, origin=origin, limits=_LIMITS)
        for record in taken.records:
            yield decode_raw(record)
            made += 1
            if made == count:
                return


_TRAFFIC: dict[str, Callable[[int], Iterator[RawRecord]]] = {
    "browser": _browser,
    "strangers": lambda count: _browser(count, strangers=True),
    "shop": _shop,
}
