"""The public playground's door: what anybody may ask, and how much of it."""

import asyncio
import contextlib
import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.collector.proxies import Proxies
from trackway.console.errors import ApiError
from trackway.console.guard import SECURITY_HEADERS
from trackway.console.playground import Call
from trackway.console.public_playground import MOST_BYTES, create_public_playground
from trackway.console.token_bucket import TokenBuckets

PREVIEW = "/api/playground/preview"
JSON = {"content-type": "application/json"}
ASKED = b'{"call":{"type":"track"}}'


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


class Public:
    """The app, driven in memory, with a preview that tells what it was asked."""

    def __init__(self, tmp_path, **options: Any) -> None:
        self.asked: list[Call] = []
        (tmp_path / "assets").mkdir()
        (tmp_path / "playground.html").write_text("<!doctype html><title>Playground</title>")
        (tmp_path / "index.html").write_text("<!doctype html><title>Console</title>")
        (tmp_path / "assets" / "a-1.js").write_text("1")
        options = {"proxies": Proxies(), "static": tmp_path, **options}
        self._app = create_public_playground(self._preview, **options)

    async def _preview(self, call: Call) -> Any:
        self.asked.append(call)
        if call.body == b'"broken"':
            raise ZeroDivisionError
        if call.body == b'"busy"':
            raise ApiError(503, "busy", "too many", retry_after_s=2)
        return {"told": True}

    async def ask(
        self, method: str, path: str, body: bytes | None = b"", peer: str = "192.0.2.1", **headers: str
    ) -> Answer:
        """Ask with these headers, `_` for `-`; a body of None never comes."""
        named = {**(JSON if method == "POST" else {}), **{k.replace("_", "-"): v for k, v in headers.items()}}
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
            "scheme": "http", "http_version": "1.1", "client": (peer, 4711), "server": ("test", 80), "root_path": "",
            "headers": [(k.encode(), v.encode()) for k, v in {"host": "play.example", **named}.items()],
        }  # fmt: skip
        sent: list[Any] = []
        coming = [] if body is None else [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            return coming.pop() if coming else await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            sent.append(message)

        with contextlib.suppress(ZeroDivisionError):  # Starlette answers, and then lets the server log it
            await self._app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in sent[1:])
        found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], found, json.loads(text) if "json" in found.get("content-type", "") else text)


@pytest.fixture
def public(tmp_path) -> Public:
    return Public(tmp_path)


async def test_one_question_is_answered_and_no_other(public: Public):
    assert (await public.ask("POST", PREVIEW, ASKED)).body == {"told": True}
    assert public.asked == [Call(body=b'{"type":"track"}', ip="192.0.2.1")]
    assert (await public.ask("GET", "/api/playground")).body["can_send"] is False
    for method in ("GET", "POST", "PUT", "DELETE"):
        for path in ("/api/playground/send", "/api/workspace", "/api/sql", "/api/events", "/api/live", "/api/trace/x"):
            assert (await public.ask(method, path)).status in (404, 405), (method, path)
        for path in ("/login", "/logout", "/v1/track", "/index.html", "/assets/..", "/page.css"):
            assert (await public.ask(method, path)).status in (404, 405), (method, path)
    assert len(public.asked) == 1


@pytest.mark.parametrize("path", ["/", "/playground"])
async def test_the_page_is_the_playground_and_not_the_console(public: Public, path: str):
    assert b"<title>Playground</title>" in (await public.ask("GET", path, host="any.name.example")).body


async def test_every_answer_has_the_security_headers_no_cookie_and_no_cors(public: Public):
    answers = [
        await public.ask("GET", "/", cookie="trackway_console=1"),
        await public.ask("GET", "/assets/a-1.js"),
        await public.ask("GET", "/favicon.svg"),
        await public.ask("GET", "/nothing"),
        await public.ask("GET", "/api/nothing"),
        await public.ask("GET", PREVIEW),
        await public.ask("OPTIONS", PREVIEW, origin="https://evil.example", access_control_request_method="POST"),
        await public.ask("POST", PREVIEW, ASKED, cookie="trackway_console=1"),
        await public.ask("POST", PREVIEW, b"x" * (MOST_BYTES + 1)),
        await public.ask("POST", PREVIEW, b'{"call":"broken"}'),
        await public.ask("POST", PREVIEW, b'{"call":"busy"}'),
        await public.ask("POST", PREVIEW, ASKED, sec_fetch_site="cross-site"),
    ]
    assert [one.status for one in answers] == [200, 200, 200, 404, 404, 404, 403, 200, 413, 500, 503, 403]
    for answer in answers:
        assert {name.lower(): value for name, value in SECURITY_HEADERS.items()}.items() <= answer.headers.items()
        assert "set-cookie" not in answer.headers
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answers[10].body["retry_after_s"] == 2


async def test_a_body_has_its_limit(public: Public):
    fits = b'{"text":"' + b"x" * (MOST_BYTES - 11) + b'"}'
    assert len(fits) == MOST_BYTES
    assert (await public.ask("POST", PREVIEW, fits)).status == 200
    over = await public.ask("POST", PREVIEW, fits + b" ")
    assert (over.status, over.body["code"]) == (413, "too_large")
    assert (await public.ask("POST", PREVIEW, ASKED, content_type="text/plain")).status == 415


async def test_foreign_pages_are_refused(public: Public):
    assert (await public.ask("POST", PREVIEW, ASKED, sec_fetch_site="same-site")).status == 403
    assert (await public.ask("POST", PREVIEW, ASKED, origin="https://evil.example")).status == 403
    assert (await public.ask("POST", PREVIEW, ASKED, origin="http://[")).status == 403
    assert (await public.ask("POST", PREVIEW, ASKED, origin="https://play.example")).status == 200
    assert (await public.ask("POST", PREVIEW, ASKED, sec_fetch_site="same-origin")).status == 200


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path):
    answer = await Public(tmp_path, time_s=0.01).ask("POST", PREVIEW, None)
    assert (answer.status, answer.body["code"]) == (408, "too_slow")
    assert "content-security-policy" in answer.headers


async def test_each_address_has_its_calls_a_minute(tmp_path):
    public = Public(tmp_path, per_minute=2)
    statuses = [(await public.ask("POST", PREVIEW, ASKED)).status for _ in range(2)]
    # A wrong call counts too, and what a client claims of itself is not believed.
    over = await public.ask("POST", PREVIEW, b"{", x_forwarded_for="203.0.113.9")
    assert (*statuses, over.status) == (200, 200, 429)
    assert over.headers["retry-after"] == str(over.body["retry_after_s"])
    assert 1 <= over.body["retry_after_s"] <= 30
    assert (await public.ask("POST", PREVIEW, ASKED, peer="192.0.2.2")).status == 200
    assert (await public.ask("GET", "/")).status == 200, "the page itself is not counted"


async def test_a_trusted_proxy_says_whom_a_call_is_from(tmp_path):
    public = Public(tmp_path, per_minute=1, proxies=Proxies(["127.0.0.1"]))

    async def status(forwarded: str) -> int:
        return (await public.ask("POST", PREVIEW, ASKED, peer="127.0.0.1", x_forwarded_for=forwarded)).status

    assert await status("203.0.113.1") == 200
    assert await status("203.0.113.2") == 200
    assert await status("198.51.100.7, 203.0.113.2") == 429, "only what the proxy itself wrote counts"
    assert await status("2001:db8::1") == 200
    assert await status("2001:db8::ffff") == 429, "of the same network"
    assert await status("2001:db8:0:1::1") == 200
    assert public.asked[0].ip == "203.0.113.1"


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 20))
def test_nobody_gets_more_than_a_bucket_and_what_flows_into_it(pauses: list[float], per_minute: int):
    now, taken = 0.0, 0
    buckets = TokenBuckets(per_minute, clock=lambda: now)
    for pause in pauses:
        now += pause
        wait_s = buckets.take("192.0.2.1")
        taken += not wait_s
        assert taken <= per_minute + now * per_minute / 60 + 1e-6
        assert 0 <= wait_s <= 60 / per_minute + 1e-6


def test_a_bucket_fills_again_and_the_buckets_are_bounded():
    now = 0.0
    buckets = TokenBuckets(1, most_clients=2, clock=lambda: now)
    assert [buckets.take("a"), buckets.take("a")] == [0, 60]
    now = 60.0
    assert buckets.take("a") == 0
    for name in ("b", "c"):
        buckets.take(name)
    assert len(buckets._left) == 2
