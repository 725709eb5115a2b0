"""The console's pages over the real product: what they show, what can be done, and that everybody can use them."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import duckdb
import pytest

from tests.browser.chromium import NOWHERE, ROOT, Browser
from tests.browser.sinks import REFUSAL, sinks
from tests.browser.test_untrusted_text import CORPUS
from tests.running import Trackway, send
from trackway.node.alerting.book import AlertBook, Standing
from trackway.state import open_state

pytestmark = pytest.mark.xdist_group("console pages")

AXE = ROOT / "node_modules/axe-core/axe.min.js"
SECRETS = ["s3cr3t-1", "s3cr3t-2"]
ORDER = {
    "type": "track", "event": "Order Completed", "userId": "u-7", "messageId": "order/7",
    "timestamp": "2026-11-20T10:00:00.000Z", "properties": {"total": 12.5, "products": [{"sku": "a"}]},
    "context": {"library": {"name": "analytics-node", "version": "3.1.0"}},
}  # fmt: skip
PAGES = [
    NOWHERE, "/", "/?range=24h", "/live", "/events/order%2F7", "/events/nobody-knows", "/sources",
    "/sources/web?tab=traffic", "/sources/web?tab=clients", "/sources/idle", "/sources/gone", "/destinations",
    "/destinations/picky",
    "/destinations/picky?tab=letters", "/destinations/analytics?tab=mapping", "/destinations/crm?tab=settings",
    "/destinations/picky?tab=breakdown&by=name", "/destinations/gone", "/alerts", "/settings?tab=changes",
    "/catalogue?tab=releases", "/warehouse", "/warehouse?warehouse=lake", "/warehouse/web/order_completed",
    "/warehouse/web/gone",
]  # fmt: skip

EVERY_PAGE = [
    "/", "/live", "/sources/web?tab=clients", "/destinations/picky?tab=letters", "/destinations/analytics?tab=mapping",
    "/alerts",
    "/destinations/picky?tab=breakdown&by=name", "/catalogue?tab=releases&by=name",
    "/catalogue", "/catalogue?tab=plan", "/catalogue?tab=violations", "/catalogue?tab=naming", "/catalogue?tab=news",
    "/warehouse", "/warehouse/web/tracks", "/warehouse/web/identifies", "/quarantine", "/replay", "/people",
    "/settings", "/settings?tab=changes",
]  # fmt: skip

VIOLATIONS = """axe.run(document, {resultTypes: ['violations'], preload: false, ...%s}).then(
    result => result.violations.flatMap(each =>
        each.nodes.map(node => `${each.id}: ${node.target.join(' ')} ${node.failureSummary}`)))"""
FITS = """[document.documentElement, ...document.querySelectorAll('.main, .page, .page-body')]
    .every(each => each.scrollWidth <= each.clientWidth + 1)"""


class Product(NamedTuple):
    """The running product and a browser that is logged in."""

    trackway: Trackway
    browser: Browser

    def open(self, path: str, until: str = "document.querySelector('h1, .state h2')") -> Browser:
        self.browser.goto(self.trackway.console_url + path)
        self.browser.until(until)
        return self.browser

    def api(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.trackway.token}"}
        return send(self.trackway.console_url + path, method="GET", headers=headers).json()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trackway]:
    with sinks() as url:
        trackway = Trackway(
            tmp_path_factory.mktemp("console"),
            sources={"web": {"name": "Web shop"}, "idle": {"name": "Order service", "write_keys": ["wk_idle_1"]}},
            destinations={
                "crm": {
                    "type": "webhook",
                    "name": "CRM",
                    "settings": {"url": f"{url}/ok", "shared_secret": SECRETS[0]},
                },
                "picky": {"type": "webhook", "name": "Picky", "settings": {"url": f"{url}/picky"}},
                "down": {"type": "webhook", "name": "Down", "settings": {"url": f"{url}/down"}},
                "analytics": {"type": "posthog", "settings": {"api_key": SECRETS[1], "host": url}},
            },
            warehouses={"lake": {"type": "files", "path": "data/lake"}},
            delivery={"allow_private_addresses": True},
            alerts={
                "channels": {"ops": {"type": "webhook", "url": f"{url}/ok"}},
                "rules": {"destination-down": {"when": "destination_down", "over": "1s"}},
            },
        )
        _remember_an_alert(trackway)
        trackway.start()
        try:
            _fill(trackway)
            yield trackway
        finally:
            trackway.kill()


def _remember_an_alert(trackway: Trackway) -> None:
    engine = open_state(trackway.folder / "data" / "state.db")
    over = Standing(
        rule="ledger", subject="crm", since_ms=1_790_000_000_000, fired_ms=1_790_000_000_000,
        resolved_ms=1_790_000_240_000, title=f"crm: {CORPUS[0]}", text="It was so.",
    )  # fmt: skip
    AlertBook(engine).write([], [("ledger", "crm")], over=[over])
    engine.dispose()


def _fill(trackway: Trackway) -> None:
    trackway.wait_for(lambda: len(_ledger(trackway)) == 4, what="all destinations to begin", timeout_s=60)
    calls: list[dict[str, Any]] = [ORDER, ORDER, {"type": "track", "event": 7, "userId": "u", "messageId": "bad"}]
    person = {"type": "identify", "traits": {"plan": "pro"}, "context": {"app": {"version": "2.0"}}}
    calls += [{**person, "userId": f"u{number}", "messageId": f"id{number}"} for number in range(3)]
    calls += [_hostile(text, number) for number, text in enumerate(CORPUS)]
    calls += [_refused(text, number) for number, text in enumerate(CORPUS)]
    trackway.post("/v1/batch", {"batch": calls})
    trackway.settle()
    trackway.wait_for(lambda: _is_loaded(trackway), what="the second warehouse", timeout_s=60)
    trackway.wait_for(lambda: _ledger(trackway)["picky"]["failed"].get("400", 0) >= 3, what="the refusals")
    trackway.wait_for(lambda: _ledger(trackway)["crm"]["pending"] == 0, what="the deliveries")


def _is_loaded(trackway: Trackway) -> bool:
    headers = {"Authorization": f"Bearer {trackway.token}"}
    found = send(f"{trackway.console_url}/api/warehouse", method="GET", headers=headers, timeout_s=30).json()
    return all(one["status"]["lag"] == 0 and one["status"]["events"] > 0 for one in found["warehouses"])


def _hostile(text: str, number: int) -> dict[str, Any]:
    bent = text.replace("\x00", "")
    return {
        "type": "identify" if number % 2 else "track", "event": bent, "name": bent, "userId": bent, "anonymousId": bent,
        "messageId": f"x{number} {bent}"[:100], "traits": {bent: bent},
        "properties": {bent: bent, "deep": [{bent: [bent]}]},
        "context": {"library": {"name": bent, "version": bent}, "page": {"url": bent}, "userAgent": bent, "ip": bent},
    }  # fmt: skip


def _refused(text: str, number: int) -> dict[str, Any]:
    wrong = {"properties": text, "type": "track"} if number % 2 else {"traits": [text], "type": "identify"}
    return {**_hostile(text, number), **wrong, "messageId": f"r{number} {text}"[:100]}


def _ledger(trackway: Trackway) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {trackway.token}"}
    found = send(f"{trackway.console_url}/api/ledger", method="GET", headers=headers, timeout_s=30).json()
    return {line["destination"]: line for line in found["destinations"]}


@pytest.fixture
def product(chromium: Browser, running: Trackway) -> Iterator[Product]:
    chromium.open()
    chromium.goto(f"{running.console_url}/login?token={running.token}&next=/api/health")
    yield Product(running, chromium)
    # Text over a selection in the editor: Chromium would keep the old colours, which the policy forbids, as it should.
    by_the_browser = ("console Applying inline style", "policy style-src-attr inline :0")
    assert [one for one in chromium.problems() if not one.startswith(by_the_browser)] == []


def test_every_page_is_accessible_and_fits_wide_and_narrow(chromium: Browser, running: Trackway) -> None:
    chromium.open()
    chromium.goto(f"{running.console_url}/login?token={running.token}")
    browser = Product(running, chromium).open(NOWHERE)
    browser.evaluate(AXE.read_text("utf-8") + "\n;0")
    found: dict[str, Any] = {}
    for path in PAGES:
        browser.size(1440, 900)
        browser.scheme("light")
        path == NOWHERE or browser.visit(
            path, "document.querySelector('h1, .state h2') && !document.querySelector('[aria-busy=true]')"
        )
        found[path] = browser.evaluate(VIOLATIONS % "{}")
        # What a page is made of does not depend on its colours, so the dark one is only asked for these.
        browser.scheme("dark")
        found[f"{path} dark"] = browser.evaluate(VIOLATIONS % "{runOnly: ['color-contrast']}")
        browser.size(390, 844)
        found[f"{path} narrow"] = [] if browser.evaluate(FITS) else ["scrolls sideways"]
    assert {where: what for where, what in found.items() if what} == {}


def test_the_overview_says_what_needs_attention_and_that_the_ledger_balances(product: Product) -> None:
    browser = product.open("/", "document.querySelector('.problems')?.innerText.includes('Down: not answering')")
    assert "Picky: some events fail" in browser.text(".problems")
    browser.until("document.querySelector('.stats')?.innerText.includes('Balanced')")
    browser.click(".problems a:has-text('Look')")
    browser.until("location.pathname.startsWith('/destinations/')")
    browser.back()
    browser.until("document.querySelector('.problems')")
    browser.click("[role=radio]:has-text('7 days')")
    browser.until("location.search === '?range=7d'")


def test_alerts_say_what_holds_who_was_told_and_what_is_over(product: Product) -> None:
    browser = product.open("/alerts", "document.querySelector('.alerts-now .firing')")
    assert browser.text(".alerts-now .firing h3") == "down: destination is down"
    browser.until("document.querySelector('.alerts-now').innerText.includes('told ops')")
    assert "1 firing" in browser.text("[aria-label=Rules] tr:has-text('destination-down')")
    history = browser.text("[aria-label='Alerts that are over']")
    assert CORPUS[0] in history
    assert "4 min" in history
    browser.click("text=Send a test")
    browser.until("document.querySelector('.toast')?.textContent === 'ops took the message'")
    browser.click(".alerts-now a")
    browser.until("location.pathname === '/destinations/down'")


def test_a_change_of_settings_is_listed_with_what_was_before(product: Product) -> None:
    browser = product.open("/settings?tab=changes", "document.querySelector('.settings-changes, .state h2')")
    file = product.trackway.folder / "trackway.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("over: 1s", "over: 2s"), "utf-8")
    browser.until("document.querySelector('.settings-changes li')?.innerText.includes('destination-down.over')")
    assert browser.text(".settings-changes li:first-child dd").split() == ["before", "1s→2s"]


def test_an_event_tells_its_whole_story(product: Product) -> None:
    browser = product.open("/events/order%2F7", "document.querySelector('.timeline')")
    shown = browser.evaluate("document.querySelector('.timeline').textContent")
    told = "Received Accepted Pipeline /channel /receivedAt CRM Delivered 200 order_completed"
    assert [words for words in told.split() if words not in shown] == []
    assert browser.text(".event-calls").startswith("2 calls came with this id")
    browser.click(".step-actions >> text=Copy as curl")
    browser.until("document.querySelector('.timeline').textContent.includes('Copied')")
    assert "order/7" in browser.evaluate("navigator.clipboard.readText()")
    browser.click("[role=radio]:has-text('Against the call')")
    browser.until("document.querySelector('.diff-added')")
    browser.click("li.step:has-text('CRM') >> text=Show the request")
    browser.until("document.querySelector('.previewed pre')")
    assert "s3cr3t" not in browser.evaluate("document.body.innerText")


def test_an_event_is_sent_again_and_the_replay_shows_up_in_its_story(product: Product) -> None:
    browser = product.open("/events/order%2F7", "document.querySelector('.timeline')")
    browser.click("li.step:has-text('CRM') >> text=Send again")
    browser.until("document.querySelector('dialog[open]')")
    browser.press("Escape")
    browser.until("!document.querySelector('dialog')")
    browser.click("li.step:has-text('CRM') >> text=Send again")
    browser.click("dialog >> text=Send again")
    browser.until("document.querySelector('.timeline').innerText.includes('by replay')", timeout_s=60)


def test_a_test_case_is_made_without_secrets(product: Product) -> None:
    event = product.api("/api/trace/order%2F7")["stories"][0]["event"]
    product.open("/destinations")
    made = product.browser.evaluate(f"""fetch('/api/destinations/crm/case', {{
        method: 'POST', headers: {{'Content-Type': 'application/json'}},
        body: JSON.stringify({{event: {json.dumps(event)}}}),
    }}).then(answer => answer.json())""")
    assert made["request"]["json"]["messageId"] == "order/7"
    assert "s3cr3t" not in json.dumps(made)


def test_a_source_is_set_up_and_its_first_event_is_seen(product: Product) -> None:
    browser = product.open("/sources/idle", "document.querySelector('.first-check')?.innerText.includes('Waiting')")
    for client in ("Web", "Node", "Python", "curl", "iOS", "Android"):
        browser.click(f"[role=radio]:has-text('{client}')")
        browser.until("document.querySelector('.code-block pre').textContent.includes('wk_idle_1')")
    product.trackway.post("/v1/track", {"userId": "u1", "event": "Hello"}, write_key="wk_idle_1")
    browser.until("document.querySelector('.first-check')?.innerText.includes('It works')")
    browser.click("[role=tab]:has-text('Clients')")
    browser.until("document.querySelector('.table')?.innerText.includes('not named')", timeout_s=60)


def test_a_destination_is_paused_and_resumed(product: Product) -> None:
    browser = product.open("/destinations/crm", "document.querySelector('.page-actions')?.innerText.includes('Pause')")
    browser.until("/Answers within\\s+\\d+ m?s/.test(document.querySelector('.stats').innerText)")
    browser.click(".page-actions >> text=Pause")
    browser.click("dialog .primary")
    browser.until("document.querySelector('.page-note').innerText.includes('Paused')")
    states = {one["destination"]: one["state"] for one in product.api("/api/destinations")["destinations"]}
    assert states["crm"] == "paused"
    browser.click(".page-actions >> text=Resume")
    browser.until("document.querySelector('.page-note').innerText.includes('Up to date')")


def test_dead_letters_show_request_and_answer_and_are_released(product: Product) -> None:
    browser = product.open("/destinations/picky?tab=letters", "document.querySelector('.letter-group')")
    browser.click(".letter-toggle")
    browser.until("document.querySelector('.exchange')")
    assert REFUSAL in browser.text(".exchange")
    browser.click(".letter-group header >> text=Release")
    browser.click("dialog .primary")
    browser.until("document.querySelector('.toasts').innerText.includes('tried again')")
    trackway = product.trackway
    trackway.wait_for(lambda: _ledger(trackway)["picky"]["failed"].get("400", 0) >= 3, what="their return")


def test_a_breakdown_finds_the_bad_release_and_what_is_bad_about_it(product: Product) -> None:
    path = "/destinations/picky?tab=breakdown&since=all"
    browser = product.open(path)
    browser.until("document.querySelector('[aria-label=\"By app version\"] tbody tr')", timeout_s=60)
    cells = "[...document.querySelectorAll('.table tbody tr')].map(row => [...row.cells].map(cell => cell.innerText))"
    [bad] = [row for row in browser.evaluate(cells) if row[0] == "2.0"]
    assert (bad[1], bad[2], bad[5]) == ("3", "0", "3")
    assert "400" in bad[-1]
    browser.click(".table .lead:has-text('2.0')")
    browser.until("new URLSearchParams(location.search).get('only-version') === '2.0'")
    browser.until("document.querySelector('.table tbody').innerText.includes('without a name')")
    browser.click("[role=radio]:has-text('Type')")
    browser.until("document.querySelector('.table tbody').innerText.includes('identify')")
    browser.click("text=Look at these events")
    browser.until("document.querySelectorAll('.row.entry').length === 3")
    assert browser.evaluate("new URLSearchParams(location.search).get('where')") == 'context.app.version = "2.0"'
    browser.back()
    browser.until("document.querySelector('.table tbody')?.innerText.includes('identify')")
    browser.click(".breakdown-chips button")
    browser.until("document.querySelectorAll('.table tbody tr').length > 1")


def test_a_warehouse_is_compared_with_the_log_and_a_table_made_anew(product: Product) -> None:
    browser = product.open("/warehouse", "document.querySelector('.section-actions, .page-actions')")
    browser.click("text=Compare with the log")
    browser.until("/All [0-9]+ tables agree with the log/.test(document.querySelector('.notice')?.innerText)")
    product.open("/warehouse/web/tracks", "document.querySelector('.grid-row')")
    browser.click("text=Rebuild …")
    browser.click("dialog .primary")
    browser.until("/made anew: [0-9]+ rows/.test(document.querySelector('.notice')?.innerText)")


def test_a_column_gets_another_type_after_a_word_on_what_that_means(product: Product) -> None:
    path = "/warehouse/web/order_completed"
    browser = product.open(path, "document.querySelector('.grid-row')?.innerText.includes('12.5')")
    browser.click("[aria-label='Change type … of total']")
    assert "_rest" in browser.text("dialog")
    assert browser.evaluate("document.querySelector('dialog .primary').disabled")
    browser.click("dialog label:has-text('integer')")
    browser.click("dialog .primary")
    browser.until("document.querySelector('.notice.good')?.innerText.includes('total is integer now')", timeout_s=60)
    browser.until(
        """document.querySelector("[aria-label='Columns with diverted values']")?.innerText.includes('12.5')"""
    )
    product.open(f"{path}?warehouse=lake", "document.querySelector('.grid-row')?.innerText.includes('12.5')")


def test_a_warehouse_is_copied_for_other_tools_where_these_need_it(product: Product) -> None:
    browser = product.open("/warehouse", "document.querySelectorAll('.warehouse-others').length === 2")
    assert browser.count("text=Copy for other tools") == 1
    assert "Other tools read the files where they are" in browser.text(".main")
    browser.click("text=Copy for other tools")
    browser.until("/ were copied/.test(document.querySelector('.notice.good')?.innerText)", timeout_s=60)
    copy = product.trackway.folder / "data" / "warehouse.snapshot.duckdb"
    assert str(copy) in browser.text(".notice.good")
    with duckdb.connect(copy, read_only=True) as connection:
        assert connection.execute("select count(*) from web.order_completed").fetchall() == [(1,)]
    browser.until("document.querySelector('.warehouse-others').innerText.includes('was made just now')")


def test_a_connection_test_says_what_came_of_it(product: Product) -> None:
    browser = product.open("/destinations/crm", "document.querySelector('.page-actions')?.innerText.includes('Test')")
    browser.click("text=Test connection")
    browser.until("document.querySelector('.check-result')")
    assert "no way to ask" in browser.text(".check-result")


def test_mapping_and_settings_hide_secrets(product: Product) -> None:
    browser = product.open("/destinations/analytics?tab=mapping", "document.querySelector('.table')")
    assert "distinct_id" in browser.text(".table")
    browser.click("[role=tab]:has-text('Settings')")
    browser.until("document.querySelector('.table')?.innerText.includes('api_key')")
    assert "s3cr3t" not in browser.evaluate("document.documentElement.outerHTML")


def test_a_filter_in_fql_is_marked_where_it_is_wrong(product: Product) -> None:
    browser = product.open("/live", "document.querySelector('.row.entry')")
    browser.fill(".fql input", 'event = "Order Completed" annd type = "track"')
    browser.until("document.querySelector('.fql-problem mark')?.textContent === 'a'")
    browser.fill(".fql input", 'event = "Order Completed"')
    browser.until("new URLSearchParams(location.search).get('where')?.startsWith('event =')")
    names = "new Set([...document.querySelectorAll('.row.entry .name')].map(each => each.textContent))"
    browser.until(f"[...{names}].join() === 'Order Completed'")
    browser.click(".row.entry")
    browser.click(".panel >> text=Trace")
    browser.until("location.pathname === '/events/order%2F7'")
    browser.back()
    browser.until("document.querySelector('.panel')")


def test_colours_follow_the_switch_and_are_remembered(product: Product) -> None:
    browser = product.open("/sources")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = browser.evaluate(colour)
    browser.click(".theme-switch")
    browser.click(".theme-switch")
    browser.until("document.documentElement.dataset.theme === 'dark'")
    assert browser.evaluate(colour) != light
    product.open("/sources")
    assert browser.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_keyboard_goes_on_at_the_top_of_where_a_link_led(product: Product) -> None:
    browser = product.open("/destinations", "document.querySelector('.table .lead')")
    browser.evaluate("document.querySelector('.table .lead').focus()")
    browser.press("Enter")
    browser.until("location.pathname === '/destinations/crm' && document.activeElement.id === 'main'")
    browser.press("Tab")
    browser.until("document.activeElement.className === 'page-back'")


def test_the_menu_of_a_narrow_window_opens_by_keyboard_and_closes(product: Product) -> None:
    browser = product.open("/sources")
    browser.size(390, 844)
    browser.until("document.querySelector('.nav-menu').offsetParent")
    browser.evaluate("document.querySelector('.nav-menu').focus()")
    browser.press("Enter")
    browser.until("document.querySelector('.nav-item').offsetParent")
    browser.press("Escape")
    browser.until("!document.querySelector('.nav-item').offsetParent && document.activeElement.matches('.nav-menu')")
    browser.click(".nav-menu")
    browser.click(".nav-item:has-text('Destinations')")
    browser.until("location.pathname === '/destinations' && !document.querySelector('.nav-item').offsetParent")


def test_strangers_text_never_runs_on_any_page(product: Product) -> None:
    ids = [event["messageId"] for event in product.api("/api/events?limit=200&body=0")["events"]]
    hostile = [message_id for message_id in ids if message_id.startswith("x")]
    assert len(hostile) >= len(CORPUS) - 1
    browser = product.open("/")
    for path in [f"/events/{quote(message_id, safe='')}" for message_id in hostile]:
        browser.visit(path, "document.querySelector('.timeline, .state')")
        browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        _nothing_ran(browser, path)
    quarantined = product.api("/api/quarantine?limit=200")["calls"]
    assert len(quarantined) > len(CORPUS), "the corpus is in the refused calls, too"
    # Lists have all of it, so a few of each kind are enough where a page is about one thing.
    pages = [*EVERY_PAGE, *(f"/{call['position']}" for call in quarantined[:4])]
    pages += [f"/people?id={quote(text, safe='')}" for text in CORPUS[:3]]
    events = product.api("/api/catalogue")["events"]
    pages += [f"/catalogue/web/{one['type']}/{quote(one['name'], safe='')}" for one in events if "<" in one["name"]][:4]
    for path in pages:
        browser.visit(path, "document.querySelector('h1, .state h2') && !document.querySelector('[aria-busy=true]')")
        browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        _nothing_ran(browser, path)


def test_strangers_text_never_runs_in_results_and_previews(product: Product) -> None:
    browser = product.open("/sql")
    browser.until("document.querySelector('.editor-box')?.shadowRoot?.querySelector('.cm-content')")
    browser.write(".sql-editor .cm-content", "select * from web.tracks order by id")
    browser.click("text=Run")
    browser.until("document.querySelectorAll('.grid-row').length > 5")
    assert "onerror" in browser.evaluate("document.querySelector('.grid').textContent")
    browser.click("[role=radio]:has-text('Chart')")
    _nothing_ran(browser, "the chart")
    browser.visit("/replay?to=crm&range=all&again=1", "document.querySelector('h1')")
    browser.click("text=Dry run")
    browser.until("document.querySelector('.replay-preview')?.textContent.includes('looked at')", timeout_s=60)
    browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    _nothing_ran(browser, "the dry run")
    browser.visit("/playground?as=json&show=result")
    browser.until("document.querySelector('.editor-box')?.shadowRoot?.querySelector('.cm-content')")
    for number, text in enumerate(CORPUS[:3]):
        call = {**_hostile(text, number), "properties": dict.fromkeys(CORPUS, CORPUS)}
        browser.write(".play-editor .cm-content", json.dumps(call))
        browser.until(f"document.querySelector('.play-result')?.textContent.includes({json.dumps(text)})")
        browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        _nothing_ran(browser, f"the playground with {text}")


def _nothing_ran(browser: Browser, where: str) -> None:
    assert browser.evaluate("window.__hit") is None, where
    assert browser.evaluate("({}).polluted") is None, where
    assert browser.count("#app script, #app iframe, #app img, #app math") == 0, where
