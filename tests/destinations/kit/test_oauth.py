"""Tokens: asked for once, kept while they live, asked for anew when the other side no longer takes them."""

from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from trackway.destinations import kit

GRANT = kit.Grant(url="https://x.example/token", client_id="c", client_secret="s-1", refresh_token="r-1")
ROWS = [kit.Row.of(kit.Event.from_json(b"{}"), 1)] * 2


class Server:
    """Answers requests for tokens, and takes those tokens that it gave last."""

    def __init__(self, **token: Any) -> None:
        self.given = 0
        self.token = token
        self.seen: list[str] = []
        self.takes = True

    def __call__(self, request: kit.Request) -> Any:
        self.seen.append(request.url)
        if request.url == GRANT.url:
            self.given += 1
            body = msgspec.json.encode({"access_token": f"t-{self.given}"} | self.token)
            return kit.Response(status=200, body=body)
        fresh = request.headers["Authorization"] == f"Bearer t-{self.given}"
        return kit.Response(status=200 if fresh and self.takes else 401)


def send(cache: kit.Cache, server: Any) -> list[kit.Outcome]:
    def make(token: str) -> kit.Request:
        return kit.Request(method="POST", url="https://x.example/", headers={"Authorization": f"Bearer {token}"})

    steps = kit.with_token(GRANT, cache, ROWS, make, lambda answer, count: kit.by_status(answer, count=count))
    try:
        request = next(steps)
        while True:
            request = steps.send(server(request))
    except StopIteration as done:
        return done.value


def test_a_token_is_asked_for_once_and_renewed_before_its_end() -> None:
    now = [0.0]
    cache, server = kit.Cache(lambda: now[0]), Server(expires_in=3600)
    for at_s, given in ((0, 1), (3500, 1), (3541, 2)):
        now[0] = at_s
        assert send(cache, server) == [kit.Delivered()] * 2
        assert server.given == given


def test_a_server_may_write_the_end_of_a_token_as_text() -> None:
    assert send(kit.Cache(), Server(expires_in="3600")) == [kit.Delivered()] * 2


def test_a_token_that_is_no_longer_taken_is_asked_for_anew_once() -> None:
    cache, server = kit.Cache(), Server()
    send(cache, server)
    server.given += 1  # another one took a token, and ours is void
    server.seen.clear()
    assert send(cache, server) == [kit.Delivered()] * 2
    assert server.seen == ["https://x.example/", GRANT.url, "https://x.example/"]
    server.takes = False
    assert [type(one) for one in send(cache, server)] == [kit.Rejected] * 2


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (kit.Response(status=503, headers={"retry-after": "9"}), kit.Retry("token_503", 9)),
        (kit.Response(status=400, body=b"invalid_grant"), kit.Rejected("token_refused", "invalid_grant")),
        (kit.Response(status=200, body=b"<html>"), kit.Retry("token_unreadable")),
        (kit.Retry("timeout"), kit.Retry("timeout")),
    ],
)
def test_without_a_token_nothing_is_sent(answer: Any, outcome: kit.Outcome) -> None:
    assert send(kit.Cache(), lambda request: answer) == [outcome] * 2


def test_the_request_for_a_token() -> None:
    form = parse_qs(GRANT.request().content().decode())
    assert form == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["r-1"],
        "client_id": ["c"],
        "client_secret": ["s-1"],
    }
    own = kit.Grant(url="https://x.example/", client_id="c", client_secret="s", scope="a b", in_header=True).request()
    assert own.headers["Authorization"] == kit.basic("c", "s")
    assert parse_qs(own.content().decode()) == {"grant_type": ["client_credentials"], "scope": ["a b"]}
