"""`trackway destinations check` against a server that knows one key."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trackway.cli import app

MODULE = """
from msgspec import Struct
from trackway.destinations import kit

NAME = "Own"
LIMITS = kit.Limits()

class Settings(Struct):
    port: int
    key: kit.Secret

def request(settings, rows):
    raise NotImplementedError

def check(settings):
    headers = {"Authorization": settings.key.reveal()}
    return kit.Request(method="GET", url=f"http://127.0.0.1:{settings.port}/", headers=headers, body=b"")
"""


class _Door(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        key = self.headers["Authorization"]
        body = b"<html>Sign in</html>" if key == "k-page-1" else f"no such key: {key}".encode()
        self.send_response({"k-right-1": 204, "k-page-1": 200}.get(key, 403))
        self.send_header("Content-Length", "0" if key == "k-right-1" else str(len(body)))
        self.end_headers()
        if key != "k-right-1":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def check(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["destinations", "check", *words, "-w", str(folder), "--json"])


def workspace(folder: Path, port: int) -> None:
    (folder / "destinations").mkdir()
    (folder / "destinations" / "own.py").write_text(MODULE)
    destinations = {
        "good": {"type": "own", "settings": {"port": port, "key": "k-right-1"}},
        "bad": {"type": "own", "settings": {"port": port, "key": "k-wrong-1"}},
        "page": {"type": "own", "settings": {"port": port, "key": "k-page-1"}},
        "mute": {"type": "webhook", "settings": {"url": "https://hooks.example.com/"}},
    }
    settings = {
        "sources": {"web": {"write_keys": ["w"]}},
        "destinations": destinations,
        "delivery": {"allow_private_addresses": True},
    }
    (folder / "trackway.yaml").write_text(json.dumps(settings))


def test_each_destination_is_asked(tmp_path: Path, port: int) -> None:
    workspace(tmp_path, port)
    found = check(tmp_path)
    told = {one["name"]: one for one in map(json.loads, found.stdout.splitlines())}
    assert found.exit_code == 1
    statuses = {name: one["status"] for name, one in told.items()}
    assert statuses == {"good": "OK", "bad": "FAIL", "page": "FAIL", "mute": "UNKNOWN"}
    assert "web page" in told["page"]["finding"]
    assert "403" in told["bad"]["finding"]
    assert "k-wrong-1" not in found.stdout
    assert check(tmp_path, "good").exit_code == 0


def test_a_name_that_is_not_there_is_told(tmp_path: Path, port: int) -> None:
    workspace(tmp_path, port)
    found = check(tmp_path, "goood")
    assert found.exit_code == 1
    assert "there are: good, bad, page, mute" in " ".join(found.stderr.split())


def test_an_address_that_is_not_allowed_is_told_with_what_allows_it(tmp_path: Path, port: int) -> None:
    workspace(tmp_path, port)
    file = tmp_path / "trackway.yaml"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"delivery": {}}))
    assert "allow_private_addresses: true" in check(tmp_path, "good").stdout
