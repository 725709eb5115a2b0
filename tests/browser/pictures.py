"""Take the pictures of README and docs from the running product: `python -m tests.browser.pictures FOLDER [all]`.

A simulated shop sends events for a while; the hours before are made up, so that the charts have something to show. With
`all`, every page is taken wide and narrow, light and dark.
"""

import base64
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.browser.chromium import Browser, missing
from tests.browser.sinks import sinks
from tests.running import Trackway, send
from trackway.node.alerting.book import AlertBook, Standing
from trackway.node.monitoring import samples
from trackway.node.monitoring.samples import DestinationTotals, SourceTotals, Totals
from trackway.state import open_state

SECONDS = 75
PLAN = """\
plan: Shop
sources: [web, app]
track:
  Order Completed:
    properties:
      order_id: string!
      total: number!
      currency: {type: string, enum: [EUR, USD]}
      coupon: {type: string, pattern: "^[A-Z0-9]+$"}
  Product Viewed:
    properties:
      product_id: string!
      price: number
  Subscription Started:
    properties:
      plan: string!
"""
QUERY = "select event_text, count(*) as events from tracks group by all order by events desc limit 20"
WIDE, NARROW = (1440, 900), (390, 844)
HOURS = 30
STEP_S = 60
TABLE = "document.querySelector('.table, .state')"
CALL = ["track", {"userId": "u1", "event": "order completed", "properties": {"order_id": "O-7", "total": "12"}}, "web"]
DESTINATIONS = ("crm", "analytics", "ads", "support")


def take(folder: Path, *, everything: bool) -> None:
    """Write the pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with sinks() as url, tempfile.TemporaryDirectory() as data:
        trackway = _workspace(Path(data), url)
        _invent_the_past(Path(data))
        trackway.start()
        _change_settings(Path(data))
        try:
            demos = [_demo(trackway, source, rate) for source, rate in (("web", 9), ("app", 4))]
            time.sleep(SECONDS)  # charts show time that has passed
            with Browser() as browser:
                _pictures(trackway, browser, folder, everything)
            for demo in demos:
                demo.terminate()
                demo.wait(20)
        finally:
            trackway.kill()


def _workspace(folder: Path, url: str) -> Trackway:
    hook = {"type": "webhook"}
    (folder / "plans").mkdir()
    (folder / "plans" / "shop.yaml").write_text(PLAN, "utf-8")
    return Trackway(
        folder,
        sources={
            "web": {"name": "Web shop"},
            "app": {"name": "Mobile app", "write_keys": ["wk_app_55e2d7c310"]},
            "backend": {"name": "Order service", "write_keys": ["wk_srv_0c9d1e22ab"]},
        },
        destinations={
            "crm": {
                **hook,
                "name": "CRM webhook",
                "settings": {"url": f"{url}/ok/crm", "shared_secret": "ae41-2f70-9c"},
            },
            "analytics": {"type": "posthog", "name": "Product analytics", "settings": {"api_key": "k", "host": url}},
            "ads": {**hook, "name": "Ads", "settings": {"url": f"{url}/picky/ads"}},
            "support": {**hook, "name": "Support desk", "settings": {"url": f"{url}/down"}},
        },
        delivery={"allow_private_addresses": True},
    )


def _change_settings(folder: Path) -> None:
    file = folder / "trackway.yaml"
    file.write_text(file.read_text("utf-8").replace("Ads", "Ads bridge"), "utf-8")


def _invent_the_past(folder: Path) -> None:
    engine = open_state(folder / "data" / "state.db")
    now_s = time.time()
    over = [
        Standing(
            rule="destination-down",
            subject=key,
            title=f"{name}: destination is down",
            text=f"It answers {answer}.",
            since_ms=int((now_s - ago_s) * 1000),
            fired_ms=int((now_s - ago_s) * 1000),
            resolved_ms=int((now_s - ago_s + lasted_s) * 1000),
        )
        for key, name, answer, ago_s, lasted_s in (
            ("crm", "CRM webhook", "503", 9 * 86_400, 780), ("ads", "Ads bridge", "ECONNREFUSED", 2 * 86_400, 10_400),
            ("support", "Support desk", "500", 30_000, 90),
        )
    ]  # fmt: skip
    AlertBook(engine).write([], [(one.rule, one.subject) for one in over], over=over)
    web, app, failed = 0.0, 0.0, 0.0
    for minute in range(HOURS * 60, 0, -1):
        at_s = now_s - minute * STEP_S
        day = 1 + 0.55 * math.sin((at_s % 86_400) / 86_400 * 2 * math.pi - 1.9)
        web += STEP_S * 7 * day * (1 + 0.12 * math.sin(minute / 3))
        app += STEP_S * 3.2 * day * (1 + 0.2 * math.sin(minute / 7))
        failed += STEP_S * 0.05 * (6 if 40 < minute < 55 else 1)
        lag = {"support": max(0.0, 900 - minute * 60), "ads": 6 + 5 * math.sin(minute / 5)}
        totals = Totals(
            sources={"web": SourceTotals(int(web), int(web / 900), int(web / 80)), "app": SourceTotals(int(app))},
            destinations={
                key: DestinationTotals(
                    delivered=int(web + app), failed=int(failed) if key == "ads" else 0, requests=int(web + app),
                    errors=int(failed) if key == "ads" else 0, lag_s=lag.get(key, 0.4),
                )
                for key in DESTINATIONS
            },
        )  # fmt: skip
        samples.keep(engine, totals, int(at_s * 1000))
    engine.dispose()


def _demo(trackway: Trackway, source: str, rate: int) -> subprocess.Popen[bytes]:
    command = [str(Path(sys.executable).with_name("trackway")), "demo", "--workspace", str(trackway.folder)]
    options = ["--source", source, "--rate", str(rate), "--duration", "0", "--seed", "7"]
    return subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _pictures(trackway: Trackway, browser: Browser, folder: Path, everything: bool) -> None:
    event = _an_order(trackway)
    order, place = quote(event["messageId"], safe=""), event["position"]
    pages: dict[str, tuple[str, ...]] = {  # path, what shows that it is there, and what to click on
        "overview": ("/?range=24h", "document.querySelectorAll('.chart canvas').length === 4"),
        "live": (
            f"/events/{place['topic']}/{place['partition']}/{place['offset']}",
            "document.querySelectorAll('.row.entry').length > 5 && document.querySelector('.panel .json')",
        ),
        "event": (f"/events/{order}", "document.querySelector('.timeline')"),
        "alerts": ("/alerts", "document.querySelector('.alerts-now, .state')"),
        "sources": ("/sources", "document.querySelector('.table')"),
        "source": ("/sources/web?range=24h", "document.querySelector('.chart canvas')"),
        "traffic": ("/sources/web?tab=traffic", "document.querySelector('h1')"),
        "clients": ("/sources/web?tab=clients", TABLE),
        "setup": ("/sources/backend", "document.querySelector('.first-check')"),
        "destinations": ("/destinations", "document.querySelector('.table')"),
        "destination": ("/destinations/ads?range=24h", "document.querySelector('.chart canvas')"),
        "letters": ("/destinations/ads?tab=letters", "document.querySelector('.letter-group')"),
        "mapping": ("/destinations/analytics?tab=mapping", "document.querySelector('.table')"),
        "catalogue": ("/catalogue", "document.querySelectorAll('.table tbody tr').length > 5"),
        "names": ("/catalogue?tab=naming", "document.querySelector('h1')"),
        "news": ("/catalogue?tab=news", "document.querySelector('h1')"),
        "plan": ("/catalogue?tab=plan", "document.querySelector('h1')"),
        "violations": ("/catalogue?tab=violations", "document.querySelector('h1')"),
        "catalogue-event": ("/catalogue/web/track/Order%20Completed", TABLE),
        "warehouse": ("/warehouse", TABLE),
        "table": ("/warehouse/web/order_completed", "document.querySelector('.grid-row')"),
        "sql": (
            f"/sql?q={quote(QUERY)}",
            "document.querySelector('.editor-box')?.shadowRoot?.querySelector('.cm-line')",
            "text=Run",
            "[role=radio]:has-text('Chart')",
        ),
        "release": (
            "/destinations/ads?tab=letters",
            "document.querySelector('.letter-group')",
            ".letter-toggle",
            ".letter-group header >> text=Release",
        ),
        "quarantine": ("/quarantine", TABLE),
        "refused": (f"/{_a_refused_call(trackway)}", "document.querySelector('.quarantine-verdict')"),
        "replay": ("/replay?to=crm&range=all&again=1", "document.querySelector('h1')"),
        "replay-one": (f"/replay/{_a_replay(trackway)}", "document.querySelector('h1')"),
        "people": (f"/people?id={quote(event['userId'], safe='')}", TABLE),
        "settings": ("/settings?key=destinations.ads.settings", "document.querySelector('.settings-about')"),
        "settings-changes": ("/settings?tab=changes", "document.querySelector('.settings-changes, .state')"),
        "playground": (
            f"/playground?call={base64.urlsafe_b64encode(json.dumps(CALL).encode()).decode().rstrip('=')}",
            "document.querySelector('.play-card')",
        ),
        "playground-code": ("/playground?as=code", "document.querySelector('.play-card')"),
        "empty-search": ("/live?q=nowhere-to-be-found", "document.querySelector('.nothing h2')"),
        "no-page": ("/no/such/page", "document.querySelector('h1')"),
    }
    shown = pages if everything else {name: pages[name] for name in ("overview", "live", "event", "destination")}
    for scheme in ("light", "dark") if everything else ("light",):
        for size in (WIDE, NARROW) if everything else (WIDE,):
            browser.open(*size, scheme=scheme, touch=size == NARROW)
            browser.goto(f"{trackway.console_url}/login?token={trackway.token}")
            kind = f"-{'wide' if size == WIDE else 'narrow'}-{scheme}" if everything else ""
            for name, (path, ready, *clicks) in shown.items():
                _shot(browser, trackway.console_url + path, ready, clicks, folder / f"console-{name}{kind}.png")


def _shot(browser: Browser, url: str, ready: str, clicks: Sequence[str], path: Path) -> None:
    browser.goto(url)
    browser.until(ready)
    for selector in clicks:
        browser.click(selector)
    browser.until("document.fonts.status === 'loaded' && !document.querySelector('.spinner, [aria-busy=true]')")
    browser.shot(path)


def _a_refused_call(trackway: Trackway) -> str:
    found = send(f"{trackway.console_url}/api/quarantine?limit=1", method="GET", headers=_token(trackway))
    return str(json.loads(found.body)["calls"][0]["position"])


def _a_replay(trackway: Trackway) -> int:
    body = json.dumps({"destination": "crm", "where": 'event = "Order Completed"', "again": True, "rate": 1}).encode()
    headers = {**_token(trackway), "Content-Type": "application/json"}
    found = send(f"{trackway.console_url}/api/replays", method="POST", body=body, headers=headers)
    return json.loads(found.body)["id"]


def _token(trackway: Trackway) -> dict[str, str]:
    return {"Authorization": f"Bearer {trackway.token}"}


def _an_order(trackway: Trackway) -> dict[str, Any]:
    path = "/api/events?limit=50&name=order+completed&outcome=ok&body=0"
    found = send(trackway.console_url + path, method="GET", headers=_token(trackway))
    return json.loads(found.body)["events"][-1]


if __name__ == "__main__":
    if lack := missing():
        sys.exit(lack)
    take(Path(sys.argv[1]), everything="all" in sys.argv[2:])
