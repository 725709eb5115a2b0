"""The tracking API as anybody may use it: curl against the running product."""

import base64
import gzip
import json
import subprocess
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from tests.running import Trackway
from tests.sdks.arrival import check_arrived
from tests.sdks.recording_proxy import RecordingProxy
from tests.services import find_program

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(60)]

CALLS: dict[str, dict[str, Any]] = {
    "track": {"userId": "u1", "event": "Order Completed", "properties": {"revenue": 39.95, "items": [1, 2]}},
    "identify": {"userId": "u1", "traits": {"email": "jo@example.com"}},
    "page": {"anonymousId": "a1", "name": "Home", "properties": {"url": "https://example.com/"}},
    "screen": {"anonymousId": "a1", "name": "Cart"},
    "group": {"userId": "u1", "groupId": "acme", "traits": {"employees": 329}},
    "alias": {"userId": "u1", "previousId": "a1"},
}
SUCCESS = {"success": True}
ORIGIN = "https://shop.example"


class Said(NamedTuple):
    """What curl got."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Curl = Callable[..., Said]


@pytest.fixture(scope="session")
def curl() -> Curl:
    """Runs curl with these arguments, the body on its standard input, and returns what it got."""
    program = find_program("curl")

    def run(*arguments: str, body: bytes | dict[str, Any] | None = None) -> Said:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        options = [] if data is None else ["--data-binary", "@-"]
        command = [program, "--silent", "--show-error", "--include", "--max-time", "10", *options, *arguments]
        done = subprocess.run(command, input=data, capture_output=True, check=True, timeout=60)
        head, _, text = done.stdout.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return Said(int(first.split(" ")[1]), headers, text)

    return run


@pytest.fixture
def user() -> str:
    """Nobody else's user id, to find a test's own events by."""
    return f"curl-{uuid4()}"


def events_of(trackway: Trackway, user: str) -> list[dict[str, Any]]:
    trackway.settle()
    return [event for event in trackway.events() if event.get("userId") == user]


# Paths


def test_every_path_takes_its_call(trackway: Trackway, proxy: RecordingProxy, curl: Curl) -> None:
    """Clients join a base and a path, so slashes may double or trail and a prefix stand before; none is redirected."""
    bodies = {f"/v1/{kind}": call for kind, call in CALLS.items()}
    bodies |= {f"/v1/{kind[0]}": {"type": kind, **call} for kind, call in CALLS.items()}
    bodies |= {path: {} for path in ("/v1/batch", "/v1/import", "/v1/b")}
    sent = 0
    for path, body in bodies.items():
        for shape in (path, f"{path}/", path.replace("/", "//"), f"/t.example.com{path}"):
            batch = [{"type": kind, **call, "messageId": str(uuid4())} for kind, call in CALLS.items()]
            whole = {**body, "messageId": str(uuid4())} if body else {"batch": batch}
            said = curl(proxy.url + shape, "-u", f"{trackway.write_key}:", body=whole)
            assert (said.status, said.json()) == (200, SUCCESS), shape
            sent += 1 if body else len(batch)
    assert len(check_arrived(trackway, proxy.posts())) == sent == 4 * (12 + 3 * 6)


def test_the_least_that_curl_users_send_is_completed(trackway: Trackway, curl: Curl, user: str) -> None:
    url = f"{trackway.collector_url}/v1/track"
    body = {"userId": user, "event": "Order Completed", "properties": {"revenue": 39.95}}
    assert (
        curl(url, "-u", f"{trackway.write_key}:", "-H", "Content-Type: application/json", body=body).json() == SUCCESS
    )
    [event] = events_of(trackway, user)
    assert UUID(event["messageId"])
    assert event["type"] == "track"
    assert event["receivedAt"] == event["originalTimestamp"] == event["timestamp"]
    assert "sentAt" not in event
    assert trackway.sql(f"select event_text, revenue, sent_at from order_completed where user_id = '{user}'") == [
        ["Order Completed", 39.95, None]
    ]


def test_what_a_batch_shares_lies_under_its_calls_own(
    trackway: Trackway, proxy: RecordingProxy, curl: Curl, user: str
) -> None:
    body = {
        "batch": [
            {"type": "track", "event": "A", "userId": user, "messageId": f"{user}-1"},
            {
                "type": "track",
                "event": "B",
                "userId": user,
                "messageId": f"{user}-2",
                "sentAt": "2026-03-02T10:00:05Z",
                "timestamp": "2026-03-02T10:00:00Z",
                "context": {"library": {"version": "own"}, "locale": "fr"},
                "integrations": {"Mixpanel": True, "X": {"b": 2}},
            },
        ],
        "messageId": "of the batch",
        "sequence": 7,
        "sentAt": "2026-03-02T11:00:00Z",
        "context": {"library": {"name": "go", "version": "3"}, "instanceId": "i1"},
        "integrations": {"All": False, "Mixpanel": False, "X": {"a": 1}},
    }
    assert curl(f"{proxy.url}/v1/batch", "-u", f"{trackway.write_key}:", body=body).json() == SUCCESS
    first, second = check_arrived(trackway, proxy.posts())
    assert first["context"] == {"library": {"name": "go", "version": "3"}, "instanceId": "i1"}
    assert first["sentAt"] == "2026-03-02T11:00:00Z"
    assert second["context"] == {"library": {"name": "go", "version": "own"}, "instanceId": "i1", "locale": "fr"}
    assert second["integrations"] == {"All": False, "Mixpanel": True, "X": {"a": 1, "b": 2}}
    assert second["sentAt"] == "2026-03-02T10:00:05Z"


def test_counters_of_libraries_are_no_events(trackway: Trackway, curl: Curl) -> None:
    before = len(trackway.raw_records())
    body = {"series": [{"type": "Counter", "metric": "analytics_js.invoke", "value": 1, "tags": {}}]}
    said = curl(
        f"{trackway.collector_url}/v1/m", "-H", "Content-Type: text/plain", "-H", f"Origin: {ORIGIN}", body=body
    )
    assert (said.status, said.json()) == (200, SUCCESS)
    assert said.headers["access-control-allow-origin"] in ("*", ORIGIN)
    assert len(trackway.raw_records()) == before


# Write keys


def test_the_write_key_may_stand_in_the_header_or_the_body(trackway: Trackway, curl: Curl, user: str) -> None:
    key, other = trackway.write_keys["web"], trackway.write_keys["examples"]
    url = f"{trackway.collector_url}/v1/track"
    call = {"userId": user, "event": "Authorized", "properties": {}}
    with_colon, without = (base64.b64encode(text.encode()).decode() for text in (f"{key}:", key))
    ways = [
        (["-u", f"{key}:"], {}),
        (["-H", f"Authorization: Basic {with_colon}"], {}),
        (["-H", f"Authorization: Basic {without}"], {}),
        (["-H", f"Authorization: basic {with_colon.rstrip('=')}"], {}),
        ([], {"writeKey": key}),
        (["-H", "Authorization: Bearer some-token"], {"writeKey": key}),
        (["-u", f"{key}:"], {"writeKey": other}),
    ]
    for arguments, more in ways:
        assert curl(url, *arguments, body={**call, **more}).status == 200, arguments
    batch = [{"type": "track", **call, "writeKey": other}]
    assert curl(f"{trackway.collector_url}/v1/batch", body={"batch": batch, "writeKey": key}).status == 200
    events = events_of(trackway, user)
    assert len(events) == len(ways) + 1
    assert not any("writeKey" in event for event in events), "it must reach no destination"
    sources = {record.source for _, record in trackway.event_records() if record.user_id == user}
    assert sources == {"web"}, "the header wins over the body, the batch's key over its calls'"


@pytest.mark.parametrize("path", ["/v1/track", "/v1/t", "/v1/batch", "/v1/import", "/v1/b"])
@pytest.mark.parametrize("how", ["header", "body", "none"])
def test_a_wrong_write_key_is_refused(trackway: Trackway, curl: Curl, user: str, path: str, how: str) -> None:
    call: dict[str, Any] = {"type": "track", "event": "Lost", "userId": user}
    body = call if path[-1] in "kt" and "import" not in path else {"batch": [call]}
    arguments = ["-u", "wk_of_nobody:"] if how == "header" else []
    if how == "body":
        body = {**body, "writeKey": "wk_of_nobody"}
    said = curl(trackway.collector_url + path, "-H", f"Origin: {ORIGIN}", *arguments, body=body)
    assert said.status == 401
    answer = said.json()
    assert answer["success"] is False
    assert isinstance(answer["code"], str)
    assert isinstance(answer["message"], str)
    assert answer["code"] == ("no_write_key" if how == "none" else "unknown_source")
    assert said.headers["access-control-allow-origin"] in ("*", ORIGIN), "or a browser sees no 401 and tries again"
    assert events_of(trackway, user) == []


# Bodies


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "text/plain", "text/plain;charset=UTF-8", ""],
)
def test_the_content_type_does_not_matter(
    trackway: Trackway, proxy: RecordingProxy, curl: Curl, user: str, content_type: str
) -> None:
    body = {"userId": user, "event": "Typed", "messageId": user, "properties": {"text": "Zürich ✓ 😀"}}
    arguments = ["-u", f"{trackway.write_key}:", "-H", f"Content-Type:{content_type}"]
    assert curl(f"{proxy.url}/v1/track", *arguments, body=body).json() == SUCCESS
    assert proxy.posts()[0].headers.get("Content-Type", "") == content_type
    check_arrived(trackway, proxy.posts())


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_bodies_may_be_packed_and_come_in_chunks(
    trackway: Trackway, curl: Curl, user: str, packed: bool, chunked: bool
) -> None:
    calls = [{"type": "track", "event": "Packed", "userId": user, "properties": {"number": n}} for n in range(500)]
    body = json.dumps({"batch": calls}).encode()
    arguments = ["-u", f"{trackway.write_key}:"]
    arguments += ["-H", "Content-Encoding: gzip"] if packed else []
    arguments += ["-H", "Transfer-Encoding: chunked"] if chunked else []
    said = curl(f"{trackway.collector_url}/v1/b", *arguments, body=gzip.compress(body) if packed else body)
    assert said.json() == SUCCESS
    assert [event["properties"]["number"] for event in events_of(trackway, user)] == list(range(500))


def test_fields_that_nobody_knows_are_kept(trackway: Trackway, proxy: RecordingProxy, curl: Curl, user: str) -> None:
    body = {
        "userId": user, "event": "Extended", "messageId": user, "email": "jo@example.com", "traits": {"odd": 1},
        "nested": {"deep": [{"er": None}]}, "__eventOrigin": {"type": "x", "version": 2}, "rudderId": 7,
    }  # fmt: skip
    assert curl(f"{proxy.url}/v1/track", "-u", f"{trackway.write_key}:", body=body).json() == SUCCESS
    check_arrived(trackway, proxy.posts())


# Verdicts


def test_one_bad_call_never_spoils_its_batch(trackway: Trackway, curl: Curl, user: str) -> None:
    good = {"type": "track", "event": "Good", "userId": user}
    bad = {
        "no_user_anon_id": {**good, "userId": None},
        "id_not_string": {**good, "userId": 1.5},
        "event_not_defined": {"type": "track", "userId": user},
        "event_not_string": {**good, "event": 7},
        "properties_not_object": {**good, "properties": [1]},
        "traits_not_object": {"type": "identify", "userId": user, "traits": "x"},
        "name_not_string": {"type": "page", "userId": user, "name": 5},
        "category_not_string": {"type": "screen", "userId": user, "category": {}},
        "type_unknown": {**good, "type": "jump"},
        "message_id_too_long": {**good, "messageId": "m" * 101},
        "event_too_large": {**good, "properties": {"text": "x" * 32_768}},
    }
    url, auth = f"{trackway.collector_url}/v1/batch", ("-u", f"{trackway.write_key}:")
    said = curl(url, *auth, "-H", "Prefer: verdicts", body={"batch": [good, *bad.values(), good]})
    assert said.status == 200
    answer = said.json()
    assert answer["success"] is True
    verdicts = answer["verdicts"]
    assert [verdict["verdict"] for verdict in verdicts] == ["accepted", *["invalid"] * len(bad), "accepted"]
    assert [verdict.get("reason") for verdict in verdicts] == [None, *bad, None]
    assert all(verdict["message"] and "pointer" in verdict for verdict in verdicts[1:-1])
    stored = events_of(trackway, user)
    assert [event["messageId"] for event in stored] == [verdicts[0]["messageId"], verdicts[-1]["messageId"]]
    reasons = {record.message_id: record.refusal.reason for record in trackway.quarantine()}
    assert [reasons[verdict["messageId"]] for verdict in verdicts[1:-1]] == list(bad)
    assert curl(url, *auth, body={"batch": [good, {}]}).json() == SUCCESS, "who does not ask is not told"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/track", b"not json"),
        ("/v1/track", b"[1]"),
        ("/v1/track", json.dumps({"userId": "u", "event": "x" * 40_000}).encode()),
        ("/v1/batch", b'{"batch": 7}'),
        ("/v1/batch", b'{"batch": [{"type": '),
        ("/v1/batch", b"null"),
    ],
)
def test_what_can_never_succeed_is_400(trackway: Trackway, curl: Curl, path: str, body: bytes) -> None:
    url, auth = trackway.collector_url + path, ("-u", f"{trackway.write_key}:")
    said = curl(url, *auth, "-H", f"Origin: {ORIGIN}", body=body)
    answer = said.json()
    assert (said.status, answer["success"]) == (400, False)
    assert isinstance(answer["code"], str)
    assert isinstance(answer["message"], str)
    assert said.headers["access-control-allow-origin"] in ("*", ORIGIN)


# Browsers


@pytest.mark.parametrize("part", [*CALLS, *(kind[0] for kind in CALLS), "batch", "import", "b", "m"])
def test_a_foreign_page_may_send(trackway: Trackway, curl: Curl, part: str) -> None:
    """The preflight carries no write key, so it must be answered before anybody asks for one."""
    asks = ["authorization", "content-type", "content-encoding", "x-retry-count"]
    said = curl(
        "-X", "OPTIONS", "-H", f"Origin: {ORIGIN}", "-H", "Access-Control-Request-Method: POST",
        "-H", f"Access-Control-Request-Headers: {','.join(asks)}", f"{trackway.collector_url}/v1/{part}",
    )  # fmt: skip
    assert said.status in (200, 204)
    assert said.headers["access-control-allow-origin"] in ("*", ORIGIN)
    assert "POST" in said.headers["access-control-allow-methods"]
    assert {name.strip() for name in said.headers["access-control-allow-headers"].lower().split(",")} >= set(asks)
    assert int(said.headers["access-control-max-age"]) >= 7200


def test_a_page_may_send_with_credentials(trackway: Trackway, curl: Curl, user: str) -> None:
    url, auth = f"{trackway.collector_url}/v1/t", ("-u", f"{trackway.write_key}:")
    said = curl(url, *auth, "-H", f"Origin: {ORIGIN}", body={"type": "track", "event": "Sent", "userId": user})
    assert said.headers["access-control-allow-origin"] == ORIGIN, "browsers refuse * with credentials"
    assert said.headers["access-control-allow-credentials"] == "true"
    assert said.headers["vary"].lower() == "origin"
    assert "retry-after" in said.headers["access-control-expose-headers"].lower()


def test_client_settings_name_the_address_they_were_asked_at(trackway: Trackway, curl: Curl) -> None:
    key = trackway.write_key
    host = trackway.collector_url.removeprefix("http://")
    for prefix in ("", "/first/party"):
        said = curl(f"{trackway.collector_url}{prefix}/v1/projects/{key}/settings", "-H", f"Origin: {ORIGIN}")
        assert said.status == 200
        assert said.headers["access-control-allow-origin"] in ("*", ORIGIN)
        settings = said.json()
        assert settings["integrations"].keys() == {"Segment.io"}, "another makes browsers load more scripts"
        segment = settings["integrations"]["Segment.io"]
        assert (segment["apiKey"], segment["apiHost"], segment["protocol"]) == (key, f"{host}{prefix}/v1", "http")
        assert settings["metrics"]["sampleRate"] == 0
    assert curl(f"{trackway.collector_url}/v1/projects/wk_of_nobody/settings").status == 404
