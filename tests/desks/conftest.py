"""One product with a plan, a function, destinations and refused calls, for all tests of the desks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.running import Trackway, poll_until, send, start_trackway

PLAN = """\
plan: Shop plan
sources: [web]
track:
  Order Completed:
    properties:
      order_id: string!
      total: number!
      currency: {type: string, enum: [EUR, USD]}
"""
FUNCTION = """\
def on_track(event, context):
    event.setdefault("properties", {}).pop("debug", None)
    return event
"""
SECRET = "shared-secret-of-the-crm-4711"
XSS = "<img src=x onerror=alert(1)>"
REFUSED = [
    *({"type": "track", "event": 42, "userId": f"u{i}", "properties": {"total": 1}} for i in range(5)),
    *({"type": "identify", "userId": f"u{i}", "traits": "vip"} for i in range(3)),
    {"type": "track", "event": XSS, "properties": {XSS: XSS}},
]
GOOD = [
    {"type": "identify", "userId": "ana", "anonymousId": "a-1",
     "traits": {"email": "ana@shop.example", "accountType": "pro"},
     "context": {"externalIds": [{"id": "C-1", "type": "crm_id", "collection": "users", "encoding": "none"}]}},
    {"type": "track", "event": "Product Viewed", "anonymousId": "a-1", "properties": {"product_id": "p1"}},
    {"type": "identify", "userId": "ben", "anonymousId": "a-1"},
    {"type": "alias", "userId": "ana", "previousId": "ana-old"},
    {"type": "group", "userId": "ana", "anonymousId": "a-1", "groupId": "acme", "traits": {"name": "Acme"}},
    *(
        {"type": "track", "event": "Order Completed", "userId": "ana",
         "properties": {"order_id": f"o{i}", "total": "x", "currency": "CHF"}}
        for i in range(4)
    ),
    {"type": "track", "event": "signup clicked", "userId": "ana"},
    {"type": "track", "event": XSS, "userId": XSS, "properties": {XSS: XSS}},
]  # fmt: skip


class Answered(NamedTuple):
    """What the console's API answered."""

    status: int
    body: Any


class Desk:
    """A running product and its console's API."""

    def __init__(self, trackway: Trackway) -> None:
        self.trackway = trackway

    def call(self, path: str, body: Any = None, *, method: str = "", headers: dict[str, str] | None = None) -> Answered:
        """Ask the console's API with its token; with a body it is a POST."""
        sent = {"Authorization": f"Bearer {self.trackway.token}", "Content-Type": "application/json"}
        answer = send(
            self.trackway.console_url + path,
            method=method or ("GET" if body is None else "POST"),
            body=None if body is None else json.dumps(body).encode(),
            headers=sent if headers is None else headers,
        )
        is_json = answer.body[:1] in (b"{", b"[")
        return Answered(answer.status, json.loads(answer.body) if is_json else answer.body.decode())

    def get(self, path: str) -> Any:
        """Return what is answered; fail unless it is well."""
        answer = self.call(path)
        assert answer.status == 200, answer
        return answer.body

    def job(self, path: str, body: Any) -> Any:
        """Start a job and return it when it has ended."""
        answer = self.call(path, body)
        assert answer.status == 202, answer
        number = answer.body["id"]

        def ended() -> Any:
            now = self.get(f"/api/jobs/{number}")
            return now if now["state"] != "running" else None

        return poll_until(ended, what=f"the job {number} to end")


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("desks")
    (folder / "plans").mkdir()
    (folder / "plans" / "shop.yaml").write_text(PLAN, "utf-8")
    (folder / "functions").mkdir()
    (folder / "functions" / "tidy.py").write_text(FUNCTION, "utf-8")
    private = {"allow_private_addresses": True}
    hook = {"url": "http://127.0.0.1:9/hook", "shared_secret": SECRET}
    destinations = {
        "crm": {"type": "webhook", "settings": hook, "enabled": False},
        "stats": {"type": "mixpanel", "settings": {"project_token": "tok-987654"}, "enabled": False},
    }
    sources = {
        "web": {"name": "Web shop", "write_keys": ["wk_web_for_tests"], "functions": ["tidy"]},
        "app": {"name": "App", "write_keys": ["wk_app_for_tests"]},
    }
    with start_trackway(folder, sources=sources, destinations=destinations, delivery=private) as running:
        running.post("/v1/batch", {"batch": [*GOOD, *REFUSED]})
        running.settle()
        found = Desk(running)
        poll_until(lambda: len(found.get("/api/catalogue")["events"]) >= 5, what="the catalogue to catch up")
        poll_until(lambda: found.get("/api/people?id=ana-old")["people"], what="the identity ledger to catch up")
        yield found
