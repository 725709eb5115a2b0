"""One request of each official client, as it stands on the wire: paths, headers, keys, and what only that client does.

Facts from the code of their current releases; `test_browser_client.py` and `tests/sdks/` run three of them.
"""

import gzip
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.collector.test_wire import Server
from tests.running import basic_auth
from trackway.events.records import RawRecord, decode_raw
from trackway.workspace.model import Source, Workspace

WORKSPACE = Workspace(sources={"web": Source(write_keys=["WK"])})
AUTH = {"Authorization": basic_auth("WK")}
JSON = {"Content-Type": "application/json"}
UUID = "7b5b3c5e-2f0a-4a51-9d0e-2f1f3b6f1a11"


def track(**more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": "u1", "messageId": UUID} | more


class Asked(NamedTuple):
    path: str
    headers: dict[str, str]
    body: dict[str, Any] | str
    client_side: bool = False
    calls: int = 1
    gzip: bool = False
    chunked: bool = False


MOBILE = {"context": {"app": {"name": "Shop"}, "device": {"type": "ios"}, "library": {"name": "analytics-swift"}}}
CLIENTS = {
    "browser": Asked(
        "/v1/t",
        AUTH | {"Content-Type": "text/plain", "Origin": "https://a.b"},
        track(
            userId=None,
            anonymousId="a1",
            writeKey="WK",
            sentAt="2026-11-20T10:00:00.140Z",
            _metadata={"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
        ),
        client_side=True,
    ),
    "browser, retrying in batches": Asked(
        "/v1/b",
        AUTH | {"Content-Type": "text/plain;charset=UTF-8", "X-Retry-Count": "2"},
        {"writeKey": "WK", "batch": [track(writeKey="WK"), track(writeKey="WK")], "sentAt": "2026-11-20T10:00:00Z"},
        client_side=True,
        calls=2,
    ),
    "beacon": Asked(
        "/v1/p",
        {"Content-Type": "text/plain;charset=UTF-8"},
        {"type": "page", "anonymousId": "a1", "writeKey": "WK"},
        client_side=True,
    ),
    "Node": Asked(
        "/v1/batch",
        AUTH | JSON | {"User-Agent": "analytics-node-next/latest"},
        {
            "batch": [
                track(timestamp="2026-11-20T10:00:00.120Z", _metadata={"nodeVersion": "v22.11.0", "jsRuntime": "node"})
            ],
            "writeKey": "WK",
            "sentAt": "2026-11-20T10:00:01.000Z",
        },
    ),
    "Node with OAuth": Asked(
        "/v1/batch", JSON | {"Authorization": "Bearer eyJ.eyJ.c2ln"}, {"batch": [track()], "writeKey": "WK"}
    ),
    "Python 2.3": Asked(
        "/v1/batch",
        JSON | {"User-Agent": "analytics-python/2.3.4"},
        json.dumps(
            {
                "batch": [track(anonymousId=None, name=None, category=None, properties={"n": float("nan")})],
                "sentAt": "2026-11-20T10:00:00.620145+00:00",
                "writeKey": "WK",
            }
        ),
    ),
    "Python 2.4, packed": Asked(
        "/v1/batch",
        AUTH | JSON | {"User-Agent": "analytics-python/2.4.0"},
        {"batch": [track()], "sentAt": "2026-11-20T10:00:00.620145+00:00", "writeKey": "WK"},
        gzip=True,
    ),
    "Go": Asked(
        "/v1/batch",
        AUTH | JSON | {"User-Agent": "analytics-go (version: 3.0.0)"},
        {
            "batch": [track(timestamp="2026-11-20T11:00:00.123456789+01:00")],
            "messageId": UUID,
            "sentAt": "2026-11-20T11:00:01.123456789+01:00",
            "context": {"library": {"name": "analytics-go"}},
        },
    ),
    "Ruby": Asked(
        "/v1/import",
        AUTH | JSON | {"Accept": "application/json"},
        {"sentAt": "2026-11-20T10:00:01.000Z", "batch": [track(timestamp="2026-11-20T10:00:00.123+00:00")]},
    ),
    "PHP": Asked(
        "/v1/batch",
        AUTH | JSON | {"User-Agent": "analytics-php/3.8.0"},
        {"batch": [track(timestamp="2026-11-20T11:00:00+01:00")], "sentAt": "2026-11-20T11:00:01+01:00"},
    ),
    "Java": Asked(
        "/v1/import/",
        AUTH | JSON | {"User-Agent": "analytics-java/3.5.2", "X-Retry-Count": "1"},
        {
            "batch": [track(sentAt="2026-11-20T10:00:00.123456789Z")],
            "sentAt": "2026-11-20T10:00:01Z",
            "sequence": 7,
            "context": {"library": {"name": "analytics-java"}, "instanceId": UUID},
            "writeKey": "WK",
        },
    ),
    ".NET": Asked(
        "/v1/import",
        AUTH | JSON | {"User-Agent": "analytics-net/3.9.0"},
        {
            "batch": [track(timestamp="2026-11-20T11:00:00.1234567+01:00")],
            "messageId": UUID,
            "sentAt": "2026-11-20T11:00:01.1234567+01:00",
        },
        gzip=True,
    ),
    "C#": Asked(
        "/v1/b",
        {},
        {"batch": [track(**MOBILE)], "sentAt": "2026-11-20T10:00:01Z", "writeKey": "WK"},
        client_side=True,
        gzip=True,
    ),
    "Rust": Asked("/v1/track", AUTH | JSON, {"userId": "u1", "event": "Order Completed", "timestamp": None}),
    "Rust, a batch": Asked("/v1/batch", AUTH | JSON, {"batch": [track()], "context": {}, "integrations": {}}),
    "Swift": Asked(
        "/v1/b",
        {"Content-Type": "application/json; charset=utf-8"},
        {"batch": [track(messageId=UUID.upper(), **MOBILE)], "sentAt": "2026-11-20T10:00:01.000Z", "writeKey": "WK"},
        client_side=True,
    ),
    "Kotlin": Asked(
        "/v1/b",
        {"Content-Type": "text/plain"},
        {"batch": [track(**MOBILE)], "sentAt": "2026-11-20T10:00:01.000Z", "writeKey": "WK"},
        client_side=True,
        gzip=True,
        chunked=True,
    ),
    "React Native": Asked(
        "/v1/b",
        {"Content-Type": "application/json; charset=utf-8"},
        {"batch": [track(**MOBILE)], "sentAt": "2026-11-20T10:00:01.000Z", "writeKey": "WK"},
        client_side=True,
    ),
    "Flutter": Asked(
        "/v1/b",
        JSON,
        {"batch": [track(**MOBILE)], "sentAt": "2026-11-20T10:00:01.000Z", "writeKey": "WK"},
        client_side=True,
    ),
    "legacy Android": Asked(
        "/v1/import",
        AUTH | JSON | {"User-Agent": "analytics-android/4.11.3"},
        {"batch": [track(**MOBILE)], "sentAt": "2026-11-20T10:00:01Z"},
        gzip=True,
        chunked=True,
    ),
    "legacy iOS": Asked(
        "/v1/batch",
        AUTH | JSON | {"User-Agent": "analytics-ios/4.1.8"},
        {"batch": [track(**MOBILE)], "sentAt": "2026-11-20T10:00:01.000Z"},
        gzip=True,
    ),
    "curl": Asked("/v1/track", AUTH, {"userId": "u1", "event": "Order Completed", "properties": {"revenue": 39.95}}),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(WORKSPACE)
    yield server
    server.close()


def on_the_wire(asked: Asked, prefix: str) -> bytes:
    body = asked.body.encode() if isinstance(asked.body, str) else json.dumps(asked.body).encode()
    body = gzip.compress(body) if asked.gzip else body
    headers = (
        {"Host": "t", "Connection": "close"} | asked.headers | ({"Content-Encoding": "gzip"} if asked.gzip else {})
    )
    if asked.chunked:
        headers["Transfer-Encoding"] = "chunked"
        half = len(body) // 2
        parts = [body[:half], body[half:]]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        headers["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {prefix}{asked.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


@pytest.mark.parametrize("prefix", ["", "/first-party/"])
@pytest.mark.parametrize("client", CLIENTS)
def test_the_request_of_each_client_is_taken(server: Server, client: str, prefix: str):
    asked = CLIENTS[client]
    server.kept.records.clear()
    status, headers, body = server.ask(on_the_wire(asked, prefix))
    # Exactly this: several clients take any other success for a failure, or wait for a JSON object.
    assert (status, json.loads(body), headers["content-type"]) == (200, {"success": True}, "application/json")
    stored = [decode_raw(record) for record in server.kept.records]
    assert len(stored) == asked.calls
    for record in stored:
        check(record, asked)


def check(record: RawRecord, asked: Asked) -> None:
    assert record.refusal is None and record.source == "web"
    assert record.client_side is asked.client_side
    sent = json.loads(asked.body) if isinstance(asked.body, str) else asked.body
    call = sent["batch"][0] if "batch" in sent else sent
    assert record.message_id == call.get("messageId", record.message_id) and record.message_id
    if "batch" in sent:
        assert record.sent_at == sent.get("sentAt")
        shared = {name: sent[name] for name in ("context", "integrations") if name in sent}
        assert json.loads(record.shared or "{}") == shared
    if "NaN" not in str(asked.body):
        assert json.loads(record.body) == call


@pytest.mark.parametrize("client", [name for name, asked in CLIENTS.items() if "Authorization" in asked.headers])
def test_a_client_with_a_wrong_key_is_told_so_in_a_way_it_understands(server: Server, client: str):
    asked = CLIENTS[client]
    wrong = {"Authorization": basic_auth("WRONG")}
    status, headers, body = server.ask(on_the_wire(asked._replace(headers=asked.headers | wrong), ""))
    answer = json.loads(body)
    # Python asks for `code` and `message`, Ruby for `error`; without JSON they try again and again.
    assert status == 401 and isinstance(answer["code"], str) and isinstance(answer["message"], str)
    assert answer["error"] and answer["success"] is False and headers["access-control-allow-origin"]


@pytest.mark.parametrize("path", ["/v1/m", "/m", "/v1/m/"])
def test_the_clients_health_counters_are_taken(server: Server, path: str):
    series = {
        "type": "Counter",
        "metric": "analytics_mobile.invoke",
        "value": 1,
        "tags": {"library": "analytics-swift"},
    }
    server.kept.records.clear()
    asked = Asked(path, {"Content-Type": "text/plain"}, {"series": [series]})
    status, _, body = server.ask(on_the_wire(asked, ""))
    assert (status, json.loads(body), server.kept.records) == (200, {"success": True}, [])
