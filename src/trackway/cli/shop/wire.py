"""How the calls travel: as the requests of stock clients, with repeats where a client did not hear the answer.

browser   each call alone to /v1/t, /v1/i, /v1/p, …, text/plain
app       batches of a phone's calls to /v1/b, gzip; a phone that was offline sends when it is back
server    batches of the backend's calls to /v1/batch
"""

import base64
import gzip
import heapq
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from trackway.cli.shop.calls import Channel, Visitor
from trackway.cli.shop.catalogue import SHOP_URL
from trackway.cli.shop.plan import Plan
from trackway.cli.shop.world import Event
from trackway.events.clock_skew import format_ms

REPEATED = 0.02
"""Share of requests that are sent a second time."""
_APP_CALLS, _APP_WAIT_S = 10, 5.0
_SERVER_CALLS, _SERVER_WAIT_S = 100, 0.5
_REPEAT_AFTER_S = (1.0, 20.0)
_LAST_WAIT_S = 0.2
_encode = msgspec.json.Encoder().encode


class Request(Struct):
    """One HTTP request of one client: a POST."""

    due_s: float
    """After the start."""
    channel: Channel
    path: str
    headers: dict[str, str]
    body: bytes
    events: list[Event]
    """What it carries, in order."""
    repeat: bool = False
    """The same calls were sent before."""


def as_requests(plan: Plan, events: Iterable[Event]) -> Iterator[Request]:
    """Yield the requests that carry `events`, in the order of `due_s`; at the end all that clients still hold."""
    clients = _Clients(plan)
    now_s = 0.0
    for event in events:
        now_s = event.due_s
        yield from clients.until(now_s)
        clients.take(event)
    yield from clients.finish(now_s)


class _Clients:
    """All clients of the play: what they hold back, and when it is due."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._dice = plan.random("wire")
        self._auth = "Basic " + base64.b64encode(f"{plan.write_key}:".encode()).decode()
        self._agenda: list[tuple[float, int, Callable[[float], Request | None]]] = []
        self._entries = 0
        self._phones: dict[str, list[Event]] = {}
        self._backend: list[Event] = []

    def take(self, event: Event) -> None:
        """Give a call to its client."""
        if event.channel == "web":
            self._plan_for(event.due_s + self._dice.uniform(0.005, 0.08), partial(self._browser, event))
        elif event.channel == "app":
            self._take_on_phone(event)
        else:
            self._backend.append(event)
            if len(self._backend) == 1:
                self._plan_for(event.due_s + _SERVER_WAIT_S, self._send_backend)
            elif len(self._backend) >= _SERVER_CALLS:
                self._plan_for(event.due_s, self._send_backend)

    def until(self, now_s: float) -> Iterator[Request]:
        """Yield what is due until `now_s`."""
        while self._agenda and self._agenda[0][0] <= now_s:
            due_s, _, act = heapq.heappop(self._agenda)
            yield from self._done(act(due_s))

    def finish(self, now_s: float) -> Iterator[Request]:
        """Yield all that is left: it is due at once, or nearly so."""
        for phone in list(self._phones):
            self._plan_for(now_s, partial(self._send_phone, phone))
        end_s = now_s + _LAST_WAIT_S
        while self._agenda:
            due_s, _, act = heapq.heappop(self._agenda)
            yield from self._done(act(min(due_s, end_s)))

    def _plan_for(self, due_s: float, act: Callable[[float], Request | None]) -> None:
        self._entries += 1
        heapq.heappush(self._agenda, (due_s, self._entries, act))

    def _done(self, request: Request | None) -> Iterator[Request]:
        if request is None:
            return
        if not request.repeat and self._dice.random() < REPEATED:
            again = partial(self._again, request)
            self._plan_for(request.due_s + self._dice.uniform(*_REPEAT_AFTER_S), again)
        yield request

    def _again(self, request: Request, due_s: float) -> Request:
        """The client heard no answer: the same calls with the same message ids, under a new `sentAt`."""
        make = {"web": self._browser_request, "app": self._phone_request, "server": self._backend_request}
        again = make[request.channel](request.events, due_s)
        again.repeat = True
        again.headers["X-Retry-Count"] = "1"
        return again

    # Browsers

    def _browser(self, event: Event, due_s: float) -> Request:
        return self._browser_request([event], due_s)

    def _browser_request(self, events: list[Event], due_s: float) -> Request:
        [event] = events
        sent = {"writeKey": self._plan.write_key, "sentAt": format_ms(self._clock_ms(event.visitor, due_s))}
        headers = {
            "Content-Type": "text/plain",
            "Authorization": self._auth,
            "User-Agent": _user_agent(event.visitor),
            "Origin": SHOP_URL,
        }
        path = f"/v1/{event.json['type'][0]}"
        return Request(due_s, "web", path, headers, _encode({**event.json, **sent}), events)

    # Phones

    def _take_on_phone(self, event: Event) -> None:
        phone = event.visitor.anonymous_id
        held = self._phones.setdefault(phone, [])
        held.append(event)
        offline = event.visitor.late_ms > 0
        if event.last or (len(held) >= _APP_CALLS and not offline):
            self._plan_for(event.due_s, partial(self._send_phone, phone))
        elif len(held) == 1 and not offline:
            self._plan_for(event.due_s + _APP_WAIT_S, partial(self._send_phone, phone))

    def _send_phone(self, phone: str, due_s: float) -> Request | None:
        events = self._phones.pop(phone, None)
        return self._phone_request(events, due_s) if events else None

    def _phone_request(self, events: list[Event], due_s: float) -> Request:
        visitor = events[0].visitor
        kotlin = visitor.device is not None and visitor.device.library == "kotlin"
        headers = {
            "Content-Type": "text/plain" if kotlin else "application/json; charset=utf-8",
            "Content-Encoding": "gzip",
            "User-Agent": _user_agent(visitor),
        }
        body: dict[str, Any] = {
            "batch": [event.json for event in events],
            "sentAt": format_ms(self._clock_ms(visitor, due_s)),
            "writeKey": self._plan.write_key,
        }
        return Request(due_s, "app", "/v1/b", headers, gzip.compress(_encode(body), 1, mtime=0), events)

    # The backend

    def _send_backend(self, due_s: float) -> Request | None:
        events, self._backend = self._backend, []
        return self._backend_request(events, due_s) if events else None

    def _backend_request(self, events: list[Event], due_s: float) -> Request:
        sent_at = format_ms(self._plan.start_ms + int(due_s * 1000)).replace("Z", "145+00:00")
        body = {"batch": [event.json for event in events], "sentAt": sent_at, "writeKey": self._plan.write_key}
        headers = {
            "Content-Type": "application/json",
            "Authorization": self._auth,
            "User-Agent": "analytics-python/2.4.0",
        }
        return Request(due_s, "server", "/v1/batch", headers, _encode(body), events)

    def _clock_ms(self, visitor: Visitor, due_s: float) -> int:
        """What a visitor's device takes for the time."""
        skew_ms = visitor.device.skew_ms if visitor.device else 0
        return self._plan.start_ms + int(due_s * 1000) + skew_ms


def _user_agent(visitor: Visitor) -> str:
    return visitor.device.user_agent if visitor.device else ""
