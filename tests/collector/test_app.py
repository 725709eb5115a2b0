"""The collector's API, driven as an ASGI callable over a real log."""

import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackway.collector.app import CollectorApp
from trackway.events.records import RAW, RawRecord, decode_raw
from trackway.log.contract import LogUnavailable
from trackway.log.group_commit import GroupCommit
from trackway.log.sqlite import SqliteLog
from trackway.workspace.governance import Block
from trackway.workspace.model import ClientRetries, Collector, Source, Workspace
from trackway.workspace.units import Duration

NOW = 1_795_168_801.0
WORKSPACE = Workspace(
    sources={
        "web": Source(write_keys=["WK", "WK-OLD"], max_batch=5),
        "off": Source(write_keys=["OFF"], enabled=False),
    },
    collector=Collector(max_body=200_000),
)
BASIC = {"authorization": "Basic " + base64.b64encode(b"WK:").decode()}
WRONG = {"authorization": "Basic " + base64.b64encode(b"WRONG:").decode()}
TRACK = {"userId": "u1", "event": "Order Completed", "properties": {"revenue": 19.99}}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


class Client:
    def __init__(self, app: CollectorApp, log: SqliteLog | None, *, peer: str = "203.0.113.9") -> None:
        self.app = app
        self.peer = peer
        self.log = log

    async def send(
        self,
        path: str,
        body: Any = b"",
        *,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        chunks: list[bytes] | None = None,
        query: str = "",
        leave: bool = False,
        raw_body: bool = False,
    ) -> Answer | None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        parts = chunks if chunks is not None else [raw]
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        if leave:
            messages.append({"type": "http.disconnect"})
        else:
            messages[-1]["more_body"] = False
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def collect(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "scheme": "http",
            "client": (self.peer, 5555),
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        }
        await self.app(scope, receive, collect)
        if not sent:
            return None
        start, end = sent
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        if "content-length" in found and method != "HEAD":
            assert int(found["content-length"]) == len(end["body"])
        shown = end["body"] if raw_body else json.loads(end["body"]) if end["body"] else None
        return Answer(start["status"], found, shown)

    def stored(self) -> list[RawRecord]:
        with self.log.reader(RAW) as reader:
            found: list[RawRecord] = []
            while slices := reader.poll():
                found += [decode_raw(record) for one in slices for record in one.records]
            return found


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    log = SqliteLog(tmp_path / "raw", (RAW,))
    commit = GroupCommit(log.writer(0), RAW, asyncio.get_running_loop())
    yield Client(CollectorApp(WORKSPACE, commit, clock=lambda: NOW), log)
    await commit.close()
    log.close()


async def test_an_event_is_answered_as_segment_answers_and_stored_untouched(client: Client):
    body = b'{ "userId":"u1", "event":"Order Completed",\n "properties":{"revenue":19.990} }'
    answer = await client.send("/v1/track", body, headers=BASIC | {"user-agent": "curl/8"})
    assert answer is not None
    assert (answer.status, answer.body) == (200, {"success": True})
    assert answer.headers["content-type"] == "application/json"
    (record,) = client.stored()
    assert record.body == body
    assert (record.source, record.type, record.refusal) == ("web", "track", None)
    assert record.received_at_ms == NOW * 1000
    assert (record.ip, record.user_agent, record.client_side) == ("203.0.113.9", "curl/8", False)
    assert len(record.message_id) == 36


@pytest.mark.parametrize(
    ("path", "kind", "client_side"),
    [
        ("/v1/track", "track", False),
        ("/v1/identify", "identify", False),
        ("/v1/page", "page", False),
        ("/v1/screen", "screen", False),
        ("/v1/t", "track", True),
        ("/v1/i", "identify", True),
        ("/v1/p", "page", True),
        ("/v1/s", "screen", True),
        ("/t", "track", True),
        ("//v1//t/", "track", True),
        ("/first/party/v1/t", "track", True),
        ("/v1/track/", "track", False),
    ],
)
async def test_every_path_of_a_single_call(client: Client, path: str, kind: str, client_side: bool):
    answer = await client.send(path, {"type": kind} | TRACK, headers=BASIC)
    assert answer is not None and answer.status == 200
    (record,) = client.stored()
    assert (record.type, record.client_side, record.refusal) == (kind, client_side, None)


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/g", {"userId": "u", "groupId": "g"}), ("/v1/a", {"userId": "u", "previousId": "p"})]
)
async def test_group_and_alias(client: Client, path: str, body: dict[str, Any]):
    answer = await client.send(path, body, headers=BASIC)
    assert answer is not None and answer.status == 200
    assert client.stored()[0].refusal is None


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import", "/v1/import/", "/b"])
async def test_a_batch_shares_its_context_and_sent_at(client: Client, path: str):
    batch = {
        "batch": [{"type": "track"} | TRACK, {"type": "page", "anonymousId": "a1", "sentAt": "2026-01-01T00:00:00Z"}],
        "context": {"library": {"name": "analytics-go"}},
        "integrations": {"Slack": False},
        "sentAt": "2026-11-20T10:00:00Z",
        "writeKey": "WK",
    }
    answer = await client.send(path, batch)
    assert answer is not None and (answer.status, answer.body) == (200, {"success": True})
    first, second = client.stored()
    assert (first.type, second.type) == ("track", "page")
    assert json.loads(first.shared) == {name: batch[name] for name in ("context", "integrations")}
    assert first.sent_at == second.sent_at == "2026-11-20T10:00:00Z"
    assert first.client_side == (path in ("/v1/b", "/b"))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (BASIC, TRACK),
        ({"authorization": "Basic " + base64.b64encode(b"WK").decode()}, TRACK),
        ({"authorization": "basic  " + base64.b64encode(b"WK:ignored").decode().rstrip("=")}, TRACK),
        ({"authorization": "Basic " + base64.b64encode(b"WK-OLD:").decode()}, TRACK),
        ({}, TRACK | {"writeKey": "WK"}),
        ({"authorization": "Bearer token"}, TRACK | {"writeKey": "WK"}),
        ({"authorization": "Basic " + base64.b64encode(b":").decode()}, TRACK | {"writeKey": "WK"}),
        (BASIC, TRACK | {"writeKey": "something else"}),
        ({"content-type": "text/plain;charset=UTF-8"}, TRACK | {"writeKey": "WK"}),
        ({}, b'{"writeKey":"WK","userId":"u","event":"A","properties":{"n":NaN}}'),
    ],
)
async def test_every_place_of_a_write_key(client: Client, headers: dict[str, str], body: Any):
    answer = await client.send("/v1/track", body, headers=headers)
    assert answer is not None and answer.status == 200
    assert len(client.stored()) == 1


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"authorization": "Basic " + base64.b64encode(b"WRONG:").decode()}, TRACK, "unknown_source"),
        (
            {"authorization": "Basic " + base64.b64encode(b"WRONG:").decode()},
            TRACK | {"writeKey": "WK"},
            "unknown_source",
        ),
        ({"authorization": "Basic \xff"}, TRACK, "unknown_source"),
        ({}, TRACK | {"writeKey": "WRONG"}, "unknown_source"),
        ({}, TRACK, "no_write_key"),
        ({}, TRACK | {"writeKey": 7}, "no_write_key"),
        ({"authorization": "Bearer token"}, TRACK, "no_write_key"),
        ({"authorization": "Bearer token"}, TRACK | {"writeKey": "WRONG"}, "unknown_source"),
        ({"authorization": "Basic " + base64.b64encode(b"OFF:").decode()}, TRACK, "source_disabled"),
    ],
)
async def test_a_wrong_key_is_401_with_code_and_message(client: Client, headers, body, code: str):
    answer = await client.send("/v1/track", body, headers=headers)
    assert answer is not None
    assert answer.status == 401
    assert answer.body["code"] == code and answer.body["message"] and answer.body["success"] is False
    assert client.stored() == []


async def test_one_bad_event_does_not_spoil_its_batch(client: Client):
    batch = {"batch": [{"type": "track"} | TRACK, {"type": "track", "userId": "u"}, 5, {"type": "track"} | TRACK]}
    answer = await client.send("/v1/batch", batch, headers=BASIC | {"prefer": "verdicts"})
    assert answer is not None and answer.status == 200
    verdicts = answer.body["verdicts"]
    assert [one["verdict"] for one in verdicts] == ["accepted", "invalid", "invalid", "accepted"]
    assert verdicts[1]["reason"] == "event_not_defined" and verdicts[1]["pointer"] == "/event"
    assert verdicts[2]["reason"] == "event_not_object"
    stored = client.stored()
    assert [one["messageId"] for one in verdicts] == [record.message_id for record in stored]
    assert [record.refusal and record.refusal.reason for record in stored] == [
        None,
        "event_not_defined",
        "event_not_object",
        None,
    ]


async def test_verdicts_can_be_asked_for_in_the_query(client: Client):
    answer = await client.send("/v1/track", {"event": "A"}, headers=BASIC, query="verdicts=1")
    assert answer is not None and answer.status == 200
    assert answer.body["verdicts"][0]["reason"] == "no_user_anon_id"
    answer = await client.send("/v1/track", {"event": "A"}, headers=BASIC)
    assert answer is not None and (answer.status, answer.body) == (200, {"success": True})


async def test_calls_beyond_the_batch_limit_are_refused_one_by_one(client: Client):
    batch = {"batch": [{"type": "track"} | TRACK] * 7}
    answer = await client.send("/v1/batch", batch, headers=BASIC)
    assert answer is not None and answer.status == 200
    reasons = [record.refusal and record.refusal.reason for record in client.stored()]
    assert reasons == [None] * 5 + ["batch_too_long"] * 2


async def test_an_event_over_its_limit_costs_only_itself(client: Client):
    big = {"type": "track"} | TRACK | {"properties": {"a": "x" * 33_000}}
    answer = await client.send("/v1/batch", {"batch": [big, {"type": "track"} | TRACK]}, headers=BASIC)
    assert answer is not None and answer.status == 200
    first, second = client.stored()
    assert first.refusal is not None and first.refusal.reason == "event_too_large"
    assert second.refusal is None
    answer = await client.send("/v1/track", big, headers=BASIC)
    assert answer is not None and (answer.status, answer.body["code"]) == (400, "event_too_large")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/track", b"", "body_not_json"),
        ("/v1/track", b"{", "body_not_json"),
        ("/v1/track", b"[1]", "event_not_object"),
        ("/v1/batch", b"{", "body_not_json"),
        ("/v1/batch", b"[]", "body_not_object"),
        ("/v1/batch", b"{}", "batch_not_array"),
        ("/v1/batch", b'{"batch":{}}', "batch_not_array"),
        ("/v1/batch", b'{"batch":[]}', "empty_batch"),
        ("/v1/batch", b'{"batch":[' + b"[" * 50_000 + b"]}", "body_not_json"),
        ("/v1/batch", b" " * 200_001, "body_too_large"),
    ],
)
async def test_a_hopeless_request_is_400_with_code_and_message(client: Client, path: str, body: bytes, code: str):
    answer = await client.send(path, body, headers=BASIC)
    assert answer is not None
    assert (answer.status, answer.body["code"]) == (400, code)
    assert answer.body["message"]


async def test_a_batch_that_is_no_strict_json_is_mended_not_lost(client: Client):
    good = b'{"type":"track","userId":"u","event":"A"}'
    body = b'{"batch":[{"type":"track","userId":"u","event":"A","properties":{"n":NaN}},' + good + b'],"sentAt":5}'
    answer = await client.send("/v1/batch", body, headers=BASIC)
    assert answer is not None and answer.status == 200
    mended, untouched = client.stored()
    assert mended.refusal is None and json.loads(mended.body)["properties"] == {"n": None}
    assert (mended.repaired, untouched.repaired, untouched.body) == (True, False, good)
    assert mended.sent_at == untouched.sent_at == "5", "what the client sent as sentAt, to be remarked on"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_compressed_bodies(client: Client, pack):
    encoding = "gzip" if pack is gzip.compress else "deflate"
    body = pack(json.dumps(TRACK).encode())
    answer = await client.send("/v1/track", chunks=[body[:5], body[5:]], headers=BASIC | {"content-encoding": encoding})
    assert answer is not None and answer.status == 200
    assert json.loads(client.stored()[0].body) == TRACK


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        pytest.param(gzip.compress(b" " * 10_000_000), "gzip", "body_too_large", id="bomb"),
        (b"no gzip", "gzip", "encoding_damaged"),
        pytest.param(gzip.compress(b"{}" * 1000)[:-20], "gzip", "encoding_damaged", id="cut short"),
        (b"{}", "zip", "encoding_unknown"),
    ],
)
async def test_bombs_and_damaged_bodies(client: Client, body: bytes, encoding: str, code: str):
    answer = await client.send("/v1/track", body, headers=BASIC | {"content-encoding": encoding})
    assert answer is not None and (answer.status, answer.body["code"]) == (400, code)


async def test_a_body_is_bounded_while_it_arrives(client: Client):
    chunks = [b"x" * 50_000] * 20
    answer = await client.send("/v1/track", chunks=chunks, headers=BASIC)
    assert answer is not None and answer.body["code"] == "body_too_large"


async def test_nothing_is_kept_of_a_client_that_leaves_mid_body(client: Client):
    assert await client.send("/v1/track", TRACK, headers=BASIC, leave=True) is None
    assert client.stored() == []


async def test_preflight_and_cors(client: Client):
    answer = await client.send("/v1/t", method="OPTIONS", headers={"origin": "https://shop.example"})
    assert answer is not None and answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert {"authorization", "content-type", "x-retry-count"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )
    assert "POST" in answer.headers["access-control-allow-methods"]
    answer = await client.send("/v1/t", b"{", headers=BASIC | {"origin": "https://shop.example"})
    assert answer is not None and answer.status == 400
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-expose-headers"] == "retry-after"
    answer = await client.send("/v1/t", TRACK, headers=BASIC)
    assert answer is not None and answer.headers["access-control-allow-origin"] == "*"


async def test_settings_name_the_host_they_were_asked_at(client: Client):
    answer = await client.send("/px/v1/projects/WK/settings", method="GET", headers={"host": "t.example:8080"})
    assert answer is not None and answer.status == 200
    segment = answer.body["integrations"]["Segment.io"]
    assert (segment["apiKey"], segment["apiHost"], segment["protocol"]) == ("WK", "t.example:8080/px/v1", "http")
    assert list(answer.body["integrations"]) == ["Segment.io"]
    for key in ("NOPE", "OFF"):
        answer = await client.send(f"/v1/projects/{key}/settings", method="GET")
        assert answer is not None and answer.status == 404


async def test_settings_steer_retries_and_switch_blocked_events_off(client: Client):
    retries = ClientRetries(most=0, first_pause=Duration(2), longest_pause=Duration(9.5))
    source = Source(write_keys=["WK"], client_retries=retries, block=["Mouse Moved", Block(page="Health")])
    client.app.configure(Workspace(sources={"web": source}))
    answer = await client.send("/v1/projects/WK/settings", method="GET")
    assert answer is not None
    assert answer.body["integrations"]["Segment.io"]["httpConfig"] == {
        "rateLimitConfig": {"enabled": True, "maxRetryCount": 0, "maxRetryInterval": 10},
        "backoffConfig": {"enabled": True, "maxRetryCount": 0, "baseBackoffInterval": 2, "maxBackoffInterval": 10},
    }
    switched = {name: one["enabled"] for name, one in answer.body["plan"]["track"].items()}
    assert switched == {"__default": True, "Mouse Moved": False}


async def test_other_paths_and_methods(client: Client):
    assert (await client.send("/", method="GET")).status == 404
    assert (await client.send("/v1/unknown", TRACK, headers=BASIC)).status == 404
    assert (await client.send("/v1/track", method="GET", headers=BASIC)).status == 405
    assert (await client.send("/v1/m", {"series": []})).body == {"success": True}
    assert (await client.send("/healthz", method="GET")).status == 200


async def test_a_log_that_cannot_be_written_is_429_with_retry_after():
    class FullLog:
        async def submit(self, records: list[bytes]) -> int:
            raise LogUnavailable("no space left")

    client = Client(CollectorApp(WORKSPACE, FullLog()), None)
    answer = await client.send("/v1/track", TRACK, headers=BASIC)
    assert answer is not None and answer.status == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 300
    assert answer.body["code"] == "try_later"


async def test_the_answer_waits_for_the_commit():
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    class SlowLog:
        def submit(self, records: list[bytes]) -> asyncio.Future[int]:
            return done

    client = Client(CollectorApp(WORKSPACE, SlowLog()), None)
    task = asyncio.create_task(client.send("/v1/track", TRACK, headers=BASIC))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    done.set_result(0)
    answer = await task
    assert answer is not None and answer.status == 200


async def test_concurrent_requests_share_commits_and_keep_their_records(client: Client):
    calls = [TRACK | {"messageId": f"m{number}"} for number in range(300)]
    answers = await asyncio.gather(*(client.send("/v1/track", call, headers=BASIC) for call in calls))
    assert all(answer is not None and answer.status == 200 for answer in answers)
    assert sorted(record.message_id for record in client.stored()) == sorted(call["messageId"] for call in calls)
    with client.log.reader(RAW) as reader:
        assert len(reader.poll()) < 300


def reconfigured(client: Client, **source: Any) -> Client:
    client.app.configure(
        Workspace(sources={"web": Source(write_keys=["WK"], **source)}, collector=Collector(max_body=200_000))
    )
    return client


async def test_a_pixel_is_always_an_image_and_says_its_verdict_in_a_header(client: Client):
    data = base64.b64encode(json.dumps(TRACK | {"writeKey": "WK", "messageId": "m1"}).encode()).decode()
    verdicts = []
    for query in (f"data={data}", f"data={data}", "data=%21", "writeKey=WK&userId=u1", "writeKey=NO&userId=u1&event=A"):
        answer = await client.send("/v1/pixel/track", method="GET", query=query, raw_body=True)
        assert answer is not None
        assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
        assert answer.body.startswith(b"GIF89a") and "no-store" in answer.headers["cache-control"]
        verdicts.append(answer.headers["x-trackway-verdict"])
    assert verdicts == ["accepted", "duplicate", "pixel_not_base64", "event_not_defined", "unknown_source"]
    stored = client.stored()
    assert len(stored) == 3 and stored[0].client_side
    assert "WK" not in stored[0].body.decode()


async def test_a_repeated_id_is_called_a_duplicate_and_stored_all_the_same(client: Client):
    batch = {"batch": [{"type": "track", "messageId": "m1"} | TRACK] * 2}
    answers = [await client.send("/v1/batch", batch, headers=BASIC, query="verdicts=1") for _ in range(2)]
    verdicts = [[one["verdict"] for one in answer.body["verdicts"]] for answer in answers if answer]
    assert verdicts == [["accepted", "duplicate"], ["duplicate", "duplicate"]]
    assert len(client.stored()) == 4


async def test_strict_sources_answer_400_and_keep_what_is_good(client: Client):
    reconfigured(client, strict=True)
    answer = await client.send("/v1/track", {"userId": "u1"}, headers=BASIC)
    assert answer is not None
    assert (answer.status, answer.body["code"], answer.body["pointer"]) == (400, "event_not_defined", "/event")
    batch = {"batch": [{"type": "track"} | TRACK, {"type": "track", "event": "A"}]}
    answer = await client.send("/v1/batch", batch, headers=BASIC)
    assert answer is not None
    assert (answer.status, answer.body["pointer"]) == (400, "/batch/1/userId")
    assert [one["verdict"] for one in answer.body["verdicts"]] == ["accepted", "invalid"]
    assert [record.refusal is None for record in client.stored()] == [False, True, False]


async def test_pages_of_other_origins_are_refused(client: Client):
    reconfigured(client, allowed_origins=["https://shop.example", "https://*.shop.example"])
    for origin, status in (
        ("https://shop.example", 200),
        ("https://www.SHOP.example", 200),
        ("https://evil.example", 403),
        ("https://shop.example.evil", 403),
        ("null", 403),
    ):
        answer = await client.send("/v1/t", TRACK, headers=BASIC | {"origin": origin})
        assert answer is not None and answer.status == status, origin
        assert answer.headers["access-control-allow-origin"] == origin
    answer = await client.send("/v1/t", TRACK, headers=BASIC)
    assert answer is not None and answer.status == 200, "servers and apps have no origin"


async def test_what_is_over_a_sources_rate_is_429_with_retry_after(client: Client):
    reconfigured(client, rate_limit=1, rate_burst=5)
    batch = {"batch": [{"type": "track"} | TRACK] * 5}
    answers = [await client.send("/v1/batch", batch, headers=BASIC) for _ in range(2)]
    assert [answer.status for answer in answers if answer] == [200, 429]
    assert answers[1] is not None and 1 <= int(answers[1].headers["retry-after"]) <= 300
    assert len(client.stored()) == 5


async def test_bodies_beyond_the_room_in_flight_are_429_until_there_is_room():
    waiting: asyncio.Queue[asyncio.Future[int]] = asyncio.Queue()

    class SlowLog:
        def submit(self, records: list[bytes]) -> asyncio.Future[int]:
            done = asyncio.get_running_loop().create_future()
            waiting.put_nowait(done)
            return done

    workspace = Workspace(sources={"web": Source(write_keys=["WK"])}, collector=Collector(max_in_flight=100))
    client = Client(CollectorApp(workspace, SlowLog()), None)
    body = TRACK | {"properties": {"a": "x" * 100}}
    first = asyncio.create_task(client.send("/v1/track", body, headers=BASIC))
    commit = await waiting.get()
    second = await client.send("/v1/track", body, headers=BASIC)
    assert second is not None and second.status == 429 and second.headers["retry-after"] == "1"
    commit.set_result(0)
    assert (await first).status == 200
    third = asyncio.create_task(client.send("/v1/track", body, headers=BASIC))
    (await waiting.get()).set_result(0)
    assert (await third).status == 200


async def test_a_body_that_does_not_arrive_is_given_up():
    workspace = Workspace(sources={"web": Source(write_keys=["WK"])}, collector=Collector(body_timeout=0.01))
    app = CollectorApp(workspace, Kept())
    messages = [{"type": "http.request", "body": b"{", "more_body": True}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else await asyncio.get_running_loop().create_future()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST", "path": "/v1/t", "headers": []}, receive, send)
    assert sent[0]["status"] == 408 and (b"connection", b"close") in sent[0]["headers"]


async def test_forwarded_addresses_of_trusted_proxies(client: Client):
    headers = BASIC | {"x-forwarded-for": "198.51.100.7", "x-forwarded-proto": "https", "x-forwarded-host": "t.shop"}
    await client.send("/v1/t", TRACK, headers=headers)
    trusting = Collector(trusted_proxies=["203.0.113.0/24"])
    client.app.configure(Workspace(sources=WORKSPACE.sources, collector=trusting))
    await client.send("/v1/t", TRACK, headers=headers)
    assert [record.ip for record in client.stored()] == ["203.0.113.9", "198.51.100.7"]
    answer = await client.send("/v1/projects/WK/settings", method="GET", headers=headers)
    assert answer is not None
    segment = answer.body["integrations"]["Segment.io"]
    assert (segment["apiHost"], segment["protocol"]) == ("t.shop/v1", "https")


async def test_new_settings_hold_from_the_next_request_on(client: Client):
    client.app.configure(Workspace(sources={"web": Source(write_keys=["NEW"])}))
    old = await client.send("/v1/track", TRACK, headers=BASIC)
    new = await client.send("/v1/track", TRACK | {"writeKey": "NEW"})
    assert old is not None and new is not None and (old.status, new.status) == (401, 200)


class Kept:
    """An appender that keeps records in memory."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    async def submit(self, records: list[bytes]) -> int:
        self.records += records
        return 0

    def hand_over(self, records: list[bytes], done: Callable[[int, None], None]) -> None:
        self.records += records
        done(0, None)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["/v1/track", "/v1/batch", "/v1/t", "/v1/b", "/v1/projects/x/settings"]),
    st.one_of(
        st.binary(max_size=300),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(st.sampled_from(["batch", "userId", "event", "type", "writeKey", "context"]), inner)
            ),
        ).map(lambda value: json.dumps(value).encode()),
    ),
    st.dictionaries(
        st.sampled_from(["authorization", "content-encoding", "origin", "host", "prefer", "user-agent"]),
        st.text(st.characters(max_codepoint=255), max_size=20),
    ),
)
async def test_no_request_brings_the_collector_down(path: str, body: bytes, headers: dict[str, str]):
    kept = Kept()
    client = Client(CollectorApp(WORKSPACE, kept), None)
    answer = await client.send(path, body, headers=headers | BASIC)
    assert answer is not None and answer.status in (200, 400, 404, 405)
    if answer.status == 200 and path != "/v1/projects/x/settings":
        assert kept.records
