"""What Trackway's own browser client is asked to send, and what it sent."""

import json
import subprocess
from typing import Any

from tests.running import poll_until
from tests.sdks.arrival import calls_in
from tests.sdks.recording_proxy import Exchange, RecordingProxy
from tests.services import ROOT, find_node_package

KEY = "wk_web_for_tests"
SNIPPET_KEY = "wk_own"
"""The source whose snippet gets Trackway's client."""


def tag(proxy: RecordingProxy, *, host: str = "127.0.0.1", **options: Any) -> str:
    """The script's tag, with nothing in the page itself: options stand in an attribute."""
    said = json.dumps(options).replace("&", "&amp;").replace('"', "&quot;")
    source = f"http://{host}:{proxy.port}/trackway.js"
    return f'<script src="{source}" data-write-key="{KEY}" data-options="{said}"></script>'


def requests_in(proxy: RecordingProxy) -> list[Exchange]:
    return sorted((post for post in proxy.posts() if post.path == "/v1/b"), key=lambda post: post.forwarded_at)


def sent_in(proxy: RecordingProxy) -> list[dict[str, Any]]:
    """The events of all requests that the collector answered, each as often as it was sent."""
    return [sent.call for post in requests_in(proxy) for sent in calls_in(post)]


def wait_for(proxy: RecordingProxy, count: int) -> list[dict[str, Any]]:
    return poll_until(lambda: sent if len(sent := sent_in(proxy)) >= count else None, what=f"{count} events") or []


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event.get("event") or event["type"] for event in events]


def snippet(node: str, proxy: RecordingProxy, key: str, **options: Any) -> str:
    """Segment's own snippet with nothing changed but the host; a loopback host speaks no TLS."""
    find_node_package("@segment/snippet")
    host = f"127.0.0.1:{proxy.port}"
    render = "console.log(require('@segment/snippet').max(JSON.parse(process.argv[1])))"
    said = json.dumps({"apiKey": key, "host": host, **options})
    made = subprocess.run([node, "-e", render, said], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    return f"<script>{made.stdout.replace(f'https://{host}/', f'http://{host}/')}</script>"
