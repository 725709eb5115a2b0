import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.console.harness import TOKEN

LIVE = "document.querySelector('.connection-live')"


def test_the_form_lets_in_and_returns_to_where_one_wanted_to_go(chromium, console):
    chromium.open()
    chromium.goto(f"{console.url}/live?outcome=dropped")
    assert "/login?next=" in chromium.url()
    chromium.fill("#token", "a guess")
    chromium.click("button")
    chromium.until("document.querySelector('.problem')")
    assert "not the token" in chromium.text(".problem")
    assert chromium.problems() == [
        "console Failed to load resource: the server responded with a status of 401 (Unauthorized)"
    ]
    chromium.fill("#token", TOKEN)
    chromium.click("button")
    chromium.until(LIVE)
    assert chromium.url() == f"{console.url}/live?outcome=dropped"


def test_the_printed_link_leaves_no_token_in_the_address_or_in_scripts_reach(browser, console):
    browser.goto(f"{console.url}/login?token={TOKEN}&next=/live")
    browser.until(LIVE)
    assert browser.url() == f"{console.url}/live"
    assert browser.evaluate("document.cookie + document.referrer + JSON.stringify(localStorage)").find(TOKEN) == -1
    assert browser.evaluate("document.cookie") == ""


def test_logging_out_ends_the_session(page, console):
    page.click("text=Log out")
    page.until("document.querySelector('#token')")
    page.goto(f"{console.url}/sql")
    assert "/login" in page.url()


def test_a_shared_link_on_another_site_opens_without_a_second_login(page, console, elsewhere):
    offset = console.event(messageId="shared")
    page.goto(elsewhere(f'<a href="{console.url}/events/events/0/{offset}">look</a>'))
    page.click("a")
    page.until("document.querySelector('.panel .json')")
    assert page.url() == f"{console.url}/events/events/0/{offset}"


def test_another_site_cannot_use_the_session(chromium, console, elsewhere):
    chromium.open()
    chromium.goto(f"{console.url}/login?token={TOKEN}&next=/live")
    chromium.until(LIVE)
    chromium.goto(elsewhere("<p>evil</p>"))
    options = """{method: 'POST', credentials: 'include', headers: {'Content-Type': 'text/plain'},
        body: '{"sql": "select 1"}'}"""
    for target, how in (("/api/events", "{credentials: 'include'}"), ("/api/sql", options)):
        read = f"fetch('{console.url}{target}', {how}).then(answer => answer.text(), error => 'refused')"
        assert chromium.evaluate(read) == "refused"
    frame = f"""new Promise(done => {{
        const frame = document.createElement('iframe');
        frame.onload = () => {{
            try {{ done(frame.contentDocument.body.innerText) }} catch {{ done('') }}
        }};
        frame.src = '{console.url}/';
        document.body.append(frame);
    }})"""
    assert "Live events" not in chromium.evaluate(frame)


@pytest.fixture
def elsewhere() -> Iterator:
    """Serves a page of another site: for a browser, localhost and 127.0.0.1 have nothing in common."""
    pages: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(pages[-1])

        def log_message(self, *_: object) -> None:
            pass

    def serve(html: str) -> str:
        pages.append(f'<!doctype html><link rel="icon" href="data:,"><body>{html}'.encode())
        return f"http://localhost:{server.server_port}/"

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield serve
        server.shutdown()
        thread.join()
