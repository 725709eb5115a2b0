import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.console.harness import TOKEN, ConsoleServer
from trackway.console.access import MAX_FAILURES, SESSION_S, Access, FailureLimit, Hosts
from trackway.console.login import local_path
from trackway.workspace import Secret


async def test_without_a_token_pages_lead_to_the_login_and_calls_get_401(stranger):
    page = await stranger.get("/events/events/0/1?q=a b", allow_redirects=False)
    assert (page.status, page.headers["Location"]) == (303, "/login?next=/events/events/0/1%3Fq%3Da%2Bb")
    for path in ("/api/live", "/api/events", "/api/overview", "/api/workspace", "/api/unknown"):
        call = await stranger.get(path)
        assert call.status == 401
        assert (await call.json())["code"] == "login_needed"
    assert (await stranger.post("/api/sql", json={"sql": "select 1"})).status == 401
    assert (await stranger.get("/assets/index-abc123.js", allow_redirects=False)).status == 303


async def test_the_printed_link_opens_a_session_and_leaves_no_token_behind(stranger, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "uvicorn.access")
    answer = await stranger.get(f"/login?token={TOKEN}&next=/sql", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/sql")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("trackway_console=")
    assert {"HttpOnly", "Path=/", f"Max-Age={SESSION_S}"} <= set(cookie.split("; "))
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert (await stranger.get("/api/workspace")).status == 200
    access_lines = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    assert any('"GET /login HTTP/1.1" 303' in line for line in access_lines)
    assert not [record for record in caplog.records if TOKEN in record.getMessage() and "uvicorn" in record.name]


async def test_the_form_takes_the_token_only(stranger):
    wrong = await stranger.post("/login", data={"token": "guess", "next": "/sql"}, allow_redirects=False)
    assert wrong.status == 401
    assert "not the token" in await wrong.text()
    right = await stranger.post("/login", data={"token": f" {TOKEN} ", "next": "/sql"}, allow_redirects=False)
    assert (right.status, right.headers["Location"]) == (303, "/sql")
    assert (await stranger.get("/login", allow_redirects=False)).headers["Location"] == "/"
    assert (
        await stranger.post("/logout", headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False)
    ).status == 303
    assert (await stranger.get("/api/workspace")).status == 401


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"token=" + b"x" * 20_000, "application/x-www-form-urlencoded"), (b"{}", "application/json"),
     (b"token=\xff", "application/x-www-form-urlencoded")],
)  # fmt: skip
async def test_a_strange_form_is_refused(stranger, body, kind):
    answer = await stranger.post("/login", data=body, headers={"Content-Type": kind})
    assert answer.status in (400, 401)


async def test_a_login_from_a_foreign_page_is_refused(stranger, console):
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site", "Origin": console.url}):
        answer = await stranger.post("/login", data={"token": TOKEN}, headers=headers, allow_redirects=False)
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers
    link = await stranger.get(f"/login?token={TOKEN}", headers={"Sec-Fetch-Site": "cross-site"}, allow_redirects=False)
    assert link.status == 200
    assert 'http-equiv="refresh"' in await link.text()
    assert "Set-Cookie" not in link.headers


async def test_wrong_tokens_are_counted_and_then_not_even_compared(stranger):
    for _ in range(MAX_FAILURES):
        assert (await stranger.get("/api/overview", headers={"Authorization": "Bearer nope"})).status == 401
    stopped = await stranger.get("/api/overview", headers={"Authorization": f"Bearer {TOKEN}"})
    assert stopped.status == 429
    assert 1 <= int(stopped.headers["Retry-After"]) <= 60
    assert (await stranger.post("/login", data={"token": TOKEN}, allow_redirects=False)).status == 429


async def test_changes_with_a_cookie_come_from_our_own_pages_only(stranger, console):
    await stranger.get(f"/login?token={TOKEN}")
    question = {"sql": "select 1"}
    for headers in (
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{console.port + 1}"},
        {"Sec-Fetch-Site": "same-site", "Origin": console.url},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = await stranger.post("/api/sql", json=question, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (403, "foreign_origin"), headers
    for headers in ({"Origin": console.url}, {"Sec-Fetch-Site": "same-origin"}):
        assert (await stranger.post("/api/sql", json=question, headers=headers)).status == 200


async def test_a_program_with_the_token_needs_no_origin(http):
    assert (await http.post("/api/sql", json={"sql": "select 1"})).status == 200
    answer = await http.get("/api/overview", headers={"Origin": "http://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8081", "", "10.0.0.1", "localhost@evil.example"]
)
async def test_a_foreign_name_for_our_address_is_refused(http, host):
    answer = await http.get("/api/overview", headers={"Host": host})
    assert answer.status in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8081", "[::1]:8081"])
async def test_our_own_names_are_known(http, host):
    assert (await http.get("/api/overview", headers={"Host": host})).status == 200


def test_hosts_can_be_added_and_any_address_serves_when_bound_to_all():
    assert Hosts("127.0.0.1", ["Console.Example"]).allows("console.example:443")
    assert Hosts("console.internal").allows("console.internal:8081")
    assert Hosts("0.0.0.0").allows("192.168.1.7:8081")
    assert Hosts("0.0.0.0").allows("[fe80::1]:8081")
    assert not Hosts("0.0.0.0").allows("evil.example")
    assert not Hosts("0.0.0.0").allows("")
    assert not Hosts("127.0.0.1").allows("[broken")


@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/page.css", "/favicon.svg", "/api/overview", "/api/none", "/assets/index-abc123.js", "/x/y"],
)
@pytest.mark.parametrize("known", [True, False])
async def test_every_answer_carries_the_security_headers(http, stranger, path, known):
    answer = await (http if known else stranger).get(path, allow_redirects=False)
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
        "img-src": "'self' data:", "font-src": "'self'", "base-uri": "'none'", "form-action": "'self'",
        "frame-ancestors": "'none'",
    }  # fmt: skip
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_breakdown_is_a_500_with_the_headers_too(http, console: ConsoleServer):
    def broken():
        raise RuntimeError("boom with secrets")

    console.accounts.consumers = broken
    answer = await http.get("/api/overview")
    assert answer.status == 500
    assert await answer.json() == {"code": "internal", "message": "the console failed at this; its log says more"}
    assert "Content-Security-Policy" in answer.headers


def test_a_session_ends_in_time_with_the_token_and_cannot_be_forged():
    now = [1_000_000.0]
    access = Access(Secret("one"), clock=lambda: now[0])
    session = access.new_session()
    assert access.is_session(session)
    assert not Access(Secret("two"), clock=lambda: now[0]).is_session(session)
    expires, rest = session.split(".", 1)
    assert not access.is_session(f"{int(expires) + 1}.{rest}")
    now[0] += SESSION_S
    assert not access.is_session(session)


@given(st.text(max_size=80))
def test_no_text_is_a_session_or_the_token(text):
    access = Access(Secret("a-token-that-nobody-guesses"))
    assert not access.is_session(text)
    assert not access.is_token(text)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_the_token_itself_is_the_token(text):
    assert Access(Secret(text)).is_token(text)


def test_an_empty_token_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        Access(Secret(""))


def test_the_failure_limit_forgets_after_a_minute_and_is_bounded():
    now = [0.0]
    limit = FailureLimit(clock=lambda: now[0])
    for _ in range(MAX_FAILURES):
        assert limit.wait_s("a") == 0
        limit.failed("a")
    assert limit.wait_s("a") == 60
    assert limit.wait_s("b") == 0
    now[0] = 61.0
    assert limit.wait_s("a") == 0
    for i in range(10_000):
        limit.failed(str(i))
    assert len(limit._failures) == 4096


@given(
    st.one_of(
        st.text(), st.sampled_from(["//evil.example", "/\\evil.example", "https://evil.example", "/login?next=/"])
    )
)
def test_a_login_never_leads_to_another_site(wish):
    path = local_path(wish)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\", "/login"))
    assert "\n" not in path
    assert "\t" not in path
