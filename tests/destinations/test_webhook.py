"""What the cases cannot show: settings that are refused."""

from typing import Any

import msgspec
import pytest

from trackway.destinations import kit, registry
from trackway.workspace import WorkspaceError

URL = "https://hooks.example.com/"


def load(**settings: Any) -> registry.Destination:
    return registry.load("webhook", {"url": URL} | settings, where="s")


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example.com", "ftp://hooks.example.com/", "https://", "https:///path", "https://a b/", "http://[::1/",
     "https://h:99999/", "https://h/\r\nX: y", "file:///etc/passwd"],
)  # fmt: skip
def test_an_address_must_be_whole(url: str) -> None:
    with pytest.raises(WorkspaceError, match="whole address like"):
        load(url=url)


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"X-Key": "a\r\nX-Evil: b"}, "X-Key"),
        ({"X Key": "a"}, "X Key"),
        ({"": "a"}, "''"),
        ({"X-Key": "\N{SNOWMAN}"}, "X-Key"),
        ({"Idempotency-Key": "a"}, "set by Trackway itself"),
        ({"content-length": "4"}, "set by Trackway itself"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused_without_their_value(headers: dict[str, str], why: str) -> None:
    with pytest.raises(WorkspaceError, match=why) as caught:
        load(headers=headers)
    assert "Evil" not in str(caught.value)


@pytest.mark.parametrize("method", ["GET", "DELETE", "post"])
def test_only_methods_with_a_body(method: str) -> None:
    with pytest.raises(WorkspaceError, match=r"s\.method"):
        load(method=method)


def test_limits_follow_the_settings() -> None:
    single = load(batch={"wait": "10s"}).limits
    assert (single.events, single.wait_s) == (1, 0)  # nothing to wait for
    many = load(batch={"events": 4000, "bytes": "1 MiB", "wait": "10s"}, concurrency=3).limits
    assert (many.events, many.bytes, many.wait_s, many.concurrency) == (4000, 1 << 20, 10, 3)


def test_settings_do_not_show_secrets() -> None:
    destination = load(shared_secret="hush-hush", headers={"Authorization": "Bearer hush"})
    assert "hush" not in repr(destination.settings)
    assert destination.secrets() == ["Bearer hush", "hush-hush"]


AWS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "aws-s-1", "region": "eu-central-1", "service": "lambda"}


def test_a_request_to_aws_is_signed_and_its_secret_is_known_as_one() -> None:
    hook = load(aws=AWS, shared_secret="s-1")
    assert set(hook.secrets()) == {"aws-s-1", "s-1"}
    request = next(hook.exchange(hook.rows(kit.Event.from_json(b'{"messageId":"m-1"}'))))  # pyright: ignore
    signed = request.headers["Authorization"]
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/lambda/aws4_request" in signed
    assert "SignedHeaders=content-type;host;idempotency-key;x-amz-date;x-signature" in signed


def test_headers_that_the_signature_sets_cannot_be_given() -> None:
    with pytest.raises(WorkspaceError, match="Authorization is set by Trackway"):
        load(aws=AWS, headers={"Authorization": "Bearer x"})
    load(headers={"Authorization": "Bearer x"})


TRACK = b'{"type": "track",  "messageId": "m-1", "event": "Paid", "properties": {"total": "12,50"}}'


def requests(found: registry.Destination) -> list[kit.Request]:
    rows = found.rows(kit.Event.from_json(TRACK))
    assert isinstance(rows, list | tuple)
    steps, sent = found.exchange(rows), list[kit.Request]()
    try:
        sent.append(next(steps))
        while True:
            sent.append(steps.send(kit.Response(status=200)))
    except StopIteration:
        return sent


def test_an_event_goes_out_as_it_came_until_a_mapping_says_otherwise() -> None:
    [sent] = requests(load())
    assert (sent.content(), sent.headers["Idempotency-Key"]) == (TRACK, "m-1")
    changed = {"event": {"fields": {"data": {"what": "$.event", "total": {"money": "$.properties.total"}}}}}
    [sent] = requests(load(mappings=changed))
    assert sent.content() == b'{"what":"Paid","total":12.5}'
    assert requests(load(mappings={"event": {"fields": {"data.shop": "s-1"}}}))[0].content().endswith(b',"shop":"s-1"}')


def test_each_of_an_events_bodies_has_a_request_and_a_lasting_key_of_its_own() -> None:
    written = {"short": {"action": "send", "trigger": 'type = "track"', "fields": {"data": "$.event"}}}
    both = load(mappings=written)
    assert [one.content() for one in requests(both)] == [msgspec.json.encode(msgspec.json.decode(TRACK)), b'"Paid"']
    keys = [one.headers["Idempotency-Key"] for one in requests(both)]
    assert len(set(keys)) == 2 and all(key.startswith("m-1") for key in keys)
    assert [one.headers["Idempotency-Key"] for one in requests(both)] == keys
    [together] = requests(load(mappings=written, batch={"events": 10}))
    assert len(msgspec.json.decode(together.content())) == 2
