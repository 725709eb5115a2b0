"""The browser client's id cookies are renewed for a source's `cookie_domain`, and no other value is ever set."""

from typing import Any

import pytest

from tests.collector.test_app import Client, Kept
from trackway.collector.app import CollectorApp
from trackway.workspace.model import Collector, Source, Workspace

ASKING = "/first/party/v1/cookie?writeKey=WK"


def client(**source: Any) -> Client:
    made = Source(write_keys=["WK"], **{"cookie_domain": "shop.example", **source})
    collector = Collector(trusted_proxies=["192.0.2.1"])
    return Client(CollectorApp(Workspace(sources={"web": made}, collector=collector), Kept()), None)


async def ask(one: Client, path: str = ASKING, **headers: str) -> tuple[int, list[str]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.1", 1),
    }
    await one.app(scope, receive, send)
    cookies = [value.decode() for name, value in sent[0]["headers"] if name == b"set-cookie"]
    return sent[0]["status"], cookies


async def test_the_ids_that_came_are_set_again_for_a_year():
    cookie = "theme=dark; ajs_anonymous_id=a-1; ajs_user_id=ada@example.com; ajs_group_id=acme%20inc; session=secret"
    status, cookies = await ask(client(), cookie=cookie, x_forwarded_proto="https")
    life = "; Max-Age=31536000; Domain=shop.example; Path=/; SameSite=Lax; Secure"
    assert status == 200
    assert cookies == [
        f"ajs_anonymous_id=a-1{life}", f"ajs_user_id=ada@example.com{life}", f"ajs_group_id=acme%20inc{life}",
    ]  # fmt: skip


async def test_without_tls_they_are_not_marked_secure():
    _, [cookie] = await ask(client(), cookie="ajs_anonymous_id=a-1")
    assert cookie == "ajs_anonymous_id=a-1; Max-Age=31536000; Domain=shop.example; Path=/; SameSite=Lax"


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "other=1",
        "ajs_anonymous_id=",
        "xajs_anonymous_id=a",
        "ajs_anonymous_id=a b",
        'ajs_user_id="a"',
        "ajs_user_id=" + "a" * 513,
    ],
)
async def test_what_is_no_id_of_ours_is_left_alone(cookie: str):
    assert await ask(client(), cookie=cookie) == (200, [])


async def test_a_source_without_the_setting_a_wrong_key_and_a_foreign_page_get_none():
    cookie = "ajs_anonymous_id=a-1"
    assert await ask(client(cookie_domain=None), cookie=cookie) == (404, [])
    assert await ask(client(), "/v1/cookie?writeKey=NO", cookie=cookie) == (404, [])
    assert await ask(client(), "/v1/cookie", cookie=cookie) == (404, [])
    assert await ask(client(enabled=False), cookie=cookie) == (404, [])
    fenced = client(allowed_origins=["https://*.shop.example"])
    assert await ask(fenced, cookie=cookie, origin="https://evil.example") == (403, [])
    assert (await ask(fenced, cookie=cookie, origin="https://www.shop.example"))[0] == 200
