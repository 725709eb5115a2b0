"""`trackway playground` as strangers meet it: over HTTP, with what strangers send."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.public_playground import public_playground
from tests.running import Answer, send

pytestmark = pytest.mark.xdist_group("public playground")
DEEP = 5_000


def order(properties: bytes) -> bytes:
    return b'{"call":{"type":"track","event":"Order Completed","userId":"u","properties":' + properties + b"}}"


def of_call(call: Any) -> bytes:
    return json.dumps({"call": call}).encode()


HOSTILE = {
    "nothing": b"",
    "not JSON": b"call me",
    "half of it": b'{"call": {"type": "track"',
    "not UTF-8": b'{"call": {"type": "track", "event": "\xff\xfe"}}',
    "a list": b"[]",
    "null": b"null",
    "no call": b"{}",
    "call and text": b'{"call": 1, "text": "1"}',
    "unknown member": b'{"call": 1, "send": true}',
    "deep": b'{"call":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"call":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "deep, unclosed": b'{"call":' + b"[" * 60_000,
    "deep text": json.dumps({"text": "[" * 60_000}).encode(),
    "deep properties": order(b'{"a":' * 900 + b"1" + b"}" * 900),
    "huge number": order(b'{"total":' + b"9" * 20_000 + b"}"),
    "huge exponent": order(b'{"total":1e999999}'),
    "big revenue": order(b'{"total":1e308,"revenue":-1e308}'),
    "big integers": order(b'{"total":18446744073709551616}'),
    "not a number": b'{"call":{"type":"track","event":"e","userId":"u","properties":{"total":NaN}}}',
    "lone surrogate": b'{"call":{"type":"track","event":"\\ud800","userId":"u"}}',
    "lone surrogate key": b'{"call":{"type":"track","event":"e","userId":"u","properties":{"\\udc00":"\\ud800"}}}',
    "lone surrogate text": b'{"text":"\\ud800"}',
    "lone surrogate in text": b'{"text":"{\\"type\\":\\"track\\",\\"event\\":\\"\\\\ud800\\",\\"userId\\":\\"u\\"}"}',
    "zero bytes": b'{"call":{"type":"track","event":"\\u0000","userId":"\\u0000"}}',
    "same keys": b'{"call":{"type":"track","type":"page","event":"e","userId":"u"}}',
    "odd time": b'{"call":{"type":"track","event":"e","userId":"u","timestamp":"-99999-13-45T99:99:99Z"}}',
    "far time": b'{"call":{"type":"track","event":"e","userId":"u","timestamp":"9999-12-31T23:59:59.999Z"}}',
    "user agent": json.dumps({"call": {"type": "page"}, "client_side": True, "user_agent": "(" * 1000}).encode(),
    "many products": order(json.dumps({"products": [{"price": 1}] * 2500}).encode()),
    "many keys": of_call({"type": "identify", "userId": "u", "traits": {f"k{i}": i for i in range(2500)}}),
    "a batch": of_call({"batch": [{"type": "track", "event": "e", "userId": "u"}] * 500}),
    "somebody's prototype": order(b'{"__proto__":{"__proto__":null},"constructor":{"prototype":1}}'),
    "address of a neighbour": b'{"call":{"type":"page","userId":"u","properties":{"url":"http://169.254.169.254/latest"}}}',
}  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with public_playground("--per-minute", "100000") as url:
        yield url


def ask(url: str, body: bytes) -> Answer:
    return send(f"{url}/api/playground/preview", body=body, headers={"Content-Type": "application/json"}, timeout_s=30)


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_what_strangers_send_gets_an_answer_and_the_next_call_is_well(url: str, body: bytes):
    answer = ask(url, body)
    assert answer.status in (200, 400), answer
    told = answer.json()
    assert told["verdict"]["type"] is not None if answer.status == 200 else told["code"] in ("bad_request", "not_shown")
    assert "mistake of Trackway" not in told.get("message", ""), "no preview breaks"
    well = ask(
        url, b'{"call":{"type":"track","event":"Order Completed","userId":"u","properties":{"order_id":"o"}}}'
    ).json()
    assert well["verdict"]["accepted"]
    assert {one["key"] for one in well["destinations"]} == {""}
    assert {one["outcome"] for one in well["destinations"]} <= {"sent", "discarded", "failed"}


def test_nothing_can_be_sent_and_the_body_is_bounded(url: str):
    headers = {"Content-Type": "application/json"}
    call = b'{"call":{"type":"track","event":"e","userId":"u"},"source":"web"}'
    assert send(f"{url}/api/playground/send", body=call, headers=headers).status in (404, 405)
    assert ask(url, b" " * 70_000).status == 413
    page = send(f"{url}/", method="GET", headers={"Host": "play.example", "Cookie": "a=b"})
    assert "Content-Security-Policy" in page.headers
    assert "Set-Cookie" not in page.headers


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--host", "192.0.2.1"], "cannot be listened on"), (["--trusted-proxy", "nginx"], "--trusted-proxy: 'nginx'")],
)
def test_wrong_options_are_one_sentence(options: list[str], said: str):
    script = "from trackway.cli import main; main()"
    command = [sys.executable, "-c", script, "playground", "--port", "0", *options]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert said in run.stderr
    assert run.stderr.count("\n") == 1
