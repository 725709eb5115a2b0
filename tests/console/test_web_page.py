import pytest
from yarl import URL

from tests.console.harness import TOKEN, ConsoleServer


@pytest.mark.parametrize("path", ["/", "/sql", "/events/events/0/17", "/any/thing.html"])
async def test_every_address_is_the_page(http, path):
    answer = await http.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<title>Trackway</title>" in await answer.text()


async def test_assets_are_kept_for_ever(http):
    answer = await http.get("/assets/index-abc123.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2fsecret", "..%2f..%2fsecret", "..%5csecret", "%00"])
async def test_assets_never_leave_their_folder(http, console, tmp_path, name):
    for folder in (tmp_path, tmp_path / "static"):
        (folder / "secret").write_text("not for the web")
    answer = await http.get(URL(f"{console.url}/assets/{name}", encoded=True))
    assert answer.status in (200, 404)
    assert "not for the web" not in await answer.text()


async def test_without_a_build_the_page_says_what_to_do(tmp_path, stranger):
    with ConsoleServer(tmp_path / "other", static=tmp_path / "missing") as bare:
        await stranger.get(f"{bare.url}/login?token={TOKEN}", allow_redirects=False)
        answer = await stranger.get(f"{bare.url}/")
        assert answer.status == 503
        assert "make build" in await answer.text()


async def test_the_login_page_shows_untrusted_text_as_text(stranger):
    answer = await stranger.get('/login?next=/"><script>alert(1)</script>')
    text = await answer.text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
